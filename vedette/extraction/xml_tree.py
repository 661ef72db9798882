"""XML documents as trees of elements that know where they stand; read without DTD, entities or network."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from vedette.extraction.interface import MAX_DOCUMENT, ExtractionError
from vedette.extraction.subgraph import Position
from vedette.extraction.xml_parser import MAX_DEPTH, XmlParser, local_name

MAX_ELEMENTS = 1_000_000
"""Elements of a document: about 600 MiB of memory."""

_WHITE = b" \t\r\n"
_TAG = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
# In these two encodings a tag's end cannot be found by its byte.
_WIDE = (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)


class XmlElement:
    """One element."""

    __slots__ = ("_parts", "attributes", "children", "end", "name", "start")

    def __init__(self, name: str, attributes: dict[str, str], start: int) -> None:
        self.name = name
        """Its name without prefix."""
        self.attributes = attributes
        """By name without prefix; `xsi:type` as `:type`."""
        self.start = start
        """Offset of its first byte in the document; -1: not known."""
        self.end = -1
        """Offset behind its last byte; -1: not known."""
        self.children: list[XmlElement] = []
        """Elements in it."""
        # Most elements have none.
        self._parts: list[str] | None = None

    @property
    def text(self) -> str:
        """Its own text, without that of elements in it, and without white space around it."""
        return "".join(self._parts).strip() if self._parts else ""

    @property
    def whole_text(self) -> str:
        """All text in it, in one line."""
        return " ".join(text for element in self.walk() if (text := element.text))

    @property
    def type(self) -> str:
        """Its `xsi:type` without prefix; empty where it has none."""
        return self.attributes.get(":type", "").rpartition(":")[2].strip()

    def attribute(self, name: str) -> str:
        """Return an attribute, whatever its prefix; empty where there is none."""
        return self.attributes.get(name, "").strip()

    def child(self, name: str) -> XmlElement | None:
        """Return the first element of this name in it."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, path: str) -> Iterator[XmlElement]:
        """Return the elements at a path such as `Hashes/Hash`."""
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.name == name:
                if rest:
                    yield from child.all(rest)
                else:
                    yield child

    def find(self, path: str) -> str:
        """Return the first text at a path; empty where there is none."""
        return next((text for found in self.all(path) if (text := found.whole_text)), "")

    def texts(self, path: str) -> list[str]:
        """Return all texts at a path."""
        return [text for found in self.all(path) if (text := found.whole_text)]

    def walk(self) -> Iterator[XmlElement]:
        """Return it and all elements in it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))

    def position(self, label: str = "") -> Position:
        """Return where it stands; its name is the label where none is given."""
        known = self.start >= 0 and self.end >= 0
        return Position(label or self.name, self.start if known else None, self.end if known else None)

    def add_text(self, text: str) -> None:
        """Append to its own text."""
        if self._parts is None:
            self._parts = []
        self._parts.append(text)


class _TreeBuilder:
    """What the parser calls."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._located = not content.startswith(_WIDE)
        # White space before the declaration is an error in XML 1.0 (section 2.8), and common.
        self._lead = len(content) - len(content.lstrip(_WHITE))
        self._open: list[XmlElement] = []
        self._elements = 0
        self.root: XmlElement | None = None
        self._parser = XmlParser(self, begin=self._lead)

    def build(self) -> XmlElement:
        """Return the root element."""
        self._parser.parse(memoryview(self._content)[self._lead :])
        if self.root is None:
            raise ExtractionError("not well-formed XML: it has no element")
        return self.root

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        """Refuse any."""
        raise ExtractionError("it has a document type declaration: remove it, entities are not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise ExtractionError(f"it has more than {MAX_ELEMENTS} elements: split it into smaller documents")
        if len(self._open) >= MAX_DEPTH:
            raise ExtractionError(f"its elements are nested more than {MAX_DEPTH} deep")
        start = self._parser.at if self._located else -1
        element = XmlElement(local_name(name), _local(attributes) if attributes else attributes, start)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        """Close the element."""
        element = self._open.pop()
        if not self._located:
            return
        # The parser stands at the end tag, but behind an element that has only one.
        alone = None if element.children or element.text else _TAG.match(self._content, element.start)
        tag = alone if alone and alone.group().endswith(b"/>") else _TAG.match(self._content, self._parser.at)
        element.end = tag.end() if tag else -1

    def text(self, text: str) -> None:
        """Add text to the element."""
        self._open[-1].add_text(text)


def _local(attributes: dict[str, str]) -> dict[str, str]:
    """Return attributes by local name, namespaces apart; of two with the same name the first counts."""
    found: dict[str, str] = {}
    for name, value in attributes.items():
        prefix, _, local = name.rpartition(":")
        if "xmlns" not in (prefix, name):
            found.setdefault(":type" if prefix and local == "type" else local, value)
    return found


def read_xml(content: bytes) -> XmlElement:
    """Return the root of a document.

    Raises:
        ExtractionError: it is no well-formed XML, declares a document type, or is too large or too deep.
    """
    if len(content) > MAX_DOCUMENT:
        raise ExtractionError(f"it has more than {MAX_DOCUMENT} bytes: split it into smaller documents")
    return _TreeBuilder(content).build()
