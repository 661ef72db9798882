"""Whether a number grows: told only after half a window, never for a number that goes up and down."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.repairs.trend import SAMPLES, Trend


def trend_of(values: Sequence[float], *, every: float = 10.0, window: float = 600.0) -> Trend:
    """A trend with samples at equal distances."""
    trend = Trend(window=window)
    for number, value in enumerate(values):
        trend.note(number * every, value)
    return trend


@pytest.mark.parametrize(
    ("values", "rises"),
    [
        (list(range(60)), True),
        ([1_000 + value for value in range(60)], True),
        ([5] * 60, False),
        (list(range(60, 0, -1)), False),
        ([value % 7 for value in range(60)], False),
        ([0] * 59 + [10**6], False),
        (list(range(10)), False),
        ([], False),
    ],
    ids=["rises", "rises from high", "flat", "falls", "up and down", "one peak", "too short", "nothing"],
)
def test_only_what_rises_through_the_window_is_told(values: list[float], rises: bool) -> None:
    assert trend_of(values).is_rising is rises


def test_what_is_older_than_the_window_does_not_count() -> None:
    assert not trend_of([*range(60), *([60.0] * 60)]).is_rising


def test_the_pace_is_by_the_second() -> None:
    assert trend_of([value * 20 for value in range(60)]).pace == pytest.approx(2.0)
    assert trend_of([1, 2]).pace == 0.0


def test_memory_is_bounded_however_often_a_sample_comes() -> None:
    trend = trend_of(list(range(20_000)), every=0.1, window=600.0)
    # A sample may replace only the one before it, so a few more remain than the window has room for.
    assert len(trend._samples) <= 1.1 * SAMPLES
    assert trend.seconds == pytest.approx(600.0, abs=5.0)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e12, 1e12)), max_size=300))
def test_any_times_and_values_are_taken(samples: list[tuple[float, float]]) -> None:
    trend = Trend(window=100.0)
    for at, value in samples:
        trend.note(at, value)
    assert trend.is_rising in (True, False)
    assert isinstance(trend.pace, float)
