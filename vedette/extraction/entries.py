"""The entries of large documents one after the other, each with its place in the bytes: of XML and of JSON.

Only one entry at a time is a tree, so that a document of 100 MB needs little more memory than its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from vedette.extraction.drafting import Draft
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.subgraph import Position, Subgraph

ValueT_co = TypeVar("ValueT_co", covariant=True)

MAX_UNREAD = 10_000
"""Entries in a row at the beginning of a document that may be skipped, before all of it is."""

UTF8_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Generic[ValueT_co]):
    """One entry of a document."""

    value: ValueT_co
    """The element, or the JSON value."""
    start: int
    """Offset of its first byte in the document."""
    end: int
    """Offset behind its last byte."""
    key: str = ""
    """What it is called where it is a member of an object; else empty."""

    def position(self, name: str) -> Position:
        """Return where it is, by its name."""
        return Position(f"entry {name}"[:200] if name else "entry", self.start, self.end)


def first_byte(content: bytes) -> int:
    """Return the offset of the first byte that is no white space and no byte order mark."""
    begin = len(UTF8_MARK) if content.startswith(UTF8_MARK) else 0
    # Page by page: a copy of the whole document would double its memory.
    while begin < len(content):
        page = content[begin : begin + 4096]
        left = page.lstrip(_SPACE)
        if left:
            return begin + len(page) - len(left)
        begin += len(page)
    return begin


def is_xml(document: Document) -> bool:
    """Tell whether a document begins as XML or HTML does."""
    begin = first_byte(document.content)
    return document.content[begin : begin + 1] == b"<" or document.content[:2] in (b"\xff\xfe", b"\xfe\xff")


def is_json(document: Document) -> bool:
    """Tell whether a document begins as a JSON object or array does."""
    begin = first_byte(document.content)
    return document.content[begin : begin + 1] in (b"{", b"[")


def refuse_empty(document: Document) -> None:
    """Refuse a document without a byte that says something.

    Raises:
        ExtractionError: it is empty.
    """
    if first_byte(document.content) == len(document.content):
        raise ExtractionError("the document is empty")


def each(draft: Draft, entries: Iterator[Entry[ValueT_co]]) -> Iterator[Entry[ValueT_co]]:
    """Yield entries; that the rest of a document cannot be read becomes a problem of the draft.

    A document whose first entries state nothing, and are skipped, is given up.

    Raises:
        ExtractionError: not one could be read.
    """
    last: Entry[ValueT_co] | None = None
    try:
        for number, last in enumerate(entries, start=1):
            yield last
            if number >= MAX_UNREAD and draft.is_empty and draft.skipped >= number:
                raise ExtractionError(f"given up: {number} entries, and none of them can be read")
    except ExtractionError as error:
        if last is None:
            raise
        draft.skip(Position(f"behind byte {last.end}"), str(error))


def done(draft: Draft) -> Subgraph:
    """Return what a document states.

    Raises:
        ExtractionError: nothing, as each of its entries had to be skipped.
    """
    subgraph = draft.done()
    if not subgraph and subgraph.problems:
        raise ExtractionError(f"nothing of it can be read; {subgraph.problems[0]}")
    return subgraph
