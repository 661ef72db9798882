"""Given a service that fails, when may it be asked again? Later each time, one by one, never too late."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from vedette.clock import ManualClock
from vedette.delivery.backoff import Backoff
from vedette.delivery.circuit_breaker import LONGEST_ASKED, LONGEST_WAIT, TOLERATED, CircuitBreaker, CircuitState


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def circuit(clock: ManualClock) -> CircuitBreaker:
    backoff = Backoff(first=1.0, most=LONGEST_WAIT, random=random.Random(1))  # deterministic jitter
    return CircuitBreaker(clock=clock, backoff=backoff)


def fail(circuit: CircuitBreaker, clock: ManualClock, times: int = 1) -> float:
    """Let requests fail as soon as each may begin; return the last wait."""
    wait = 0.0
    for _ in range(times):
        clock.advance(circuit.ready_in())
        assert circuit.begin()
        wait = circuit.failed()
    return wait


def test_a_service_that_is_well_is_asked_as_often_as_wanted(circuit: CircuitBreaker) -> None:
    assert all(circuit.begin() for _ in range(10))
    for _ in range(10):
        circuit.succeeded()
    assert (circuit.state, circuit.ready_in()) == (CircuitState.CLOSED, 0)


def test_a_failure_waits_and_goes_on_one_at_a_time(circuit: CircuitBreaker, clock: ManualClock) -> None:
    wait = fail(circuit, clock)
    assert 0.5 <= wait <= 1.0
    assert circuit.state is CircuitState.CLOSED
    assert not circuit.begin()
    clock.advance(wait)
    assert circuit.begin()
    assert (circuit.ready_in(), circuit.begin()) == (math.inf, False)


def test_it_opens_after_failures_in_a_row_and_one_probe_decides(circuit: CircuitBreaker, clock: ManualClock) -> None:
    wait = fail(circuit, clock, TOLERATED)
    assert circuit.state is CircuitState.OPEN
    clock.advance(wait)
    assert circuit.state is CircuitState.HALF_OPEN
    assert [circuit.begin() for _ in range(5)] == [True, False, False, False, False]
    circuit.failed()
    assert circuit.state is CircuitState.OPEN
    clock.advance(circuit.ready_in())
    assert circuit.begin()
    circuit.succeeded()
    assert (circuit.state, circuit.one_at_a_time, circuit.ready_in()) == (CircuitState.CLOSED, False, 0)


def test_waits_grow_with_jitter_up_to_the_longest(circuit: CircuitBreaker, clock: ManualClock) -> None:
    waits = [fail(circuit, clock) for _ in range(200)]
    assert max(waits) <= LONGEST_WAIT
    assert min(waits[10:]) >= LONGEST_WAIT / 2
    assert len(set(waits[10:])) > 100
    assert circuit.begin() is False


def test_requests_that_fail_together_are_one_failure(circuit: CircuitBreaker, clock: ManualClock) -> None:
    assert all(circuit.begin() for _ in range(4))
    waits = [circuit.failed() for _ in range(4)]
    assert (circuit.failures, len(set(waits))) == (1, 1)
    clock.advance(waits[0])
    assert circuit.begin()


def test_an_abandoned_probe_leaves_the_turn_to_another(circuit: CircuitBreaker, clock: ManualClock) -> None:
    clock.advance(fail(circuit, clock, TOLERATED))
    assert circuit.begin()
    circuit.abandoned()
    assert (circuit.state, circuit.ready_in()) == (CircuitState.HALF_OPEN, 0)


def test_the_pause_that_the_service_asks_for_is_kept(clock: ManualClock) -> None:
    circuit = CircuitBreaker(clock=clock, seconds_between=15.0)
    began: list[float] = []
    for result in ("good", "bad", "good", "good"):
        clock.advance(circuit.ready_in())
        assert circuit.begin()
        began.append(clock.monotonic())
        clock.advance(0.2)
        if result == "good":
            circuit.succeeded()
        else:
            circuit.failed()
    assert [round(later - earlier, 6) for earlier, later in pairwise(began)] == [15.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (120.0, 120.0, 120.0),
        (1e9, LONGEST_ASKED, LONGEST_ASKED),
        (math.inf, LONGEST_ASKED, LONGEST_ASKED),
        (0.0, 0.5, 1.0),
        (-5.0, 0.5, 1.0),
    ],
)
def test_a_wait_that_the_service_asks_for_is_kept_within_bounds(
    circuit: CircuitBreaker, clock: ManualClock, asked: float, least: float, most: float
) -> None:
    assert circuit.begin()
    assert least <= circuit.failed(retry_after=asked) <= most
    clock.advance(least - 0.1)
    assert not circuit.begin()
    clock.advance(most - least + 0.2)
    assert circuit.asked_wait() == 0
    assert circuit.begin()
    circuit.succeeded()
    assert circuit.ready_in() == 0


@pytest.mark.parametrize("refused_first", [True, False], ids=["refused first", "refused last"])
def test_what_is_asked_for_holds_although_a_request_beside_it_succeeds(
    circuit: CircuitBreaker, refused_first: bool
) -> None:
    assert all(circuit.begin() for _ in range(2))
    if refused_first:
        circuit.failed(retry_after=60.0)
        circuit.succeeded()
    else:
        circuit.succeeded()
        circuit.failed(retry_after=60.0)
    assert (circuit.ready_in(), circuit.asked_wait(), circuit.begin()) == (60.0, 60.0, False)


def test_requests_that_are_refused_together_wait_for_the_longest_that_is_asked(circuit: CircuitBreaker) -> None:
    assert all(circuit.begin() for _ in range(3))
    assert [circuit.failed(retry_after=asked) for asked in (5.0, 90.0, 10.0)] == [5.0, 90.0, 90.0]
    assert circuit.failures == 1


def test_the_wall_clock_does_not_matter(circuit: CircuitBreaker, clock: ManualClock) -> None:
    wait = fail(circuit, clock, TOLERATED)
    clock.jump(-86_400)
    assert circuit.ready_in() == wait
    clock.jump(10 * 86_400)
    assert circuit.state is CircuitState.OPEN
