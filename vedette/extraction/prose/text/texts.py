"""The text of a document: its characters, its blocks, and where both stand in its bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from vedette.collection.charset import decode
from vedette.collection.content import Budget, Content, ProcessingError, ProcessingLimits
from vedette.collection.document_text import DocumentText
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.prose.text.blocks import Block, blocks
from vedette.extraction.prose.text.offsets import Characters, Offsets
from vedette.extraction.prose.text.page import page_of
from vedette.extraction.subgraph import Position

MAX_TEXT: Final = 1_000_000
"""Characters of a document that are read."""

MAX_SOURCE: Final = 8_000_000
"""Characters of a page that are looked at: markup takes several times what it shows."""

MAX_BYTES: Final = 4 * MAX_SOURCE
"""Bytes of a document that are decoded, but of one that must be unpacked."""

PAST_THE_LIMIT: Final = "past the limit"
BOILERPLATE: Final = "boilerplate"

_MARKUP = re.compile(
    r"\s{0,100}(?:<!--[^>]{0,1000}-->\s{0,100}|<\?[^>]{0,200}>\s{0,100}){0,5}"
    r"<(?:!doctype\s{1,9}html|html|head|body|article|main|section|div|p|h[1-6]|table|ul|rss|feed)[\s>/]",
    re.IGNORECASE,
)
_MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PACKED = (b"%PDF-", b"PK\x03\x04")
_UNICODE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SAMPLE = 8_192
_MOST_UNREADABLE = 0.05
# What no text has, and neither JSON nor a database takes.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """What of a document is read."""

    text: str
    """Its characters, without what no text has."""
    title: str = ""
    """What it calls itself."""
    blocks: Sequence[Block] = ()
    """Its parts, in order."""
    derived: bool = False
    """Whether the characters were put together from the document's (a page's, a PDF's) rather than are them."""
    offsets: Offsets = field(default_factory=Offsets)
    """Where they stand in the document's bytes."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Characters that are not read, by the reason."""

    @classmethod
    def plain(cls, text: str, title: str = "") -> Self:
        """Return a text that is given as such."""
        cleaned = _cleaned(text)
        found = blocks(cleaned[:MAX_TEXT])
        return cls._made(cleaned, title=title, found=found, offsets=Offsets(), derived=False)

    @classmethod
    def _made(cls, text: str, *, title: str, found: Sequence[Block], offsets: Offsets, derived: bool) -> Self:
        kept = [block for block in found if block.start < MAX_TEXT]
        if kept and kept[-1].end > MAX_TEXT:
            kept[-1] = Block(kept[-1].start, MAX_TEXT, kept[-1].kind)
        skipped = {
            PAST_THE_LIMIT: max(len(text) - MAX_TEXT, 0),
            BOILERPLATE: sum(block.end - block.start for block in kept if block.kind == "boilerplate"),
        }
        return cls(
            text=text[:MAX_TEXT],
            title=title or _first_heading(text, kept),
            blocks=tuple(kept),
            derived=derived,
            offsets=offsets,
            skipped={reason: count for reason, count in skipped.items() if count},
        )

    def place(self, start: int, end: int) -> Position:
        """Return where a part stands: its bytes in the document where they are known, else only its characters."""
        found = self.offsets.bytes_of(start, end)
        label = f"characters {start}-{end} of {'its' if self.derived else 'the'} text"
        return Position(label) if found is None else Position(label, *found)


def text_of(document: Document) -> Text:
    """Return the text of a document: plain, Markdown, HTML, PDF, Word or OpenDocument.

    Raises:
        ExtractionError: it is empty or no text; says what it looks like.
    """
    content = document.content
    if not content.strip():
        raise ExtractionError("the document is empty")
    title = _said_title(document)
    if any(mark in content[:1_024] for mark in _PACKED[:1]) or content.startswith(_PACKED[1]):
        return _unpacked(content, title)
    _check_is_text(content)
    data = _whole_characters(content)
    source, encoding = decode(data, declared=str(document.meta.get("charset") or "")[:40])
    _check_is_readable(source)
    characters = Characters.of(data, source, encoding)
    cleaned = _cleaned(source)
    unseen = len(content) - len(data)
    if _is_markup(document.content_type, cleaned):
        page = page_of(cleaned[:MAX_SOURCE])
        unseen += max(len(cleaned) - MAX_SOURCE, 0)
        made = Text._made(
            page.text,
            title=title or page.title,
            found=page.blocks,
            offsets=Offsets(characters, page.pieces),
            derived=True,
        )
    else:
        found = blocks(cleaned[:MAX_TEXT])
        made = Text._made(cleaned, title=title, found=found, offsets=Offsets(characters), derived=False)
    if not unseen:
        return made
    return replace(made, skipped={**made.skipped, PAST_THE_LIMIT: made.skipped.get(PAST_THE_LIMIT, 0) + unseen})


def _cleaned(text: str) -> str:
    """Return a text without what none has; in its place stands something else, so that offsets hold."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text))


def _whole_characters(content: bytes) -> bytes:
    """Return as much of a document as is looked at, not cut within a character of UTF-8."""
    end = min(len(content), MAX_BYTES)
    for _ in range(3):
        if end < len(content) and content[end] & 0xC0 == 0x80:
            end -= 1
    return content[:end]


def _unpacked(content: bytes, title: str) -> Text:
    packed = Content(data=content)
    try:
        (made,) = DocumentText().process(packed, Budget(ProcessingLimits(), size=len(content)))
    except ProcessingError as error:
        raise ExtractionError(str(error)) from error
    if made is packed:
        raise ExtractionError("the document is an archive, or something else that is no text")
    text = _cleaned(made.data.decode("utf-8"))
    if not text.strip():
        raise ExtractionError("the document has no text: its pages may be pictures")
    title = title or made.facts.get("title", "")
    return Text._made(text, title=title, found=blocks(text[:MAX_TEXT]), offsets=Offsets(), derived=True)


def _said_title(document: Document) -> str:
    said = document.meta.get("title")
    return " ".join(_cleaned(said).split())[:1_000] if isinstance(said, str) else ""


def _check_is_text(content: bytes) -> None:
    head = content[:_SAMPLE]
    if b"\0" in head and not head.startswith(_UNICODE_MARKS) and head.count(0) > _MOST_UNREADABLE * len(head):
        raise ExtractionError(f"the document is no text: it begins with the bytes {head[:8].hex(' ')}")


def _check_is_readable(source: str) -> None:
    head = source[:_SAMPLE]
    if len(_UNREADABLE.findall(head)) > _MOST_UNREADABLE * len(head):
        raise ExtractionError("the document is no text: it has too many characters that none has")


def _is_markup(content_type: str, source: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in _MARKUP_TYPES or _MARKUP.match(source) is not None


def _first_heading(text: str, found: Sequence[Block]) -> str:
    first = next((block for block in found if block.kind != "boilerplate"), None)
    return " ".join(text[first.start : first.end].split()) if first is not None and first.kind == "heading" else ""
