"""What a cron expression means, in English.

The words are cron-descriptor's. Before it is asked, what it would describe wrongly is written in another way that
means the same: steps that start anew (`0/7` in the minutes is not every 7 minutes), steps of days, months and years.
What it does not know at all (`L-3W`, `1W,15W`, `L,15`) has words of our own.
"""

from __future__ import annotations

import functools
import re

from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, Options  # type: ignore[import-untyped]

from vedette.scheduling.days import ANY
from vedette.scheduling.fields import DAY_OF_WEEK, FIELDS, YEAR, Field

_OF_DAYS = re.compile(r"[?#]|(?<![A-Z])[LW](?![A-Z])|LW|[A-Z]{3}L", re.ASCII)
_STEP = re.compile(r"(?P<start>[^/]*)/(?P<step>[0-9]+)", re.ASCII)
_KNOWN_DAYS = re.compile(r"L|LW|[0-9]{1,2}W|[0-9,]+", re.ASCII)
_LISTED_YEARS = 8
_EVERY_DAY = "every day"
_AT_A_TIME = re.compile(r"At [0-9][0-9]:")


@functools.lru_cache(maxsize=4096)
def in_english(text: str) -> str:
    """Return a sentence about an expression that was parsed, without its time zone."""
    words = [*text.split(), "*"][: len(FIELDS)]
    written = [_rewritten(field, word) for field, word in zip(FIELDS, words, strict=True)]
    of_month, of_week = written[3], written[5]
    known = of_month if _KNOWN_DAYS.fullmatch(of_month) else "*"
    descriptor = _descriptor([*written[:3], "*" if known == ANY else known, written[4], of_week, "*"])
    time = _said(descriptor.get_time_of_day_description())
    time = time.replace(", every minute", "").replace(", every hour", "")
    time = time[:1].upper() + time[1:]
    days = _days(descriptor, of_month, of_week, known)
    if days == _EVERY_DAY and not _AT_A_TIME.match(time):
        days = ""
    month = _said(descriptor.get_month_description())
    return ", ".join(part for part in (time, days, month, _years(written[6])) if part)


def _descriptor(words: list[str]) -> ExpressionDescriptor:
    options = Options(
        CasingTypeEnum.Sentence, day_of_week_start_index_zero=False, use_24hour_time_format=True, locale_code="en_US"
    )
    return ExpressionDescriptor(" ".join(words), options)


def _said(segment: object) -> str:
    return str(segment).removeprefix(", ")


# Days --------------------------------------------------------------------------------


def _days(descriptor: ExpressionDescriptor, of_month: str, of_week: str, known: str) -> str:
    if "*" in (of_month, of_week):
        return _EVERY_DAY
    if of_month == ANY:
        return _said(descriptor.get_day_of_week_description())
    if known == of_month:
        return _said(descriptor.get_day_of_month_description())
    return "on " + _listed([_day(part) for part in of_month.split(",")]) + " of the month"


def _day(part: str) -> str:
    if part.startswith("L"):
        return _before_last(part)
    if part.endswith("W"):
        return f"the weekday nearest day {int(part[:-1])}"
    first, _, last = part.partition("-")
    return f"days {first} through {last}" if last else f"day {part}"


def _before_last(part: str) -> str:
    offset = int(part.removeprefix("L").removeprefix("-").removesuffix("W") or 0)
    day = "the last day" if not offset else f"the day {offset} days before the last day"
    day = "the day before the last day" if offset == 1 else day
    if not part.endswith("W"):
        return day
    return "the last weekday" if not offset else f"the weekday nearest to {day}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


# Writing it so that it is described rightly ------------------------------------------


def _rewritten(field: Field, word: str) -> str:
    if field is DAY_OF_WEEK and word == "L":
        return "7"
    if _OF_DAYS.search(word):
        return ",".join(
            _without_zeros(part) if _OF_DAYS.search(part) else _part(field, part) for part in word.split(",")
        )
    values = field.values(word)
    if len(values) == field.high - field.low + 1:
        return "*"
    if "/" in word and "," in word:
        return ",".join(map(str, sorted(values)))
    return ",".join(_part(field, part) for part in word.split(","))


def _part(field: Field, part: str) -> str:
    match = _STEP.fullmatch(part)
    if match is None:
        return _without_zeros(part)
    step = int(match["step"])
    values = sorted(field.values(part))
    if field in FIELDS[:3] and _regular(field, values, step):
        return f"*/{step}" if values[0] == 0 else f"{values[0]}/{step}"
    if "-" in match["start"] and field in FIELDS[:3]:
        return _without_zeros(part)
    return ",".join(map(str, values))


def _regular(field: Field, values: list[int], step: int) -> bool:
    """Tell whether the steps go on over the end as if there were none: every 5 minutes, for ever."""
    size = field.high + 1
    return size % step == 0 and len(values) == size // step


def _without_zeros(part: str) -> str:
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", part)


def _years(word: str) -> str:
    if word == "*":
        return ""
    values = sorted(YEAR.values(word))
    if len(values) > 1 and values == list(range(values[0], values[-1] + 1)):
        return f"{values[0]} through {values[-1]}" if values[-1] < YEAR.high else f"from {values[0]} on"
    if len(values) > _LISTED_YEARS:
        return f"in {len(values)} years from {values[0]} to {values[-1]}"
    return "only in " + _listed([str(value) for value in values])
