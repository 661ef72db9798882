"""Documents of which bytes were changed, lost or doubled: each is read in part, or refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.extraction.sources.test_abuse_ch import THREATFOX_CSV, THREATFOX_ENTRY, URLHAUS_CSV, URLHAUS_ENTRY
from tests.vedette.extraction.sources.test_address_lists import LIST
from tests.vedette.extraction.sources.test_caida import JSON, OWNERS, PREFIXES
from tests.vedette.extraction.sources.test_cleanmx import DOCUMENT
from tests.vedette.extraction.sources.test_geoip import BLOCKS, PLACES
from tests.vedette.extraction.sources.test_malwaredomainlist import CSV, FEED, PAGE
from tests.vedette.extraction.sources.test_nmap import HOST, SIX, scan
from tests.vedette.extraction.sources.test_probe_forms import DNS, HTTP, TCP, TLS, payload
from vedette.extraction.interface import Document, ExtractionError, Extractor, ExtractorCatalogue
from vedette.extraction.subgraph import MAX_NAME, MAX_TEXT, Subgraph

SAMPLES: dict[str, list[bytes]] = {
    "1d4": [LIST.encode()],
    "caida": [OWNERS.encode(), JSON.encode(), PREFIXES.encode()],
    "cleanmx": [DOCUMENT.encode()],
    "dns": [payload(DNS)],
    "geoip": [BLOCKS.encode(), PLACES.encode()],
    "http-headers": [payload(HTTP)],
    "malwaredomainlist": [PAGE.encode(), CSV.encode(), FEED.encode()],
    "nmap": [scan(HOST, SIX).encode()],
    "tcp-connect": [payload(TCP)],
    "threatfox": [THREATFOX_CSV.encode(), json.dumps({"1": [THREATFOX_ENTRY]}).encode()],
    "tls-certificate": [payload(TLS)],
    "urlhaus": [URLHAUS_CSV.encode(), json.dumps({"1": [URLHAUS_ENTRY]}).encode()],
}

pieces = st.binary(max_size=6) | st.sampled_from(
    [
        b"\0",
        b'"',
        b"<",
        b"&a;",
        b"]]>",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\n",
        b"192.0.2.1",
        b"-",
        b"9" * 25,
    ]
)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=12)
@given(data=st.data())
def test_whatever_is_changed_it_is_read_in_part_or_refused(name: str, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(SAMPLES[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(document)))
        length = data.draw(st.integers(0, 12) | st.just(len(document)))
        document = document[:start] + data.draw(pieces) + document[start + length :]

    check(ExtractorCatalogue().extractor(name), document)


def check(extractor: Extractor, document: bytes) -> None:
    """Check that what is stated can be stored, whatever the document."""
    try:
        found = extractor.extract(Document(content=document))
    except ExtractionError:
        return
    assert json.dumps(found.as_stucco(), ensure_ascii=False).encode()
    assert all(edge.out_id in found.vertices and edge.in_id in found.vertices for edge in found.edges)
    assert all(0 < len(vertex.name) <= MAX_NAME for vertex in found.vertices.values())
    assert all(_is_storable(text) for text in _texts(found))
    assert all(
        0 <= vertex.position.start <= (vertex.position.end or 0) <= len(document)
        for vertex in found.vertices.values()
        if vertex.position.start is not None
    )


def _texts(found: Subgraph) -> list[str]:
    said = [*found.vertices.values(), *found.edges]
    values = [value for one in said for value in one.properties.values()]
    return [text for value in values for text in (value if isinstance(value, tuple) else (str(value),))]


def _is_storable(text: str) -> bool:
    return "\0" not in text and len(text) <= MAX_TEXT
