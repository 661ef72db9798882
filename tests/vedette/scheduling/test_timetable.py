"""Timetables however they are written: in English, in time zones, as intervals and by short names."""

from __future__ import annotations

import pytest

from vedette.clock import MICROSECONDS
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.interval import Interval, every
from vedette.scheduling.timetable import SHORT_NAMES, Timetable
from vedette.scheduling.zones import find_zone, zone_names

SAID = [
    ("0 0 12 ? * WED", "At 12:00, only on Wednesday"),
    ("0 40 21 ? * 5", "At 21:40, only on Thursday"),
    ("0 39 * * * ?", "At 39 minutes past the hour"),
    ("0 0 12 * * ?", "At 12:00, every day"),
    ("30 15 10 * * ?", "At 10:15:30, every day"),
    ("0 0/5 14,18 * * ?", "Every 5 minutes, at 14:00 and 18:00"),
    ("0 0/7 * * * ?", "At 0, 7, 14, 21, 28, 35, 42, 49, and 56 minutes past the hour"),
    ("0 20/10 * * * ?", "At 20, 30, 40, and 50 minutes past the hour"),
    ("0 5/15 * * * ?", "Every 15 minutes, starting at 5 minutes past the hour"),
    ("/5 * * * * ?", "Every 5 seconds"),
    ("* * * * * ?", "Every second"),
    ("0 0-59 * * * ?", "Every minute"),
    ("0 30 */5 * * ?", "At 00:30, 05:30, 10:30, 15:30 and 20:30, every day"),
    ("0 0 9-17/2 ? * MON-FRI", "Every 2 hours, between 09:00 and 17:59, Monday through Friday"),
    ("0 0 22-2 * * ?", "At 0 minutes past the hour, between 22:00 and 02:59"),
    ("0 15 10 ? * 6L 2027-2030", "At 10:15, on the last Friday of the month, 2027 through 2030"),
    ("0 15 10 ? * 6#3", "At 10:15, on the third Friday of the month"),
    ("0 0 0 ? * L", "At 00:00, only on Saturday"),
    ("0 0 0 ? * 2/2", "At 00:00, only on Monday, Wednesday, and Friday"),
    ("0 0 0 ? * FRI-MON", "At 00:00, Friday through Monday"),
    ("0 0 12 1/5 * ?", "At 12:00, on day 1, 6, 11, 16, 21, 26, and 31 of the month"),
    ("0 0 0 28-3 * ?", "At 00:00, on days 28 through 3 of the month"),
    ("0 0 0 1,15,L * ?", "At 00:00, on day 1, day 15 and the last day of the month"),
    ("0 0 0 1W,15W * ?", "At 00:00, on the weekday nearest day 1 and the weekday nearest day 15 of the month"),
    ("0 15 10 L * ?", "At 10:15, on the last day of the month"),
    ("0 15 10 LW * ?", "At 10:15, on the last weekday of the month"),
    ("0 15 10 15W * ?", "At 10:15, on the weekday nearest day 15 of the month"),
    ("0 0 0 L-1 * ?", "At 00:00, on the day before the last day of the month"),
    ("0 0 0 L-3W * ?", "At 00:00, on the weekday nearest to the day 3 days before the last day of the month"),
    ("0 0 0 1 1/3 ?", "At 00:00, on day 1 of the month, only in January, April, July, and October"),
    ("0 0 0 * 2 ?", "At 00:00, every day, only in February"),
    ("0 0 0 ? NOV-FEB MON-FRI", "At 00:00, Monday through Friday, November through February"),
    ("0 0 0 1 1 ? */50", "At 00:00, on day 1 of the month, only in January, only in 1970, 2020, 2070, 2120 and 2170"),
    ("0 0 0 1 1 ? 2027/1", "At 00:00, on day 1 of the month, only in January, from 2027 on"),
    ("0 0 0 1 1 ? 2027/2", "At 00:00, on day 1 of the month, only in January, in 87 years from 2027 to 2199"),
    ("@daily", "At 00:00, every day"),
    ("every 5m", "Every 5 minutes"),
    ("every 1d", "Every day"),
    ("@every 90m", "Every 1 hour and 30 minutes"),
]


@pytest.mark.parametrize(("text", "english"), SAID, ids=[text for text, _ in SAID])
def test_what_is_meant_is_said_in_english(text: str, english: str) -> None:
    assert Timetable.parse(text).english == english


@pytest.mark.parametrize("name", sorted(SHORT_NAMES))
def test_a_short_name_is_its_expression(name: str) -> None:
    short, long = Timetable.parse(name), Timetable.parse(SHORT_NAMES[name])
    assert short.text == name
    assert short.next_runs(0) == long.next_runs(0)


def test_the_next_runs_are_five_or_as_many_as_there_are() -> None:
    # 22 November 2026, 00:00 UTC; January in Prague is an hour ahead.
    after = 1_795_305_600 * MICROSECONDS
    runs = Timetable.parse("0 0 0 1 1 ? 2027-2028", zone="Europe/Prague").next_runs(after)
    assert runs == [1_798_758_000 * MICROSECONDS, 1_830_294_000 * MICROSECONDS]
    assert len(Timetable.parse("0 0 0 1 1 ?").next_runs(after)) == 5


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("every 30s", 30, "every 30s"),
        ("every 90s", 90, "every 1m30s"),
        ("EVERY 1h 30m", 5400, "every 1h30m"),
        ("@every 7d", 604_800, "every 1w"),
        ("every 366d", 366 * 86_400, "every 52w2d"),
    ],
    ids=str,
)
def test_an_interval_is_read_and_written_in_the_largest_units(text: str, seconds: int, written: str) -> None:
    interval = Interval.parse(text)
    assert interval is not None
    assert (interval.seconds, interval.text) == (seconds, written)


def test_an_interval_counts_from_its_anchor() -> None:
    interval = Interval(seconds=60, anchor=7 * MICROSECONDS)
    assert interval.next_after(0) == 7 * MICROSECONDS
    assert interval.next_after(7 * MICROSECONDS) == 67 * MICROSECONDS
    assert interval.next_after(-60 * MICROSECONDS) == -53 * MICROSECONDS


@pytest.mark.parametrize(
    ("text", "zone", "field"),
    [
        ("every 0s", "UTC", "interval"),
        ("every 367d", "UTC", "interval"),
        ("every", "UTC", "interval"),
        ("every 5 parsecs", "UTC", "interval"),
        ("every -5m", "UTC", "interval"),
        ("every 99999999999999s", "UTC", "interval"),
        ("@reboot", "UTC", "expression"),
        ("0 0 0 * * ?", "Mars/Olympus", "time zone"),
        ("0 0 0 * * ?", "../../etc/passwd", "time zone"),
        ("0 0 0 * * ?", "", "time zone"),
        ("0 0 0 * * ?", "localtime", "time zone"),
    ],
    ids=str,
)
def test_what_is_no_timetable_is_refused_with_its_field(text: str, zone: str, field: str) -> None:
    with pytest.raises(TimetableError) as caught:
        Timetable.parse(text, zone=zone)
    assert caught.value.field == field


def test_every_zone_that_is_offered_is_found() -> None:
    names = zone_names()
    assert {"UTC", "Europe/Prague", "America/New_York"} <= set(names)
    assert all(find_zone(name).key == name for name in names)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "Every 0.5 seconds"),
        (1, "Every second"),
        (61, "Every 1 minute and 1 second"),
        (90.5, "Every 1 minute and 30.5 seconds"),
        (604_800, "Every week"),
    ],
    ids=str,
)
def test_a_period_is_said_in_english(seconds: float, said: str) -> None:
    assert every(seconds) == said
