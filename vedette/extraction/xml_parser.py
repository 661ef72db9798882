"""Expat as all readers of XML use it: it knows the offset of each byte, and opens nothing.

Names are made local: documents of the same kind use any prefix, and a parser of namespaces refuses undeclared ones.
"""

from __future__ import annotations

from typing import Protocol
from xml.parsers import expat

from vedette.extraction.interface import ExtractionError

MAX_DEPTH = 200
"""Elements within one another."""


class XmlHandler(Protocol):
    """What is told of a document while it is read; each may raise an ExtractionError, which ends the reading."""

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        """A document type is declared: who lets it pass must know that it brings no entities."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; the name is as it is written."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text stands there."""


class XmlParser:
    """Reads one document, all at once or in pieces."""

    def __init__(self, handler: XmlHandler, *, begin: int = 0) -> None:
        """Make it.

        Args:
            handler: is told what is in the document.
            begin: offset in the document of the first byte that is parsed.
        """
        self._begin = begin
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = handler.doctype
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text

    @property
    def at(self) -> int:
        """Offset in the document of what the handler is told of."""
        return self._begin + self._parser.CurrentByteIndex

    def parse(self, data: bytes | memoryview, *, last: bool = True) -> None:
        """Parse the next bytes.

        Raises:
            ExtractionError: they are no well-formed XML; or what the handler raised.
        """
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            at = self._begin + self._parser.ErrorByteIndex
            raise ExtractionError(f"not well-formed XML at byte {at}: {expat.ErrorString(error.code)}") from error
        except (ValueError, LookupError) as error:
            # An encoding that nobody knows, or one with several bytes a character, which expat does not take.
            raise ExtractionError(f"not readable as XML: {error}") from error


def local_name(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]
