"""Given bytes of strangers, when they are processed, then what they hold comes out, within limits."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable

import docx
import openpyxl  # type: ignore[import-untyped]
import pypdf
import pytest
import zstandard
from odf import opendocument, text  # type: ignore[import-untyped]

from vedette.collection.compression import compression_of
from vedette.collection.content import Content, ProcessingError, ProcessingLimits
from vedette.collection.processing import ProcessorCatalogue, run_chain
from vedette.errors import ConfigurationError

LIMITS = ProcessingLimits(max_bytes=3_000_000, ratio=200, free=100_000, entries=50, depth=3, seconds=60)

NOISE = random.Random(1).randbytes(60_000)


def process(data: bytes, *steps: str, limits: ProcessingLimits = LIMITS) -> list[Content]:
    catalogue = ProcessorCatalogue()
    return run_chain(Content(data=data), [catalogue.processor(step) for step in steps], limits)


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return made.getvalue()


def tarred(*members: tuple[str, bytes], type: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(data), type, link
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_packed_by_content_whatever_its_name(kind: str) -> None:
    pack = PACKERS[kind]
    data = NOISE
    assert compression_of(pack(data)) == kind
    assert process(pack(data), "unzip")[0].data == data
    # Streams follow each other, and what is packed may be packed again.
    assert process(pack(data) + pack(b"end"), "unzip")[0].data == data + b"end"
    assert process(pack(pack(data)), "unzip")[0].data == data
    assert process(pack(b""), "unzip")[0].data == b""


@pytest.mark.parametrize("kind", PACKERS)
def test_bombs_and_damage_end_with_a_reason(kind: str) -> None:
    pack = PACKERS[kind]
    for data, reason in (
        (pack(bytes(10_000_000)), "a bomb"),
        (pack(b"x" * 1_000)[:-4], "cut off|damaged"),
        (pack(NOISE)[:300] + b"\0" * 300, "damaged|cut off"),
        (pack(pack(pack(pack(b"deep")))), "packed more than 3 times"),
    ):
        with pytest.raises(ProcessingError, match=reason):
            process(data, "unzip")


def test_many_empty_streams_end() -> None:
    with pytest.raises(ProcessingError, match="streams"):
        process(gzip.compress(b"") * 20_000, "unzip")


def test_what_is_not_packed_stays_as_it_is() -> None:
    content = Content(data=b"a,b\n", content_type="text/csv", charset="utf-8")
    assert run_chain(content, [ProcessorCatalogue().processor("unzip")], LIMITS) == [content]


def test_files_of_archives() -> None:
    entries = (("a.csv", b"1,2"), ("in/b.txt", b"text"))
    for found in (
        process(zipped(*entries), "unzip"),
        process(tarred(*entries), "tar-unzip"),
        process(gzip.compress(tarred(*entries)), "tar-unzip"),
        process(zipped(*entries, method=zipfile.ZIP_BZIP2), "unzip"),
    ):
        assert [(one.name, one.data) for one in found] == list(entries)


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", "line\nbreak"], ids=repr)
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(ProcessingError, match="leads out|is no name|damaged"):
        process(tarred((name, b"x")), "tar-unzip")
    with pytest.raises(ProcessingError, match="leads out|is no name"):
        process(zipped((name, b"x")), "unzip")


@pytest.mark.parametrize(
    "type",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE],
    ids=["symlink", "hard link", "device", "pipe"],
)
def test_links_and_devices_are_refused(type: bytes) -> None:
    with pytest.raises(ProcessingError, match="is a link, device"):
        process(tarred(("x", b""), type=type, link="/etc/passwd"), "tar-unzip")


def test_links_in_zip_archives_are_refused() -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(ProcessingError, match="is a link"):
        process(made.getvalue(), "unzip")


def test_archives_with_too_much_in_them_end() -> None:
    many = tuple((f"f{number}", b"") for number in range(60))
    bomb = (("bomb", bytes(20_000_000)),)
    for data, step, reason in (
        (zipped(*many), "unzip", "more than 50 entries"),
        (tarred(*many), "tar-unzip", "more than 50 entries"),
        (zipped(*bomb), "unzip", "a bomb"),
        (gzip.compress(tarred(*bomb)), "tar-unzip", "a bomb"),
        (zipped(("x", b"x" * 1_000))[:-10], "unzip", "damaged"),
        (tarred(("x", b"x" * 1_000))[:600], "tar-unzip", "damaged"),
        (b"no archive", "tar-unzip", "is no tar archive"),
    ):
        with pytest.raises(ProcessingError, match=reason):
            process(data, step)


def test_a_zip_whose_entries_say_less_than_they_hold() -> None:
    data = bytearray(zipped(("x", b"y" * 50_000)))
    real, lie = (50_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    with pytest.raises(ProcessingError):
        process(bytes(data.replace(real, lie)), "unzip")


def test_the_main_text_of_a_page() -> None:
    article = " ".join(f"Sentence number {number} of the advisory." for number in range(40))
    html = f"""<html lang="en-GB"><head><title>Advisory</title><meta name="author" content="Ann Example">
    <meta property="article:published_time" content="2026-11-20T10:00:00Z"></head><body><nav>Menu Menu Menu</nav>
    <article><h1>Advisory</h1><p>{article}</p></article><script>steal()</script></body></html>"""
    (found,) = process(html.encode(), "removeHTML")
    said = found.data.decode()
    assert "Sentence number 39" in said
    assert "steal" not in said
    assert "Menu" not in said
    assert dict(found.facts) == {
        "language": "en-GB",
        "title": "Advisory",
        "author": "Ann Example",
        "date": "2026-11-20",
    }
    assert (found.content_type, found.charset) == ("text/plain", "utf-8")


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"\0\0\0",
        b"<",
        b"<p>few words",
        b"<div>" * 20_000 + b"deep",
        b"\xff\xfe<\0p\0>\0h\0i\0",
        b"<html><body></html>",
    ],
    ids=["empty", "nulls", "open", "short", "deep", "utf-16", "bare"],
)
def test_pages_that_are_hardly_any(html: bytes) -> None:
    with contextlib.suppress(ProcessingError):
        (found,) = process(html, "removeHTML")
        assert isinstance(found.data.decode(), str)


@pytest.mark.parametrize(
    ("body", "charset", "said"),
    [
        ("Übergröße".encode("latin-1"), "utf-8", "Übergröße"),
        ("日本語のニュース".encode("shift_jis"), "shift_jis", "日本語のニュース"),
        ("Привет мир".encode("cp1251"), "windows-1251", "Привет мир"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode("utf-16"), "", "Grüße"),
        (b'<meta charset="koi8-r"><p>' + "Привет".encode("koi8-r"), "", "Привет"),
        (b"<p>plain", "bz2", "plain"),
        (b"<p>plain", "nonsense", "plain"),
    ],
    ids=["wrong utf-8", "shift_jis", "cp1251", "wrong latin-1", "utf-16", "in the page", "codec", "nonsense"],
)
def test_text_in_whatever_encoding_it_is_said_to_be(body: bytes, charset: str, said: str) -> None:
    step = ProcessorCatalogue().processor("removeHTML")
    (found,) = run_chain(Content(data=body, charset=charset), [step], LIMITS)
    assert said in found.data.decode()


def test_entities_of_a_page_are_not_expanded() -> None:
    html = b'<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY x SYSTEM "file:///etc/passwd">]><p>&a;&a; &x; end</p>'
    (found,) = process(html, "removeHTML")
    assert b"root:" not in found.data
    assert b"aaaaaaaaaa" not in found.data.replace(b'"aaaaaaaaaa"', b"")


def pdf() -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "Report", "/Author": "Ann"})
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.core_properties.title = "Report"
    document.add_paragraph("First paragraph")
    document.add_table(1, 1).rows[0].cells[0].text = "in a table"
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def excel() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["name", 3])
    book.properties.title = "Report"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def open_document() -> bytes:
    document = opendocument.OpenDocumentText()
    document.text.addElement(text.P(text="A paragraph"))
    made = io.BytesIO()
    document.write(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("make", "said", "title"),
    [
        (pdf, b"", "Report"),
        (word, b"First paragraph\nin a table", "Report"),
        (excel, b"Sheet\nname\t3", "Report"),
        (open_document, b"A paragraph", None),
    ],
    ids=["pdf", "docx", "xlsx", "odt"],
)
def test_text_of_documents(make: Callable[[], bytes], said: bytes, title: str | None) -> None:
    (found,) = process(make(), "document-text")
    assert (found.data, found.facts.get("title"), found.content_type) == (said, title, "text/plain")


@pytest.mark.parametrize("make", [pdf, word, excel, open_document], ids=["pdf", "docx", "xlsx", "odt"])
def test_damaged_documents_end_with_a_reason(make: Callable[[], bytes]) -> None:
    whole = make()
    for data in (whole[: len(whole) // 2], whole[:200] + b"\xff" * 50 + whole[250:]):
        # Some of it may be readable; nothing else may be raised.
        with contextlib.suppress(ProcessingError):
            process(data, "document-text")


def test_documents_with_entities_or_bombs_are_refused() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><w:document/>'
    for part, reason in ((laughs, "declares a document type"), (bytes(30_000_000), "a bomb")):
        with pytest.raises(ProcessingError, match=reason):
            process(zipped(("word/document.xml", part)), "document-text")


def test_unknown_and_broken_processors_are_told() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'unzip'"):
        ProcessorCatalogue().processor("unzipp")
