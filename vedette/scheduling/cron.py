"""Quartz cron expressions: seconds, minutes, hours, day of month, month, day of week and, if wanted, the year."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vedette.clock import MICROSECONDS
from vedette.scheduling.days import DayRule, day_rule
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.fields import FIELDS, HOURS, MINUTES, MONTH, SECONDS, YEAR
from vedette.scheduling.zones import after_gap, instant_of, wall_from

MAX_EXPRESSION = 512
"""Characters of an expression: with every second, minute and hour listed it is below that."""

_OF_DAYS = re.compile(r"(?P<sign>[?#]|(?<![A-Z])[LW](?![A-Z]))", re.ASCII)
_LAST_INSTANT = int(datetime.fromisoformat("2200-01-02T00:00:00+00:00").timestamp())
_UNIX = (
    "has 5 fields, as Unix cron has; Quartz begins with the seconds: put 0 in front, and ? for the day of month or "
    "the day of week"
)


@dataclass(frozen=True, kw_only=True)
class CronExpression:
    """When an expression is due, on the wall clock of whatever time zone it is asked about."""

    text: str
    """As it was written, in capitals, with single spaces."""
    seconds: tuple[int, ...]
    """In order."""
    minutes: tuple[int, ...]
    """In order."""
    hours: tuple[int, ...]
    """In order."""
    days: DayRule
    """Days of a month."""
    months: tuple[int, ...]
    """In order."""
    years: tuple[int, ...]
    """In order."""

    @classmethod
    def parse(cls, text: str) -> CronExpression:
        """Read an expression.

        Raises:
            TimetableError: names the field and the reason.
        """
        words = _words(text)
        *times, of_month, month, of_week, year = [*words, "*"][: len(FIELDS)]
        for field, word in zip((*FIELDS[:3], MONTH, YEAR), (*times, month, year), strict=True):
            _check_plain(field.name, word)
        return cls(
            text=" ".join(words),
            seconds=tuple(sorted(SECONDS.values(times[0]))),
            minutes=tuple(sorted(MINUTES.values(times[1]))),
            hours=tuple(sorted(HOURS.values(times[2]))),
            days=day_rule(of_month, of_week),
            months=tuple(sorted(MONTH.values(month))),
            years=tuple(sorted(YEAR.values(year))),
        )

    def next_after(self, instant: int, zone: ZoneInfo) -> int | None:
        """Return the first time after `instant`, both microseconds since 1970; None: never again before 2200."""
        seconds = max(0, instant // MICROSECONDS + 1)
        if seconds >= _LAST_INSTANT:
            return None
        wall = wall_from(seconds, zone)
        while (found := self._next_wall(wall)) is not None:
            moment = instant_of(found, zone)
            if moment is not None:
                return moment * MICROSECONDS
            wall = after_gap(found, zone)
        return None

    def _next_wall(self, wall: datetime) -> datetime | None:
        """Return the first wall-clock time from `wall` on."""
        time = self._time_from(wall.hour, wall.minute, wall.second)
        if time is not None and self._has_day(wall):
            hour, minute, second = time
            return wall.replace(hour=hour, minute=minute, second=second)
        return self._first_of_day_from(wall + timedelta(days=1))

    def _has_day(self, wall: datetime) -> bool:
        return wall.month in self.months and wall.year in self.years and wall.day in self.days(wall.year, wall.month)

    def _first_of_day_from(self, wall: datetime) -> datetime | None:
        for year in self.years[bisect_left(self.years, wall.year) :]:
            earliest = wall.month if year == wall.year else 1
            for month in self.months[bisect_left(self.months, earliest) :]:
                first = wall.day if (year, month) == (wall.year, wall.month) else 1
                day = min((day for day in self.days(year, month) if day >= first), default=None)
                if day is not None:
                    return self._first_of_day(wall.replace(year=year, month=month, day=day))
        return None

    def _first_of_day(self, wall: datetime) -> datetime:
        return wall.replace(hour=self.hours[0], minute=self.minutes[0], second=self.seconds[0])

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """Return the first time of a day from one on."""
        if hour in self.hours:
            if minute in self.minutes and (found := _from(self.seconds, second)) is not None:
                return hour, minute, found
            if (found := _from(self.minutes, minute + 1)) is not None:
                return hour, found, self.seconds[0]
        later = _from(self.hours, hour + 1)
        return None if later is None else (later, self.minutes[0], self.seconds[0])


def _from(values: tuple[int, ...], least: int) -> int | None:
    position = bisect_left(values, least)
    return values[position] if position < len(values) else None


def _words(text: str) -> list[str]:
    if len(text) > MAX_EXPRESSION:
        raise TimetableError("expression", f"has more than {MAX_EXPRESSION} characters")
    words = text.upper().split()
    if len(words) == 5:
        raise TimetableError("expression", _UNIX)
    if len(words) not in (6, 7):
        names = ", ".join(field.name for field in FIELDS)
        raise TimetableError("expression", f"has {len(words)} fields; it takes 6 or 7: {names} (the last if wanted)")
    return words


def _check_plain(name: str, word: str) -> None:
    """Refuse what only the two fields of days may hold, with a better reason than `not understood`."""
    if match := _OF_DAYS.search(word):
        raise TimetableError(name, f"{match['sign']} is only for the day of month and the day of week")
