"""Which days of a month an expression means: Quartz's rules for the day of month and the day of week.

1. Exactly one of the two says `?`: Quartz does not combine them.
2. Day of month: `L` is the last, `L-n` n days before it, `nW` the weekday (Monday to Friday) nearest to day n,
   `LW` and `L-nW` the one nearest to those. The nearest never leaves the month: where the 1st is a Saturday, `1W`
   is Monday the 3rd.
3. Day of week: 1 is Sunday; `L` alone is Saturday; `nL` the last such day of the month, `n#k` the k-th.
4. A day that a month does not have is not made up for.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date
from typing import Final

from vedette.scheduling.fields import DAY_OF_MONTH, DAY_OF_WEEK

ANY = "?"
"""Says that the other of the two fields decides."""

DayRule = Callable[[int, int], frozenset[int]]
"""The days of a year's month."""

LARGEST_OFFSET = 30
"""Days that `L-n` may go back."""

_LAST = re.compile(r"L(-(?P<offset>[0-9]{1,3}))?(?P<weekday>W)?", re.ASCII)
_NEAREST = re.compile(r"(?P<day>[0-9]{1,4})W", re.ASCII)
_LAST_SUCH = re.compile(r"(?P<day>[0-9]{1,4}|[A-Z]{3})L", re.ASCII)
_NTH = re.compile(r"(?P<day>[0-9]{1,4}|[A-Z]{3})#(?P<nth>[0-9]{1,4})", re.ASCII)
_SATURDAY, _SUNDAY = 5, 6
_BOTH: Final = "Quartz does not combine it with the day of month; write ? in one of the two"


def day_rule(of_month: str, of_week: str) -> DayRule:
    """Return what the two fields mean together.

    Raises:
        TimetableError: names the field and the reason.
    """
    if of_month == ANY and of_week == ANY:
        raise DAY_OF_WEEK.refuse("is ? like the day of month; write * in one of the two for every day")
    if of_month == ANY:
        return _weekdays(of_week)
    rule = _dates(of_month)
    if of_week != ANY:
        _weekdays(of_week)
        raise DAY_OF_WEEK.refuse(_BOTH)
    return rule


# Day of month ------------------------------------------------------------------------


def _dates(text: str) -> DayRule:
    rules = tuple(_date_rule(part) for part in text.split(","))
    return lambda year, month: frozenset[int]().union(*(rule(year, month) for rule in rules))


def _date_rule(part: str) -> DayRule:
    if match := _LAST.fullmatch(part):
        offset = int(match["offset"] or 0)
        if offset > LARGEST_OFFSET:
            raise DAY_OF_MONTH.refuse(f"L-{offset} is not between L-0 and L-{LARGEST_OFFSET}")
        return _before_last(offset, weekday=match["weekday"] is not None)
    if match := _NEAREST.fullmatch(part):
        wanted = DAY_OF_MONTH.number(match["day"])
        return lambda year, month: _nearest_weekday(year, month, wanted)
    if ANY in part:
        raise DAY_OF_MONTH.refuse("? stands alone, without other values")
    if part.endswith("W"):
        raise DAY_OF_MONTH.refuse(f"{part[:20]!r}: W follows one day, such as 15W, or L, and no range")
    values = DAY_OF_MONTH.values(part)
    return lambda year, month: values & _all_of(year, month)


def _before_last(offset: int, *, weekday: bool) -> DayRule:
    def rule(year: int, month: int) -> frozenset[int]:
        day = _length(year, month) - offset
        if weekday:
            return _nearest_weekday(year, month, day)
        return frozenset({day} if day >= 1 else ())

    return rule


def _nearest_weekday(year: int, month: int, day: int) -> frozenset[int]:
    last = _length(year, month)
    if not 1 <= day <= last:
        return frozenset()
    weekday = date(year, month, day).weekday()
    if weekday == _SATURDAY:
        return frozenset({day - 1 if day > 1 else day + 2})
    if weekday == _SUNDAY:
        return frozenset({day + 1 if day < last else day - 2})
    return frozenset({day})


# Day of week -------------------------------------------------------------------------


def _weekdays(text: str) -> DayRule:
    if match := _NTH.fullmatch(text):
        nth = int(match["nth"])
        if not 1 <= nth <= 5:
            raise DAY_OF_WEEK.refuse(f"#{nth} is not between #1 and #5")
        return _nth(DAY_OF_WEEK.number(match["day"]), nth - 1)
    if match := _LAST_SUCH.fullmatch(text):
        return _nth(DAY_OF_WEEK.number(match["day"]), -1)
    if "#" in text:
        raise DAY_OF_WEEK.refuse("# stands alone, such as 6#3 for the third Friday, without other values")
    parts = ["7" if part == "L" else part for part in text.split(",")]
    if any(part.endswith("L") for part in parts) or (len(parts) > 1 and "L" in text.split(",")):
        raise DAY_OF_WEEK.refuse("L stands alone, such as 6L for the last Friday, without other values")
    if ANY in text:
        raise DAY_OF_WEEK.refuse("? stands alone, without other values")
    values = DAY_OF_WEEK.values(",".join(parts))
    return lambda year, month: frozenset(day for n in values for day in _such(year, month, n))


def _nth(number: int, index: int) -> DayRule:
    def rule(year: int, month: int) -> frozenset[int]:
        days = _such(year, month, number)
        return frozenset(days[index : index + 1] if index >= 0 else days[-1:])

    return rule


def _such(year: int, month: int, number: int) -> range:
    """Return the days of a month that fall on a weekday, 1 for Sunday."""
    first = (date(year, month, 1).weekday() + 1) % 7 + 1
    return range(1 + (number - first) % 7, _length(year, month) + 1, 7)


def _all_of(year: int, month: int) -> frozenset[int]:
    return frozenset(range(1, _length(year, month) + 1))


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
