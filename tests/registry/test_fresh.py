"""What was read a moment ago: never older than it may be, and nothing from before a change."""

from __future__ import annotations

import pytest

from registry.fresh import MOST, Fresh
from vedette.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fresh(clock: ManualClock) -> Fresh[int]:
    return Fresh(seconds=1.0, clock=clock)


def test_a_value_is_as_old_as_the_question_not_as_the_answer(fresh: Fresh[int], clock: ManualClock) -> None:
    asked_at = clock.monotonic()
    clock.advance(0.75)
    fresh.put("a", 1, since=asked_at)
    assert fresh.get("a") == 1
    clock.advance(0.25)
    assert fresh.get("a") is None


def test_an_answer_to_a_question_from_before_a_change_is_not_kept(fresh: Fresh[int], clock: ManualClock) -> None:
    asked_at = clock.monotonic()
    clock.advance(0.1)
    fresh.clear()
    fresh.put("a", 1, since=asked_at)
    assert fresh.get("a") is None
    clock.advance(0.1)
    fresh.put("a", 2, since=clock.monotonic())
    assert fresh.get("a") == 2


def test_a_jump_of_the_wall_clock_makes_nothing_fresh(fresh: Fresh[int], clock: ManualClock) -> None:
    fresh.put("a", 1, since=clock.monotonic())
    clock.advance(1.0)
    clock.jump(-3600)
    assert fresh.get("a") is None


def test_what_is_kept_is_bounded(fresh: Fresh[int], clock: ManualClock) -> None:
    for number in range(3 * MOST):
        fresh.put(str(number), number, since=clock.monotonic())
    assert sum(fresh.get(str(number)) is not None for number in range(3 * MOST)) <= MOST
