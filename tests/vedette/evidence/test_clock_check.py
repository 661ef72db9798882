"""Given a token and the request's times, when a clock is off, then it shows; else nothing is claimed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vedette.clock import MICROSECONDS
from vedette.evidence.clock_check import ClockOffset, clock_offset, who_is_off

NOW = 1_795_305_600 * MICROSECONDS + 400_000
MILLISECONDS = 1_000


@pytest.mark.parametrize(
    ("ahead", "accuracy", "off"),
    [
        (0, None, False),
        (60 * MILLISECONDS, None, False),
        (120 * MILLISECONDS, None, True),
        (-120 * MILLISECONDS, None, True),
        (1_050 * MILLISECONDS, MICROSECONDS, False),
        (1_200 * MILLISECONDS, MICROSECONDS, True),
        (-30 * MICROSECONDS, MICROSECONDS, True),
    ],
)
def test_off_by_more_than_accuracy_and_round_trip(ahead: int, accuracy: int | None, off: bool) -> None:
    answered_at = NOW + 200 * MILLISECONDS
    found = clock_offset(
        gen_time=NOW + 100 * MILLISECONDS + ahead, accuracy=accuracy, asked_at=NOW, answered_at=answered_at
    )
    assert (found.offset, found.is_off) == (ahead, off)


@given(
    asked_at=some.integers(0, 4 * 10**15),
    took=some.integers(0, 30 * MICROSECONDS),
    share=some.floats(0, 1),
    whole=some.booleans(),
)
def test_right_clocks_are_never_blamed(asked_at: int, took: int, share: float, whole: bool) -> None:
    stamped = asked_at + int(took * share)
    gen_time = stamped - stamped % MICROSECONDS if whole else stamped
    found = clock_offset(gen_time=gen_time, accuracy=None, asked_at=asked_at, answered_at=asked_at + took)
    assert not found.is_off


def test_a_clock_set_back_during_the_request_makes_no_negative_margin() -> None:
    found = clock_offset(gen_time=NOW, accuracy=None, asked_at=NOW, answered_at=NOW - 3600 * MICROSECONDS)
    assert (found.margin, found.is_off) == (0, True)


def offset(seconds: float) -> ClockOffset:
    return ClockOffset(offset=int(seconds * MICROSECONDS), margin=MICROSECONDS)


@pytest.mark.parametrize(
    ("seconds", "blamed"),
    [
        ([], ""),
        ([0.1, -0.2], ""),
        ([30.0], "unclear"),
        ([30.0, 0.1], "theirs"),
        ([30.0, 30.5], "ours"),
        ([30.0, -30.0], "unclear"),
    ],
)
def test_whose_clock_is_blamed(seconds: list[float], blamed: str) -> None:
    assert who_is_off([offset(one) for one in seconds]) == blamed
