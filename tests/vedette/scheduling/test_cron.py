"""Cron expressions: what is refused and why, what holds for all of them, how long a search takes."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vedette.scheduling.brute_force import instants
from vedette.clock import MICROSECONDS, from_datetime, to_datetime
from vedette.scheduling.cron import CronExpression
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.zones import find_zone

ZONES = ["UTC", "America/New_York", "Europe/Prague", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]

REFUSED = [
    ("", "expression", "has 0 fields"),
    ("* * * * *", "expression", "Unix cron"),
    ("0 0 0 1 1 ? 2027 1", "expression", "has 8 fields"),
    ("0 " * 300, "expression", "more than 512 characters"),
    ("60 * * * * ?", "seconds", "60 is not between 0 and 59"),
    ("-1 * * * * ?", "seconds", "not understood"),
    ("1.5 * * * * ?", "seconds", "not understood"),
    ("1,,2 * * * * ?", "seconds", "empty part"),
    ("? * * * * ?", "seconds", "? is only for"),
    ("٣ * * * * ?", "seconds", "not understood"),
    ("0 0/0 * * * ?", "minutes", "step 0"),
    ("0 0/60 * * * ?", "minutes", "step 60 is not between 1 and 59"),
    ("0 5/ * * * ?", "minutes", "not understood"),
    ("0 L * * * ?", "minutes", "L is only for"),
    ("0 0 24 * * ?", "hours", "24 is not between 0 and 23"),
    ("0 0 5W * * ?", "hours", "W is only for"),
    ("0 0 JAN * * ?", "hours", "'JAN' is not known"),
    ("0 0 0 0 * ?", "day of month", "0 is not between 1 and 31"),
    ("0 0 0 32 * ?", "day of month", "32 is not between 1 and 31"),
    ("0 0 0 32W * ?", "day of month", "32 is not between"),
    ("0 0 0 L-31 * ?", "day of month", "L-31"),
    ("0 0 0 1-5W * ?", "day of month", "no range"),
    ("0 0 0 W * ?", "day of month", "W follows one day"),
    ("0 0 0 ?,1 * ?", "day of month", "? stands alone"),
    ("0 0 0 L/2 * ?", "day of month", "not known"),
    ("0 0 0 1 0 ?", "month", "0 is not between 1 and 12 (1 is JAN, 12 is DEC)"),
    ("0 0 0 1 MONDAY ?", "month", "'MONDAY' is not known"),
    ("0 0 0 1 JAN/2 ?", "month", "a step after a name"),
    ("0 0 0 1 JAN-3 ?", "month", "mixes a name and a number"),
    ("0 0 0 1 1#2 ?", "month", "# is only for"),
    ("0 0 0 ? * 0", "day of week", "0 is not between 1 and 7 (1 is SUN, 7 is SAT)"),
    ("0 0 0 ? * 8", "day of week", "8 is not between"),
    ("0 0 0 ? * 6#6", "day of week", "#6 is not between #1 and #5"),
    ("0 0 0 ? * 6#3,2#1", "day of week", "# stands alone"),
    ("0 0 0 ? * 6L,2", "day of week", "L stands alone"),
    ("0 0 0 ? * L,2", "day of week", "L stands alone"),
    ("0 0 0 ? * MON-FRI/2", "day of week", "a step after a name"),
    ("0 0 0 ? * MONDAY", "day of week", "'MONDAY' is not known"),
    ("0 0 0 * * *", "day of week", "does not combine"),
    ("0 0 0 1 * MON", "day of week", "does not combine"),
    ("0 0 0 ? * ?", "day of week", "write *"),
    ("0 0 0 1 1 ? 1969", "year", "1969 is not between 1970 and 2199"),
    ("0 0 0 1 1 ? 2030-2028", "year", "ends before it starts"),
]


@pytest.mark.parametrize(("text", "field", "reason"), REFUSED, ids=lambda value: str(value)[:24])
def test_a_bad_expression_is_refused_with_its_field_and_the_reason(text: str, field: str, reason: str) -> None:
    with pytest.raises(TimetableError) as caught:
        CronExpression.parse(text)
    assert caught.value.field == field
    assert reason in caught.value.reason


NEVER = ["0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 ?", "0 0 0 1 1 ? 1970-2025", "0 0 0 29 2 ? 2027", "0 0 0 L-30 2 ?"]


@pytest.mark.parametrize("text", NEVER)
def test_what_never_comes_is_found_out_soon(text: str) -> None:
    started = time.process_time()
    assert CronExpression.parse(text).next_after(1_795_305_600 * MICROSECONDS, find_zone("Europe/Prague")) is None
    # Processor time, and some hundred times what it takes.
    assert time.process_time() - started < 5


def test_a_search_that_begins_after_the_last_year_ends_at_once() -> None:
    assert CronExpression.parse("* * * * * ?").next_after(2**62, find_zone("UTC")) is None


def test_a_search_that_begins_before_1970_finds_the_first_second() -> None:
    assert CronExpression.parse("* * * * * ?").next_after(-(2**62), find_zone("UTC")) == 0


# What holds for all ------------------------------------------------------------------


@st.composite
def parts(draw: st.DrawFn, low: int, high: int) -> str:
    """Draw a list of values, ranges and steps."""

    def one() -> str:
        value = st.integers(low, high)
        start, end, step = draw(value), draw(value), draw(st.integers(1, max(1, high - 1)))
        return draw(
            st.sampled_from(
                ["*", f"{start}", f"{start}-{end}", f"{start}/{step}", f"*/{step}", f"{start}-{end}/{step}"]
            )
        )

    return ",".join(one() for _ in range(draw(st.integers(1, 2))))


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Draw an expression."""
    day = st.integers(1, 31)
    dates = st.one_of(
        parts(1, 31),
        st.just("L"),
        st.just("LW"),
        day.map(lambda n: f"{n}W"),
        st.integers(0, 30).map(lambda n: f"L-{n}"),
        st.integers(0, 30).map(lambda n: f"L-{n}W"),
    )
    weekday = st.integers(1, 7)
    weekdays = st.one_of(
        parts(1, 7),
        st.just("L"),
        weekday.map(lambda n: f"{n}L"),
        st.tuples(weekday, st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}"),
    )
    both = draw(st.one_of(dates.map(lambda text: (text, "?")), weekdays.map(lambda text: ("?", text))))
    of_month, of_week = both
    time_of_day = f"{draw(st.integers(0, 59))} {draw(parts(0, 59))} {draw(parts(0, 23))}"
    return f"{time_of_day} {of_month} {draw(parts(1, 12))} {of_week}"


starts = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2037, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(expressions(), st.sampled_from(ZONES), starts)
def test_the_next_time_is_later_and_the_same_from_anywhere_before_it(text: str, zone: str, start: datetime) -> None:
    expression, after = CronExpression.parse(text), from_datetime(start)
    found = expression.next_after(after, find_zone(zone))
    if found is None:
        return
    assert found > after
    assert found % MICROSECONDS == 0
    assert expression.next_after(found - 1, find_zone(zone)) == found
    assert expression.next_after((after + found) // 2, find_zone(zone)) == found or (after + found) // 2 >= found


CHANGES = {
    "America/New_York": ["2026-03-08T06:00", "2025-11-02T04:00"],
    "Europe/Prague": ["2026-03-29T00:00", "2025-10-25T23:00"],
    "Australia/Lord_Howe": ["2025-10-04T14:00", "2026-04-04T13:00"],
    "Africa/Cairo": ["2025-04-24T20:00", "2025-10-30T19:00"],
}


@given(st.data(), st.sampled_from(sorted(CHANGES)))
def test_around_a_change_of_the_clock_it_agrees_with_trying_each_minute(data: st.DataObject, zone: str) -> None:
    text = f"0 {data.draw(parts(0, 59))} {data.draw(parts(0, 4))} * * ?"
    start = datetime.fromisoformat(data.draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    start += timedelta(seconds=data.draw(st.integers(0, 7200)))
    end = start + timedelta(hours=3)
    expression, place = CronExpression.parse(text), ZoneInfo(zone)
    found, instant = [], from_datetime(start)
    while (after := expression.next_after(instant, place)) is not None and to_datetime(after) <= end:
        found.append(to_datetime(after))
        instant = after
    assert found == list(instants(text, zone, start, end))
    assert all(earlier < later for earlier, later in pairwise(found))


@given(st.text(max_size=600) | st.text(alphabet="0123456789*/-,?LW# JANMO", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    said = ""
    with contextlib.suppress(TimetableError):
        said = CronExpression.parse(text).text
    assert said in ("", " ".join(text.upper().split()))
