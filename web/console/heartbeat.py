"""An agent's presence over the last hours, as a bar and a share. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.clock import MICROSECONDS

WINDOW: Final = 6 * 3600 * MICROSECONDS
"""The time that a bar shows."""

PARTS: Final = 72
"""Pieces of a bar: each five minutes."""

_LIVE = frozenset({"available", "away", "dnd"})
_WORST_LAST = ("", "available", "away", "dnd", "unknown", "gone")


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Neighbouring parts of a bar that look the same."""

    start: int
    """Number of its first part."""
    width: int
    """How many parts."""
    show: str
    """The worst presence in them; empty where nothing is known of that time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeats:
    """The last hours of an agent."""

    pieces: tuple[Piece, ...]
    """The bar, oldest first."""
    there: float | None
    """The share of the time of which we know that it was there; None where nothing is known."""
    known: int
    """Microseconds of which we know whether it was there."""
    is_whole: bool
    """Whether that is nearly all of the time."""


def heartbeats(changes: Sequence[tuple[int, str]], *, now: int, window: int = WINDOW) -> Heartbeats:
    """Return the bar of an agent.

    A part shows the worst that was in it: a short absence must not hide in five good minutes.

    Args:
        changes: when its presence became what, oldest first.
        now: microseconds since 1970, the end of the bar.
        window: microseconds that it shows.
    """
    begin = now - window
    parts = [""] * PARTS
    known = there = 0
    for start, end, show in _spans(changes, begin=begin, end=now):
        first, last = (start - begin) * PARTS // window, (end - 1 - begin) * PARTS // window
        for number in range(first, last + 1):
            parts[number] = max(parts[number], show, key=_WORST_LAST.index)
        if show != "unknown":
            known += end - start
            there += end - start if show in _LIVE else 0
    share = there / known if known else None
    return Heartbeats(pieces=tuple(_pieces(parts)), there=share, known=known, is_whole=known * 10 >= window * 9)


def _spans(changes: Sequence[tuple[int, str]], *, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield from when to when it was what, within the window; a clock that went back makes no time twice."""
    until = end
    for at, show in reversed(changes):
        start = max(at, begin)
        if start < until:
            yield start, until, show if show in _WORST_LAST else "unknown"
            until = start


def _pieces(parts: Sequence[str]) -> Iterator[Piece]:
    start = 0
    for number in range(1, len(parts) + 1):
        if number == len(parts) or parts[number] != parts[start]:
            yield Piece(start=start, width=number - start, show=parts[start])
            start = number
