"""From characters of a text to bytes of the document that it was read from."""

from __future__ import annotations

import codecs
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

_STEP = 4_096
# Python writes a byte order mark with these names, and none with those that say the order.
_ORDERED = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}


class Characters:
    """Places of a decoded document's characters in its bytes."""

    def __init__(self, text: str, encoding: str, first: int) -> None:
        self._text = text
        self._encoding = encoding
        ends = array("q", [first])
        for at in range(0, len(text), _STEP):
            ends.append(ends[-1] + len(text[at : at + _STEP].encode(encoding)))
        self._ends = ends

    @classmethod
    def of(cls, data: bytes, text: str, encoding: str) -> Self | None:
        """Return those of a document; None: its text does not give its bytes again, as damaged characters do not.

        Args:
            data: the document.
            text: what it was decoded to.
            encoding: how, as `charset.decode` names it.
        """
        mark, exact = _order(data, encoding)
        try:
            if text.encode(exact) != data[len(mark) :]:
                return None
            made = cls(text, exact, len(mark))
        except UnicodeEncodeError:
            return None
        # An encoding that shifts between alphabets has other bytes for a part than the part of its bytes.
        return made if made.byte(len(text)) == len(data) else None

    def byte(self, at: int) -> int:
        """Return the offset of a character's first byte; of the end, for the number of characters."""
        step = at // _STEP
        return self._ends[step] + len(self._text[step * _STEP : at].encode(self._encoding))


def _order(data: bytes, encoding: str) -> tuple[bytes, str]:
    for mark, exact in _ORDERED.get(encoding, ()):
        if data.startswith(mark):
            return mark, exact
    if encoding == "utf-8" and data.startswith(codecs.BOM_UTF8):
        return codecs.BOM_UTF8, encoding
    return b"", encoding


class Piece(NamedTuple):
    """Characters of a derived text that stand together in the source, one to one unless their numbers differ."""

    start: int
    """Offset of the first in the derived text; the piece ends where the next one starts."""
    source: int
    """Offset in the source."""
    source_end: int
    """Behind it; as `source` where the characters are not in the source at all."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where the characters of a text stand in its document."""

    characters: Characters | None = None
    """Of the document as it was decoded; None: not known."""
    pieces: Sequence[Piece] | None = None
    """Where the text is derived from the decoded document (a page's), by `start`; None: it is the decoded one."""

    def bytes_of(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the bytes in which a part of the text stands; None: not known, or nowhere."""
        if self.characters is None or start >= end:
            return None
        if self.pieces is not None:
            start, end = self._source(start, at_end=False), self._source(end - 1, at_end=True)
        return (self.characters.byte(start), self.characters.byte(end)) if start < end else None

    def _source(self, at: int, *, at_end: bool) -> int:
        """Return where a character begins in the source, or ends."""
        pieces = self.pieces or ()
        place = bisect_right(pieces, at, key=lambda piece: piece.start) - 1
        if place < 0:
            return 0
        piece = pieces[place]
        length = piece.source_end - piece.source
        if place + 1 < len(pieces) and pieces[place + 1].start - piece.start != length:
            return piece.source_end if at_end else piece.source
        return min(piece.source + at - piece.start + int(at_end), piece.source_end)
