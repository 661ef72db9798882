"""The lines of a text, each with its place in the bytes; one that is too long is skipped, and said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vedette.extraction.entries import UTF8_MARK
from vedette.extraction.subgraph import Position

MAX_LINE = 64 * 1024
"""Bytes of a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line."""

    text: str
    """Without its end; bytes that are not UTF-8 are replaced."""
    position: Position
    """Its number, and where it is."""


def lines(content: bytes, report: Callable[[Position, str], None]) -> Iterator[Line]:
    """Yield the lines that are not blank.

    Args:
        content: the document.
        report: is told of each line that is too long.
    """
    start = len(UTF8_MARK) if content.startswith(UTF8_MARK) else 0
    number = 0
    while start < len(content):
        number += 1
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        position = Position(f"line {number}", start, end)
        if end - start > MAX_LINE:
            report(position, f"a line of {end - start} bytes; {MAX_LINE} are read at most")
        else:
            text = content[start:end].decode("utf-8", errors="replace").rstrip("\r")
            if text.strip():
                yield Line(text=text, position=position)
        start = end + 1
