"""The seven fields of a Quartz cron expression, and how the values of one are written.

What a field may hold is Quartz's: values, names, ranges that may run over the end (`22-2`, `NOV-FEB`), steps. What
Quartz silently drops, such as a step after a name, is refused here: who wrote it meant something by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.scheduling.errors import TimetableError

FIRST_YEAR = 1970
"""The first that the year field may name."""

LAST_YEAR = 2199
"""The last: no search goes past it."""

_PART = re.compile(r"(?P<first>[0-9]{1,4}|[A-Z]+)(-(?P<last>[0-9]{1,4}|[A-Z]+))?(/(?P<step>[0-9]{1,4}))?", re.ASCII)
_ALL = re.compile(r"(\*|\*?/(?P<step>[0-9]{1,4}))", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One of the seven."""

    name: str
    """As messages call it."""
    low: int
    """Smallest value."""
    high: int
    """Largest."""
    names: Mapping[str, int] = field(default_factory=dict)
    """What may be written instead of a number."""
    wraps: bool = True
    """Whether a range may run over the end."""
    largest_step: int = 0
    """Largest step; 0: the largest value."""

    def refuse(self, reason: str) -> TimetableError:
        """Return the error that names this field."""
        return TimetableError(self.name, reason)

    def values(self, text: str) -> frozenset[int]:
        """Return all values that a list of parts stands for.

        Raises:
            TimetableError: names the field and the reason.
        """
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def number(self, word: str) -> int:
        """Return a value's number.

        Raises:
            TimetableError: it is none of this field's.
        """
        if word in self.names:
            return self.names[word]
        if not word.isascii() or not word.isdigit():
            raise self.refuse(f"{word[:20]!r} is not known{self._known()}")
        value = int(word)
        if not self.low <= value <= self.high:
            raise self.refuse(f"{value} is not between {self.low} and {self.high}{self._known()}")
        return value

    def _known(self) -> str:
        if not self.names:
            return ""
        (first, low), *_, (last, high) = self.names.items()
        return f" ({low} is {first}, {high} is {last})"

    def _part(self, part: str) -> list[int]:
        if not part:
            raise self.refuse("has an empty part; separate values with single commas")
        if match := _ALL.fullmatch(part):
            return list(range(self.low, self.high + 1, self._step(match["step"])))
        match = _PART.fullmatch(part)
        if match is None:
            raise self.refuse(f"{part[:20]!r} is not understood; write values, ranges such as 1-5, steps such as 0/5")
        return self._range(match["first"], match["last"], match["step"])

    def _range(self, first: str, last: str | None, step: str | None) -> list[int]:
        start = self.number(first)
        if step is not None and first.isalpha():
            raise self.refuse("a step after a name is ignored by Quartz; write numbers, such as 2-6/2")
        if last is None:
            return [start] if step is None else list(range(start, self.high + 1, self._step(step)))
        if first.isalpha() != last.isalpha():
            raise self.refuse(f"'{first}-{last}' mixes a name and a number; write two of one kind")
        end, width = self.number(last), self.high - self.low + 1
        if end < start:
            if not self.wraps:
                raise self.refuse(f"the range {first}-{last} ends before it starts")
            end += width
        return [(value - self.low) % width + self.low for value in range(start, end + 1, self._step(step))]

    def _step(self, step: str | None) -> int:
        if step is None:
            return 1
        most = self.largest_step or self.high
        if not 1 <= int(step) <= most:
            raise self.refuse(f"the step {int(step)} is not between 1 and {most}")
        return int(step)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

SECONDS: Final = Field(name="seconds", low=0, high=59)
MINUTES: Final = Field(name="minutes", low=0, high=59)
HOURS: Final = Field(name="hours", low=0, high=23)
DAY_OF_MONTH: Final = Field(name="day of month", low=1, high=31)
MONTH: Final = Field(name="month", low=1, high=12, names={name: n for n, name in enumerate(_MONTHS, 1)})
DAY_OF_WEEK: Final = Field(name="day of week", low=1, high=7, names={name: n for n, name in enumerate(_WEEKDAYS, 1)})
YEAR: Final = Field(name="year", low=FIRST_YEAR, high=LAST_YEAR, wraps=False, largest_step=LAST_YEAR - FIRST_YEAR)

FIELDS: Final = (SECONDS, MINUTES, HOURS, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR)
"""In the order in which they are written."""
