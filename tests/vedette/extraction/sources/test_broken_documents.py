"""Whatever is broken in a document of vulnerabilities: it is read or refused, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.extraction.sources import (
    test_bugtraq,
    test_cpe,
    test_cve,
    test_epss,
    test_fsecure,
    test_kev,
    test_nvd,
    test_sophos,
)
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.sources.bugtraq import Bugtraq
from vedette.extraction.sources.cpe import Cpe
from vedette.extraction.sources.cve import Cve
from vedette.extraction.sources.epss import Epss
from vedette.extraction.sources.fsecure import FSecure
from vedette.extraction.sources.kev import Kev
from vedette.extraction.sources.metasploit import Metasploit
from vedette.extraction.sources.nvd import Nvd
from vedette.extraction.sources.sophos import Sophos
from vedette.extraction.subgraph import MAX_NAME, MAX_TEXT

EXAMPLES = 40
"""Of each document."""

MODULES = {"a/b": {"fullname": "exploit/a/b", "references": ["CVE-2031-0001"], "disclosure_date": "2031-01-01"}}
NVD = {"vulnerabilities": [{"cve": test_nvd.CVE}]}
JSON: list[tuple[Extractor, Any]] = [
    (Nvd(), NVD),
    (Cve(), test_cve.RECORD),
    (Cpe(), {"products": [{"cpe": {"cpeName": "cpe:2.3:a:x:y", "titles": [{"lang": "en", "title": "Y"}]}}]}),
    (Kev(), {"vulnerabilities": [test_kev.ENTRY]}),
    (Epss(), {"data": [{"cve": "CVE-2031-0001", "epss": "0.1", "percentile": "0.2", "date": "2031-01-01"}]}),
    (Metasploit(), MODULES),
]
DOCUMENTS: list[tuple[Extractor, bytes]] = [
    (Nvd(), test_nvd.XML.encode()),
    (Nvd(), json.dumps(NVD).encode()),
    (Cve(), test_cve.XML),
    (Cpe(), test_cpe.XML.encode()),
    (Kev(), test_kev.CSV.encode()),
    (Epss(), test_epss.CSV.encode()),
    (Metasploit(), json.dumps(MODULES).encode()),
    (Bugtraq(), test_bugtraq.info("CVE-2031-0001").encode()),
    (Sophos(), test_sophos.DETAILS.encode()),
    (FSecure(), test_fsecure.PAGE.encode()),
]

_ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, -1, 2**63, 1e300, "", "\0", "\ud800x", "x" * 3_000, [], {}, [[]], [None], [{}], {"a": []}, "CVE-1-1"]
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a JSON value something else could stand."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, member in members for found in _paths(member, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], other: object) -> Any:
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], other)
    return copy


def _check(extractor: Extractor, content: bytes) -> None:
    try:
        subgraph = extractor.extract(Document(content=content))
    except ExtractionError:
        return
    for vertex in subgraph.vertices.values():
        for name, value in vertex.properties.items():
            for text in value if isinstance(value, tuple) else (str(value),):
                assert len(text) <= (MAX_TEXT if name in ("description", "shortDescription") else MAX_NAME)
                assert "\0" not in text
                text.encode()
    assert {end for edge in subgraph.edges for end in (edge.out_id, edge.in_id)} <= set(subgraph.vertices)
    json.dumps(subgraph.as_stucco(), allow_nan=False)


@pytest.mark.parametrize(("extractor", "value"), JSON, ids=lambda one: getattr(one, "name", ""))
@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_anything_may_stand_anywhere_in_json(extractor: Extractor, value: Any, data: st.DataObject) -> None:
    broken = value
    for _ in range(data.draw(st.integers(1, 3))):
        broken = _with(broken, data.draw(st.sampled_from(_paths(broken))), data.draw(_ODD))
    _check(extractor, json.dumps(broken).encode())


@pytest.mark.parametrize(("extractor", "content"), DOCUMENTS, ids=lambda one: getattr(one, "name", ""))
@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_any_bytes_may_be_missing_or_other_ones(extractor: Extractor, content: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    inserted = data.draw(st.binary(max_size=8) | st.sampled_from([b"<", b">", b'"', b"&", b"\xff", b"]]>", b"<!--"]))
    _check(extractor, content[:start] + inserted + content[end:])
