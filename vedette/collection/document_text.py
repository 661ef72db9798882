"""`document-text`: text and metadata of PDF, Word, Excel and OpenDocument files (what Tika did for Stucco)."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from vedette.collection.archives import is_zip
from vedette.collection.content import Budget, Content, ProcessingError
from vedette.collection.processing import PostProcessor

MAX_PAGES = 5_000
"""Pages, sheets or parts of one document."""

_PDF = b"%PDF-"
_PDF_WITHIN = 1_024
_DECLARATIONS = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_PROLOG = 4_096

Extracted = tuple[Iterable[str], Mapping[str, str | None]]
"""Pieces of text, and facts."""


class DocumentText(PostProcessor):
    """Reads documents; what is none stays as it is."""

    summary = "Text and metadata of PDF, docx, xlsx, odt, ods and odp, by content"

    def process(self, content: Content, budget: Budget) -> list[Content]:
        """Return the text as UTF-8.

        Raises:
            ProcessingError: damaged, encrypted, or past the budget.
        """
        reader = _reader(content.data, budget)
        if reader is None:
            return [content]
        try:
            pieces, facts = reader(content.data)
            kept = []
            for piece in pieces:
                budget.take(len(piece))
                kept.append(piece)
        except (ProcessingError, MemoryError):
            raise
        except Exception as error:
            # Four libraries on hostile bytes: whatever they raise means that this document cannot be read.
            raise ProcessingError(f"the document cannot be read: {type(error).__name__}: {error}") from error
        data = "\n".join(kept).strip().encode("utf-8", errors="replace")
        return [content.with_facts(facts, data=data, content_type="text/plain", charset="utf-8")]


def _reader(data: bytes, budget: Budget) -> Callable[[bytes], Extracted] | None:
    """Return who reads these bytes; None: they are no document."""
    if _PDF in data[:_PDF_WITHIN]:
        return _pdf
    if not is_zip(data):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            mark = archive.read("mimetype")[:100] if "mimetype" in names else b""
            kind = _office_kind(names, mark)
            if kind is not None:
                _check_parts(archive, budget)
            return kind
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise ProcessingError(f"the document is damaged: {error}") from error


def _office_kind(names: set[str], mark: bytes) -> Callable[[bytes], Extracted] | None:
    if "word/document.xml" in names:
        return _word
    if "xl/workbook.xml" in names:
        return _excel
    return _open_document if mark.startswith(b"application/vnd.oasis.opendocument") else None


def _check_parts(archive: zipfile.ZipFile, budget: Budget) -> None:
    """Unpack every part once, counted, before a library unpacks them uncounted; none may declare entities."""
    for entry in archive.infolist():
        budget.enter()
        with archive.open(entry) as part:
            head = part.read(_PROLOG)
            if _DECLARATIONS.search(head.replace(b"\0", b"")):
                raise ProcessingError(f"{entry.filename[:100]!r} declares a document type or entities")
            budget.take(len(head))
            while piece := part.read(1 << 18):
                budget.take(len(piece))


def _pdf(data: bytes) -> Extracted:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise ProcessingError("the PDF is encrypted")
    about = reader.metadata
    pages = (page.extract_text() for page, _ in zip(reader.pages, range(MAX_PAGES), strict=False))
    if about is None:
        return pages, {}
    return pages, {"title": about.title, "author": about.author, "date": _day(about.creation_date)}


def _word(data: bytes) -> Extracted:
    import docx

    document = docx.Document(io.BytesIO(data))
    about = document.core_properties
    cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    paragraphs = (paragraph.text for paragraph in document.paragraphs)
    facts = {
        "title": about.title,
        "author": about.author,
        "date": _day(about.created),
        "language": about.language,
    }
    return (*paragraphs, *cells), facts


def _excel(data: bytes) -> Extracted:
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    about = book.properties
    facts = {"title": about.title, "author": about.creator, "date": _day(about.created)}
    return _rows(book), facts


def _rows(book: Any) -> Iterable[str]:
    for sheet in book.worksheets[:MAX_PAGES]:
        yield str(sheet.title)
        for row in sheet.iter_rows(values_only=True):
            line = "\t".join("" if value is None else str(value) for value in row).rstrip()
            if line:
                yield line


def _open_document(data: bytes) -> Extracted:
    from odf import dc, opendocument, teletype, text  # type: ignore[import-untyped]

    document = opendocument.load(io.BytesIO(data))
    parts = (*document.getElementsByType(text.H), *document.getElementsByType(text.P))
    wanted = {"title": dc.Title, "author": dc.Creator, "date": dc.Date, "language": dc.Language}
    facts = {}
    for name, kind in wanted.items():
        found = document.meta.getElementsByType(kind)
        facts[name] = teletype.extractText(found[0]) if found else None
    return (teletype.extractText(part) for part in parts), facts


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()
