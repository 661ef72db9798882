"""Plain intervals: `every 5m`, counted from an instant, whatever the wall clock says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vedette.clock import MICROSECONDS
from vedette.scheduling.errors import TimetableError

LONGEST = 366 * 86_400
"""Seconds that an interval may have."""

_EVERY = re.compile(r"(@every|every)\s+(?P<parts>([0-9]{1,9}\s*[smhdw]\s*)+)", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.ASCII)
_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NAMES = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The same time from one run to the next."""

    seconds: int
    """From one to the next."""
    anchor: int = 0
    """Microseconds since 1970: runs are whole intervals away from it."""

    @classmethod
    def parse(cls, text: str, *, anchor: int = 0) -> Interval | None:
        """Read `every 1h30m`; None where the text is no interval at all.

        Raises:
            TimetableError: it is one, and not a usable one.
        """
        words = text.split(maxsplit=1)
        if not words or words[0].lower() not in ("every", "@every"):
            return None
        match = _EVERY.fullmatch(text.strip())
        if match is None:
            raise TimetableError("interval", "is not understood; write every 30s, every 5m, every 1h30m or every 7d")
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(match["parts"].lower()))
        if not 1 <= seconds <= LONGEST:
            raise TimetableError("interval", "must be between 1 second and 366 days")
        return cls(seconds=seconds, anchor=anchor)

    def next_after(self, instant: int) -> int:
        """Return the first time after `instant`, both microseconds since 1970."""
        period = self.seconds * MICROSECONDS
        return self.anchor + ((instant - self.anchor) // period + 1) * period

    @property
    def text(self) -> str:
        """As it is written, in the largest units."""
        return "every " + "".join(f"{count}{unit}" for unit, count in _units(self.seconds))

    @property
    def english(self) -> str:
        """What it means."""
        return every(self.seconds)


def every(seconds: float) -> str:
    """Return what repeats after that many seconds, in English."""
    parts = [f"{count} {_NAMES[unit]}{'s' if count != 1 else ''}" for unit, count in _units(int(seconds))]
    rest = round(seconds % 60, 3)
    if seconds != int(seconds):
        parts = [part for part in parts if "second" not in part] + [f"{rest:g} seconds"]
    if len(parts) == 1 and parts[0].startswith("1 "):
        return f"Every {parts[0][2:]}"
    return "Every " + (", ".join(parts[:-1]) + " and " if parts[1:] else "") + parts[-1]


def _units(seconds: int) -> list[tuple[str, int]]:
    found = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            found.append((unit, count))
    return found
