"""Given timetables, when time passes, then each source is collected exactly when it is due."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.vedette.collection.rig import source
from vedette.clock import MICROSECONDS, from_datetime
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.rounds import Rounds, is_due

START = from_datetime(datetime(2026, 11, 16, 0, 30, tzinfo=UTC))
"""A Monday, half past midnight."""
HOUR = 3_600 * MICROSECONDS


def named(name: str, **keys: Any) -> SourceConfiguration:
    return source(f"http://{name}.example/", source_name=name, **keys)


def simulate(rounds: Rounds, *, until: int, takes: int = 60 * MICROSECONDS) -> list[tuple[str, str, int]]:
    """Collect whatever is due, one minute each, until a time; returns name, mode and start of each run."""
    now = START
    runs: list[tuple[str, str, int]] = []
    running: list[tuple[int, Any]] = []
    while True:
        upcoming = [at for at in (rounds.next_due(), *(end for end, _ in running)) if at is not None]
        now = max(now, min(upcoming, default=until))
        if now >= until:
            return runs
        for end, one in [entry for entry in running if entry[0] <= now]:
            rounds.end(one, now=now)
            running.remove((end, one))
        for one in rounds.due(now):
            runs.append((one.source.source_name, rounds.begin(one), now))
            running.append((now + takes, one))


def test_two_weeks() -> None:
    rounds = Rounds(
        [
            named("hourly", cron="0 10 * * * ?", now_collect="new"),
            named("friday", cron="0 40 21 ? * 6", now_collect="all"),
            named("weekdays", cron="0 0 8 ? * MON-FRI", jitter=600),
            named("once", cron="now"),
            named("never"),
            named("quarter", cron="0 0/15 9-16 ? * 2#1"),
        ],
        now=START,
    )
    runs = simulate(rounds, until=START + 14 * 24 * HOUR)
    counted = {name: [mode for which, mode, _ in runs if which == name] for name in rounds_names(rounds)}
    assert {name: len(modes) for name, modes in counted.items()} == {
        "hourly": 1 + 14 * 24,
        "friday": 1 + 2,
        "weekdays": 10,
        "once": 1,
        "never": 0,
        "quarter": 0,
    }
    assert counted["friday"] == ["all", "new", "new"]
    late = [(at - START - 7 * HOUR - HOUR // 2) % (24 * HOUR) for which, _, at in runs if which == "weekdays"]
    assert all(0 <= one <= 600 * MICROSECONDS for one in late)
    assert len(set(late)) > 5


def rounds_names(rounds: Rounds) -> list[str]:
    return [one.source.source_name for one in rounds.all.values()]


def test_a_run_that_takes_longer_than_its_period_never_overlaps_itself() -> None:
    rounds = Rounds([named("slow", cron="0 * * * * ?")], now=START)
    runs = simulate(rounds, until=START + HOUR, takes=150 * MICROSECONDS)
    gaps = {later[2] - earlier[2] for earlier, later in itertools.pairwise(runs)}
    assert min(gaps) >= 150 * MICROSECONDS
    (one,) = rounds.all.values()
    assert one.missed + len(runs) == 58


def test_what_was_due_while_nobody_was_there_is_run_once() -> None:
    sources = [named("daily", cron="0 0 8 * * ?"), named("all", now_collect="all", cron="0 0 9 * * ?")]
    before = Rounds(sources, now=START)
    for one in before.due(START):
        before.begin(one)
        before.end(one, now=START)
    remembered = {identity: one.remembered for identity, one in before.all.items()}
    after = Rounds(sources, now=START + 72 * HOUR, remembered=remembered)
    assert [(one.source.source_name, after.begin(one)) for one in after.due(START + 72 * HOUR)] == [
        ("daily", "new"),
        ("all", "new"),
    ]


def test_a_timetable_that_was_changed_counts_not_what_is_remembered() -> None:
    before = Rounds([named("x", cron="0 0 8 * * ?")], now=START)
    remembered = {identity: one.remembered for identity, one in before.all.items()}
    after = Rounds([named("x", cron="0 0 20 * * ?")], now=START + HOUR, remembered=remembered)
    assert after.next_due() == START + HOUR // 2 + 19 * HOUR


def test_pause_resume_and_now() -> None:
    rounds = Rounds([named("x", cron="0 0 * * * ?")], now=START)
    (one,) = rounds.all.values()
    rounds.pause(one, now=START, by="anna")
    assert rounds.due(START + 10 * HOUR) == []
    assert (one.remembered.paused_at, one.remembered.paused_by) == (START, "anna")
    rounds.run_now(one, now=START)
    assert rounds.due(START) == [one]
    rounds.begin(one)
    rounds.end(one, now=START)
    assert rounds.due(START + 10 * HOUR) == []
    rounds.resume(one, now=START + 10 * HOUR)
    assert rounds.due(START + 10 * HOUR) == []
    assert rounds.next_due() == START + 10 * HOUR + HOUR // 2


def test_who_was_paused_stays_so_over_a_restart_also_with_now_collect() -> None:
    before = Rounds([named("x", now_collect="new")], now=START)
    (one,) = before.all.values()
    before.pause(one, now=START, by="anna")
    after = Rounds([named("x", now_collect="new")], now=START, remembered={one.source.identity: one.remembered})
    assert after.due(START + HOUR) == []


@pytest.mark.parametrize("hours", [1, 100])
def test_a_clock_that_is_put_back_does_not_stop_a_source(hours: int) -> None:
    rounds = Rounds([named("x", cron="0 0 * * * ?")], now=START)
    now = START - hours * HOUR
    rounds.put_back(now)
    due = rounds.next_due()
    assert due is not None
    assert now < due <= now + HOUR


def test_what_was_found_due_may_be_due_no_more() -> None:
    # Given sources that wait for room, when one is paused and the clock is put back, then neither is collected
    rounds = Rounds([named("paused", cron="0 0 1 * * ?"), named("other", cron="0 0 1 * * ?")], now=START)
    paused, other = rounds.due(START + HOUR)
    rounds.pause(paused, now=START + HOUR, by="anna")
    assert [is_due(one, START + HOUR) for one in (paused, other)] == [False, True]
    assert not is_due(other, START)


def test_a_watched_folder_is_looked_at_all_the_time_unless_it_has_a_timetable() -> None:
    watched = source("in", "DIRECTORY", watch=True)
    daily = source("in", "DIRECTORY", watch=True, cron="0 0 1 * * ?")
    assert [one.timetable.english for one in (watched, daily) if one.timetable is not None] == [
        "Every 2 seconds",
        "At 01:00, every day",
    ]
    with pytest.raises(ValueError, match="DIRECTORY only"):
        source("a.txt", "FILE", watch=True)
