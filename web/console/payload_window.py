"""A place in a payload and what stands around it, as a page shows it: the bytes that are meant are marked. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vedette.extraction.subgraph import Position
from web.console.payload_view import LINE, hexadecimal, text_of

AROUND: Final = 2 * 1024
"""Bytes before and behind a place that are shown."""

MOST: Final = 8 * 1024
"""Bytes of the place itself that are shown."""

_WIDTH: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Which bytes of a payload are read for a place in it."""

    first: int
    """The first one."""
    last: int
    """Behind the last one."""
    start: int | None
    """Where the place begins; None where no offset of it is known, or it lies outside."""
    end: int
    """Where what is shown of the place ends."""
    is_cut: bool
    """Whether the place is longer than what is shown of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a line."""

    text: str
    """What stands there; a page escapes it."""
    said: bool
    """Whether it is what is meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadWindow:
    """What is shown of a payload."""

    is_text: bool
    """Whether it is shown as text; else in hexadecimal."""
    lines: tuple[tuple[Piece, ...], ...]
    """Line by line."""
    span: Span
    """Which bytes were looked at for it."""
    size: int
    """Bytes that there are."""


def span_of(position: Position, size: int) -> Span:
    """Return what to read of a payload of so many bytes; its beginning where the place has no offsets."""
    start, end = position.start, position.end
    if start is None or end is None or start >= size or end <= start:
        return Span(first=0, last=min(size, 2 * AROUND), start=None, end=0, is_cut=False)
    shown = min(end, start + MOST, size)
    return Span(
        first=max(0, start - AROUND),
        last=min(size, shown + AROUND),
        start=start,
        end=shown,
        is_cut=shown < min(end, size),
    )


def payload_window(data: bytes, *, span: Span, size: int) -> PayloadWindow:
    """Return what to show of the bytes of a span."""
    # A cut may go through a character at either end (RFC 3629, 3).
    lost = 0 if span.first == 0 else next((at for at, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0)
    if text_of(data[lost:], whole=span.last >= size) is None:
        lines = tuple(_rows(data, span))
        return PayloadWindow(is_text=False, lines=lines, span=span, size=size)
    return PayloadWindow(is_text=True, lines=tuple(_lines(_parts(data, span, size))), span=span, size=size)


def _parts(data: bytes, span: Span, size: int) -> Iterator[tuple[str, bool]]:
    """Yield what stands before, at and behind the place; in whole lines, where there are lines."""
    if span.start is None:
        yield _text(data if span.last >= size else _until_line_end(data)), False
        return
    start, end = span.start - span.first, span.end - span.first
    before, behind = data[:start], data[end:]
    if span.first > 0:
        before = before[before.find(b"\n") + 1 :]
    if span.last < size and not span.is_cut:
        behind = _until_line_end(behind)
    yield _text(before), False
    yield _text(data[start:end]), True
    yield _text(behind), False


def _until_line_end(data: bytes) -> bytes:
    return data[: data.rfind(b"\n")] if b"\n" in data else data


def _text(data: bytes) -> str:
    # What is no character was cut at an end of the window, or by offsets that are wrong: it shows.
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _lines(parts: Iterator[tuple[str, bool]]) -> Iterator[tuple[Piece, ...]]:
    line: list[Piece] = []
    for text, said in parts:
        for number, rest in enumerate(text.split("\n")):
            if number:
                yield tuple(line)
                line = []
            # A page cuts a text that is too long for it, so long lines are in pieces.
            line += [Piece(text=rest[at : at + LINE], said=said) for at in range(0, len(rest), LINE)]
    yield tuple(line)


def _rows(data: bytes, span: Span) -> Iterator[tuple[Piece, ...]]:
    begin = span.first - span.first % _WIDTH
    # Rows begin at a multiple of their width, as they do in other tools.
    shift = _WIDTH - (span.first - begin) if span.first > begin else 0
    for number, row in enumerate(hexadecimal(data[shift:], first=span.first + shift)):
        at = span.first + shift + number * _WIDTH
        said = span.start is not None and at < span.end and at + _WIDTH > span.start
        yield (Piece(text=row, said=said),)
