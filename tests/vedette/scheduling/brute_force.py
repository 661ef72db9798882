"""What Quartz documents, tried out on one instant after the other: slow, and nothing shared with the code."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


def instants(expression: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield every UTC instant in (after, until] at which the expression is due."""
    place = ZoneInfo(zone)
    fields = [*expression.upper().split(), "*"][:7]
    moment = after.astimezone(UTC).replace(microsecond=0)
    step = timedelta(seconds=1)
    if fields[0].isdigit():
        # Offsets are whole minutes today: what is due at one second of the minute is looked for once a minute.
        step = timedelta(minutes=1)
        moment = moment.replace(second=int(fields[0])) - step
    while moment <= until:
        local = moment.astimezone(place)
        if not day_matches(fields, local.date()):
            moment += timedelta(hours=1) if local.hour < 22 else step
        else:
            if moment > after and time_matches(fields, local) and not comes_again(local, place):
                yield moment
            moment += step


def comes_again(local: datetime, place: ZoneInfo) -> bool:
    """Tell whether the clock will be put back and show this time once more."""
    later = [local.astimezone(UTC) + timedelta(minutes=m) for m in (30, 60, 120)]
    return any(moment.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None) for moment in later)


def time_matches(fields: list[str], local: datetime) -> bool:
    """Tell whether seconds, minutes and hours are right."""
    return (
        local.second in numbers(fields[0], 0, 59)
        and local.minute in numbers(fields[1], 0, 59)
        and local.hour in numbers(fields[2], 0, 23)
    )


def day_matches(fields: list[str], day: date) -> bool:
    """Tell whether day, month and year are right."""
    if day.month not in numbers(fields[4], 1, 12, MONTHS) or day.year not in numbers(fields[6], 1970, 2199):
        return False
    if fields[3] == "?":
        return weekday_matches(fields[5], day)
    return any(date_matches(part, day) for part in fields[3].split(","))


def date_matches(part: str, day: date) -> bool:
    """Tell whether a day of the month is right."""
    last = calendar.monthrange(day.year, day.month)[1]
    if part.startswith("L") or part.endswith("W"):
        wanted = part.rstrip("W")
        number = last - int(wanted[2:] or 0) if wanted.startswith("L") else int(wanted)
        if not 1 <= number <= last:
            return False
        if not part.endswith("W"):
            return day.day == number
        # Of the weekdays (Monday to Friday) of this month, the one with the smallest distance.
        workdays = [n for n in range(1, last + 1) if date(day.year, day.month, n).isoweekday() <= 5]
        return day.day == min(workdays, key=lambda n: abs(n - number))
    return day.day in numbers(part, 1, 31)


def weekday_matches(text: str, day: date) -> bool:
    """Tell whether a day of the week is right."""
    name = WEEKDAYS[day.isoweekday() % 7]
    if "#" in text:
        wanted, nth = text.split("#")
        return name in (wanted, name_of(wanted)) and (day.day - 1) // 7 + 1 == int(nth)
    if text.endswith("L") and text != "L":
        last = calendar.monthrange(day.year, day.month)[1]
        return name == name_of(text[:-1]) and day.day + 7 > last
    return day.isoweekday() % 7 + 1 in numbers("7" if text == "L" else text, 1, 7, WEEKDAYS)


def name_of(word: str) -> str:
    """Return a weekday's name, 1 being Sunday."""
    return WEEKDAYS[int(word) - 1] if word.isdigit() else word


def numbers(text: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """Return the numbers that a list stands for, found by walking over them."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        ends = [end for end in span.replace("*", "").split("-") if end]
        ends = [str(names.index(end) + low) if names and end in names else end for end in ends]
        start = int(ends[0]) if ends else low
        stop = int(ends[-1]) if len(ends) > 1 else (high if step or not ends else start)
        value, walked = start, 0
        while True:
            if walked % int(step or 1) == 0:
                found.add(value)
            if value == stop:
                break
            value, walked = (low if value == high else value + 1), walked + 1
    return found
