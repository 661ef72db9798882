"""Entries of XML documents: where they stand, and what ends a document early."""

from __future__ import annotations

import codecs
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.entries import Entry
from vedette.extraction.interface import ExtractionError
from vedette.extraction.xml_entries import xml_entries
from vedette.extraction.xml_parser import MAX_DEPTH


def test_each_entry_knows_its_bytes_and_has_local_names() -> None:
    content = (
        b'<n:nvd xmlns:n="urn:n"><n:entry n:id="1">\xc3\xbc<n:a>x</n:a></n:entry ><entry id="2"/>\n'
        b'<entry id="3"></entry><l><entry id="4"/></l><entry-list><entry id="5"/></entry-list></n:nvd>'
    )

    entries = list(xml_entries(content, roots={"nvd"}, names={"entry"}))

    assert [entry.value.get("id") for entry in entries] == ["1", "2", "3", "4", "5"]
    assert [content[entry.start : entry.end] for entry in entries] == [
        b'<n:entry n:id="1">\xc3\xbc<n:a>x</n:a></n:entry >',
        b'<entry id="2"/>',
        b'<entry id="3"></entry>',
        b'<entry id="4"/>',
        b'<entry id="5"/>',
    ]
    assert entries[0].value.findtext("a") == "x"
    assert str(entries[1].position("CVE-1")) == f"entry CVE-1 [{entries[1].start}-{entries[1].end}]"


def test_white_space_a_mark_and_undeclared_prefixes_are_taken() -> None:
    for lead in (b"", b" \n\t", codecs.BOM_UTF8, codecs.BOM_UTF8 + b" \r\n"):
        content = (
            lead + b"<?xml version='1.0' encoding='UTF-8'?><nvd><entry><vuln:a xmlns:b='c'>x</vuln:a></entry></nvd>"
        )
        [entry] = xml_entries(content, roots={"nvd"}, names={"entry"})
        assert entry.value.findtext("a") == "x"
        assert content[entry.start : entry.end].startswith(b"<entry><vuln:a")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "iso-8859-1", "windows-1252"])
def test_other_encodings_are_read(encoding: str) -> None:
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    declared = "utf-16" if encoding in marks else encoding
    text = f"<?xml version='1.0' encoding='{declared}'?><nvd><entry>Zoë</entry><entry/></nvd>"
    content = marks.get(encoding, b"") + text.encode(encoding)
    entries = list(xml_entries(content, roots={"nvd"}, names={"entry"}))
    assert [entry.value.text for entry in entries] == ["Zoë", None]
    places = [content[entry.start : entry.end].decode(encoding) for entry in entries]
    assert places == ["<entry>Zoë</entry>", "<entry/>"]


def test_entries_within_entries_belong_to_them() -> None:
    content = b"<list><group><item><item>in</item></item></group><item/></list>"
    found = list(xml_entries(content, roots={"list"}, names={"item"}))
    assert [content[one.start : one.end] for one in found] == [b"<item><item>in</item></item>", b"<item/>"]


BOMB = b"""<!DOCTYPE nvd [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><nvd><entry>&b;</entry></nvd>"""
OUTSIDE = b"""<!DOCTYPE nvd [<!ENTITY x SYSTEM "file:///etc/passwd">]><nvd><entry>&x;</entry></nvd>"""
REMOTE = b"""<!DOCTYPE nvd SYSTEM "http://127.0.0.1:1/x.dtd"><nvd><entry/></nvd>"""


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, REMOTE])
def test_document_types_are_refused(content: bytes) -> None:
    with pytest.raises(ExtractionError, match="document type"):
        list(xml_entries(content, roots={"nvd"}, names={"entry"}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"<html><body/></html>", "begins with <html>, not with <nvd>"),
        (b"id,name\n1,2\n", "not well-formed XML at byte 0"),
        (b"<nvd>&undefined;</nvd>", "undefined entity"),
        (b"<nvd><a></b></nvd>", "mismatched tag"),
        (b"<?xml version='1.0' encoding='no-such'?><nvd/>", "unknown encoding"),
        (b"<nvd>" + b"<a>" * MAX_DEPTH, "within each other"),
        (b"<nvd>\0</nvd>", "not well-formed"),
    ],
)
def test_what_cannot_be_read_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        list(xml_entries(content, roots={"nvd"}, names={"entry"}))


def _read(content: bytes) -> tuple[list[Entry[Element]], str]:
    found = []
    try:
        for entry in xml_entries(content, roots={"nvd"}, names={"entry"}):
            found.append(entry)
    except ExtractionError as error:
        return found, str(error)
    return found, ""


def test_what_stands_before_the_fault_is_read() -> None:
    content = b"<nvd><entry>1</entry><entry>2</entry><entry>3"
    found, reason = _read(content)
    assert [entry.value.text for entry in found] == ["1", "2"]
    assert f"at byte {len(content)}" in reason


def test_bytes_that_are_not_utf8_cost_themselves_only() -> None:
    content = b"<nvd><entry>Zo\xeb</entry><entry>\xc3\xab</entry></nvd>"
    found, reason = _read(content)
    assert [entry.value.text for entry in found] == ["Zo?", "ë"]
    assert reason == "1 bytes are not UTF-8, and were read as question marks"
    assert content[found[1].start : found[1].end] == b"<entry>\xc3\xab</entry>"


def test_characters_over_the_edges_of_chunks_are_whole() -> None:
    # Two, three and four bytes a character over the edges of 64 KiB chunks.
    text = "äö€😀" * 30_000
    content = f"<nvd><entry>{text}</entry><entry/></nvd>".encode()
    found, reason = _read(content)
    assert not reason
    assert found[0].value.text == text
    assert content[found[1].start : found[1].end] == b"<entry/>"


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(rest: bytes) -> None:
    for content in (rest, b"<nvd><entry>" + rest, b"<nvd><entry a='" + rest + b"'/></nvd>"):
        found, _ = _read(content)
        for entry in found:
            assert content[entry.start : entry.end].startswith(b"<")
