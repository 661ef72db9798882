"""The entries of an XML document, streamed: elements of some names, each a small tree without namespaces.

Document types, and so entities, are refused (OWASP, XML external entity prevention). Elements and attributes have
their local names.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, TreeBuilder

from vedette.extraction.entries import Entry, first_byte
from vedette.extraction.interface import ExtractionError
from vedette.extraction.xml_parser import MAX_DEPTH, XmlParser, local_name

_CHUNK = 64 * 1024
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s{0,8}=\s{0,8}[\"']([A-Za-z0-9._-]{1,40})[\"']")
_UTF8 = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TAG_ENDS = (b">", b" ", b"\t", b"\r", b"\n")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def xml_entries(content: bytes, *, roots: Collection[str], names: Collection[str]) -> Iterator[Entry[Element]]:
    """Yield the elements that have one of these names, in the order in which they end; not those within another.

    Args:
        content: the document; white space before its declaration, which XML forbids, is passed over.
        roots: local names that its root may have.
        names: local names of the entries.

    Raises:
        ExtractionError: empty, of another root, with a document type, nested too deep, not well-formed, cut off, or
            with bytes that are not UTF-8 where they should be; whatever could be read is yielded first.
    """
    begin = first_byte(content)
    if begin == len(content):
        raise ExtractionError("the document is empty")
    reading = _Reading(content, begin, roots, names)
    replaced = 0
    for chunk, wrong in _chunks(content, begin):
        replaced += wrong
        yield from reading.read(chunk, last=False)
    yield from reading.read(b"", last=True)
    if replaced:
        raise ExtractionError(f"{replaced} bytes are not UTF-8, and were read as question marks")


class _Reading:
    """One document while it is read."""

    def __init__(self, content: bytes, begin: int, roots: Collection[str], names: Collection[str]) -> None:
        self._content = content
        self._roots = roots
        self._names = names
        self._depth = 0
        self._done: deque[Entry[Element]] = deque()
        self._open: TreeBuilder | None = None
        self._start = 0
        self._outer = 0
        self._parser = XmlParser(self, begin=begin)

    def read(self, chunk: bytes, *, last: bool) -> Iterator[Entry[Element]]:
        """Yield the entries that end in a chunk, before anything that is wrong behind them."""
        wrong: ExtractionError | None = None
        try:
            self._parser.parse(chunk, last=last)
        except ExtractionError as error:
            wrong = error
        yield from self._done
        self._done.clear()
        if wrong is not None:
            raise wrong

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        """Refuse one that declares anything."""
        # `<!DOCTYPE nmaprun>` alone says nothing more than the root does.
        if name not in self._roots or system is not None or public is not None or internal:
            raise ExtractionError(f"it has a document type ({name[:40]}): those are refused, as they bring entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element, where it is an entry or within one."""
        name = local_name(name)
        self._depth += 1
        if self._depth == 1 and name not in self._roots:
            wanted = " or ".join(f"<{root}>" for root in sorted(self._roots))
            raise ExtractionError(f"it begins with <{name[:40]}>, not with {wanted}")
        if self._depth > MAX_DEPTH:
            raise ExtractionError(f"it has more than {MAX_DEPTH} elements within each other")
        if self._open is None:
            if name not in self._names:
                return
            self._open, self._outer = TreeBuilder(), self._depth
            self._start = self._parser.at
        self._open.start(name, {local_name(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        """Close an element; an entry is done then."""
        if self._open is not None:
            self._open.end(local_name(name))
            if self._depth == self._outer:
                entry = Entry(value=self._open.close(), start=self._start, end=self._behind(name))
                self._done.append(entry)
                self._open = None
        self._depth -= 1

    def text(self, text: str) -> None:
        """Add text to what is open."""
        if self._open is not None:
            self._open.data(text)

    def _behind(self, tag: str) -> int:
        """Return the offset behind the entry that ends now."""
        # Expat stands before `</entry>`, but behind `<entry/>`; as no entry is in another, what follows that is no
        # end of one. In UTF-16, each character has a byte that is nought.
        at = self._parser.at
        expected = f"</{tag}".encode()
        seen = self._content[at : at + 2 * len(expected) + 2].replace(b"\0", b"")
        if not seen.startswith(expected) or seen[len(expected) : len(expected) + 1] not in _TAG_ENDS:
            return at
        wide = self._content.startswith(codecs.BOM_UTF16_LE)
        return self._content.index(b">", at) + 1 + wide


def _chunks(content: bytes, begin: int) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes, and how many of them were no UTF-8 and were replaced by as many, so that offsets hold."""
    declared = _ENCODING.match(content, begin)
    as_is = content.startswith(_UTF16_MARKS) or (declared is not None and declared[1].lower() not in _UTF8)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    for at in range(begin, len(content), _CHUNK):
        chunk = content[at : at + _CHUNK]
        if as_is:
            yield chunk, 0
            continue
        text = decoder.decode(chunk, final=at + _CHUNK >= len(content))
        text, wrong = (text, 0) if text.isascii() else _NOT_UTF8.subn("?", text)
        yield text.encode(), wrong
