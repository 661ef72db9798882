"""The schedule: no drift, no overlap, jitter, missed runs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.tools.schedule import Missed, Planned, Schedule


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


def test_runs_follow_the_start_and_lateness_does_not_add_up() -> None:
    schedule = Schedule(period=10, start=100)
    times = [schedule.plan(now) for now in (100.0, 100.5, 113.0, 121.0)]
    assert [(plan.number, plan.at, plan.missed) for plan in times] == [
        (0, 100, None),
        (1, 110, None),
        (2, 120, None),
        (3, 130, None),
    ]


def test_runs_that_would_overlap_are_missed_and_reported() -> None:
    schedule = Schedule(period=10, start=0)
    schedule.plan(0)
    assert schedule.plan(35) == Planned(number=4, at=40, missed=Missed(count=3, first=10, last=30))
    assert schedule.plan(41).missed is None


def test_a_first_run_that_is_late_is_not_missed() -> None:
    assert Schedule(period=10, start=0).plan(55) == Planned(number=0, at=0, missed=None)


def test_a_run_due_right_now_is_not_missed() -> None:
    schedule = Schedule(period=10, start=0)
    schedule.plan(0)
    assert schedule.plan(10) == Planned(number=1, at=10, missed=None)


def test_years_of_sleep_cost_nothing() -> None:
    schedule = Schedule(period=0.1, start=0, jitter=0.05, randomness=seeded(1))
    schedule.plan(0)
    plan = schedule.plan(1e9)
    assert plan.missed is not None
    assert plan.missed.count > 9e9


def test_the_same_seed_gives_the_same_jitter() -> None:
    plans = [Schedule(period=10, start=0, jitter=5, randomness=seeded(7)).plan(0) for _ in range(2)]
    assert plans[0] == plans[1]
    assert 0 < plans[0].at < 5


@pytest.mark.parametrize(("period", "jitter"), [(0, 0), (-1, 0), (1, 2), (1, -1)])
def test_nonsense_is_refused(period: float, jitter: float) -> None:
    with pytest.raises(ValueError, match="period must be above 0"):
        Schedule(period=period, start=0, jitter=jitter)


@settings(deadline=None)
@given(
    st.floats(0.1, 1000),
    st.floats(0, 1),
    st.lists(st.floats(0, 5000), max_size=30),
    st.integers(),
)
def test_every_run_is_either_planned_or_missed(period: float, jitter: float, lengths: list[float], seed: int) -> None:
    # Given a schedule and runs of any length
    schedule = Schedule(period=period, start=0, jitter=jitter * period, randomness=seeded(seed))
    now, numbers = 0.0, -1
    for length in lengths:
        # When each is planned after the one before has ended
        plan = schedule.plan(now)
        # Then none is in the past, early, out of order or unaccounted for
        missed = plan.missed.count if plan.missed else 0
        assert plan.number == numbers + 1 + missed
        assert plan.at >= now
        assert plan.number * period <= plan.at <= plan.number * period + jitter * period + 1e-6
        numbers, now = plan.number, plan.at + length
