"""A document that came under the wrong name: it is refused in a sentence, and nothing is made up."""

from __future__ import annotations

import pytest

from vedette.extraction.interface import Document, ExtractionError, ExtractorCatalogue

CATALOGUE = ExtractorCatalogue()
NOTHING = {
    "empty": b"",
    "spaces": b" \r\n\t",
    "NUL": b"\0",
    "many NUL": b"\0" * 64,
    "a mark alone": b"\xff\xfe",
    "half a character": b"\xff\xfe\0",
    "a quote": b'"',
    "quotes": b'"\n' * 50,
    "braces": b"{" * 999,
    "binary": b"\x7fELF\x02\x01\x01\0\0\0\n\0,\0",
    "UTF-16 without its mark": "192.0.2.1,a\n".encode("utf-16-le"),
    "{}": b"{}",
    "[]": b"[]",
    "[{}]": b"[{}]",
    "[null]": b"[null]",
    "another object": b'{"serial": 7, "colour": "red"}',
    "<a/>": b"<a/>",
    "another page": b"<!DOCTYPE html>\n<html><head><title>503</title></head>\n<body>Back soon, ok?</body></html>\n",
    "another feed": b'<?xml version="1.0"?>\n<feed><entry><title>Anvils</title></entry>\n</feed>\n',
}
TABLES = ["argus", "hone", "installed_package", "login_events", "malwaredomainlist", "serverbanner", "servicelist"]


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_what_is_no_document_of_a_source_states_nothing(name: str) -> None:
    made_up, reasons = [], []
    for what, content in NOTHING.items():
        try:
            made_up += [what] if CATALOGUE.extractor(name).extract(Document(content=content)).vertices else []
        except ExtractionError as error:
            reasons.append(str(error))

    assert not made_up
    # Any text may be prose: only what is none is refused.
    assert len(reasons) >= len(NOTHING) // (3 if name == "prose" else 2)
    assert [reason for reason in reasons if len(reason.split()) < 3 or "\0" in reason] == []


@pytest.mark.parametrize("name", TABLES)
def test_an_error_page_instead_of_a_table_is_refused(name: str) -> None:
    with pytest.raises(ExtractionError, match="expected|begins with"):
        CATALOGUE.extractor(name).extract(Document(content=NOTHING["another feed"]))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("login_events", b'[{"serial": 7}]', "no kind"),
        ("malwaredomainlist", b'"2026/01/02_03:04","recnum","-","-","x","-","-"\n', "'recnum' is no URL"),
        ("threatfox", b'{"data": [{"ioc": "Luxembourg", "malware": "win.x"}]}', "names no indicator: 'Luxembourg'"),
        ("urlhaus", b'{"urls": [{"url": "Luxembourg", "threat": "malware_download"}]}', "names no URL: 'Luxembourg'"),
        ("tcp-connect", b'{"form": "tcp-connect/1", "target": []}', "read; target is an array, not a text"),
    ],
    ids=["login_events", "malwaredomainlist", "threatfox", "urlhaus", "tcp-connect"],
)
def test_an_entry_of_another_kind_is_no_entry(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        CATALOGUE.extractor(name).extract(Document(content=content))
