"""When something is due, however it was written: a Quartz cron expression, a plain interval or a short name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vedette.scheduling.cron import CronExpression
from vedette.scheduling.english import in_english
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.interval import Interval
from vedette.scheduling.zones import DEFAULT_ZONE, find_zone

SHORT_NAMES: Final = {
    "@hourly": "0 0 * * * ?",
    "@daily": "0 0 0 * * ?",
    "@midnight": "0 0 0 * * ?",
    "@weekly": "0 0 0 ? * SUN",
    "@monthly": "0 0 0 1 * ?",
    "@yearly": "0 0 0 1 1 ?",
    "@annually": "0 0 0 1 1 ?",
}
"""What may be written instead of an expression."""

RUNS_SHOWN = 5
"""Next runs that people are shown."""


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """When something is due, in its time zone."""

    text: str
    """As it is written, tidied up."""
    zone: str
    """IANA name; an interval is the same in all."""
    english: str
    """What it means."""
    next_after: Callable[[int], int | None]
    """The first time after an instant, both microseconds since 1970; None: never again."""

    @classmethod
    def parse(cls, text: str, *, zone: str = DEFAULT_ZONE, anchor: int = 0) -> Timetable:
        """Read one; intervals are counted from `anchor`, microseconds since 1970.

        Raises:
            TimetableError: names the field and the reason.
        """
        place = find_zone(zone)
        if (interval := Interval.parse(text, anchor=anchor)) is not None:
            return cls(text=interval.text, zone=zone, english=interval.english, next_after=interval.next_after)
        short = text.strip().lower()
        if short.startswith("@") and short not in SHORT_NAMES:
            raise TimetableError("expression", f"{short[:20]!r} is not known; there are {', '.join(SHORT_NAMES)}")
        cron = CronExpression.parse(SHORT_NAMES.get(short, text))
        return cls(
            text=short if short in SHORT_NAMES else cron.text,
            zone=zone,
            english=in_english(cron.text),
            next_after=lambda instant: cron.next_after(instant, place),
        )

    def next_runs(self, after: int, *, count: int = RUNS_SHOWN) -> list[int]:
        """Return the next times after an instant, fewer where there are no more."""
        runs: list[int] = []
        while len(runs) < count and (found := self.next_after(runs[-1] if runs else after)) is not None:
            runs.append(found)
        return runs
