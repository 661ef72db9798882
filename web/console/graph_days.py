"""On which days something was mentioned, drawn as bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vedette.clock import MICROSECONDS, to_datetime

HEIGHT: Final = 40
"""Height of the highest bar, in the units of the drawing."""

MOST: Final = 120
"""Bars at most; longer times are cut into pieces of several days."""

_DAY: Final = 86_400 * MICROSECONDS
_LEAST: Final = 2
_NARROW: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class DayBar:
    """One piece of time in which something was mentioned."""

    number: int
    """Its place, from 0."""
    label: str
    """Its first day."""
    mentions: int
    """How often it was mentioned."""
    height: int
    """How high it is drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """A span of days."""

    bars: tuple[DayBar, ...]
    """The pieces that are not empty, oldest first."""
    number: int
    """Pieces that there is room for; a few days make no broad bars."""
    step: int
    """Days of a piece."""
    mentions: int
    """How often it was mentioned in all of them."""


def draw_days(timeline: Sequence[tuple[int, int]]) -> Days | None:
    """Return the drawing of days (UTC midnight, microseconds) and mentions; None where there are none."""
    if not timeline:
        return None
    days = {at // _DAY: count for at, count in timeline}
    first, last = min(days), max(days)
    step = -(-(last - first + 1) // MOST)
    pieces: dict[int, int] = {}
    for day, count in sorted(days.items()):
        number = (day - first) // step
        pieces[number] = pieces.get(number, 0) + count
    most = max(pieces.values())
    bars = tuple(
        DayBar(
            number=number,
            label=_label((first + number * step) * _DAY),
            mentions=count,
            height=max(_LEAST, count * HEIGHT // most),
        )
        for number, count in pieces.items()
    )
    return Days(bars=bars, number=max(_NARROW, (last - first) // step + 1), step=step, mentions=sum(days.values()))


def _label(at: int) -> str:
    try:
        return to_datetime(at).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return "outside the calendar"
