"""How often somebody may try: a guesser waits ever longer, its victim never for long."""

from __future__ import annotations

import pytest

from vedette.access.throttle import FORGET, FREE, LONGEST, MOST, LoginThrottle, Place
from vedette.clock import ManualClock

GUESSER = [(Place.ADDRESS, "192.0.2.1"), (Place.ACCOUNT, "anna")]
ANNA_AT_HOME = [(Place.DEVICE, "anna")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def throttle(clock: ManualClock) -> LoginThrottle:
    return LoginThrottle(clock=clock)


def test_some_failures_are_free_then_each_costs_twice_the_time(throttle: LoginThrottle, clock: ManualClock) -> None:
    assert [throttle.begin(GUESSER) for _ in range(FREE)] == [0.0] * FREE
    for expected in (1.0, 2.0, 4.0, 8.0):
        assert throttle.begin(GUESSER) == expected
        clock.advance(expected - 0.5)
        assert throttle.begin(GUESSER) == pytest.approx(0.5)
        clock.advance(0.5)
        assert throttle.begin(GUESSER) == 0.0


def test_attempts_at_the_same_moment_gain_nothing(throttle: LoginThrottle) -> None:
    assert [throttle.begin(GUESSER) for _ in range(100)].count(0.0) == FREE


@pytest.mark.parametrize("place", list(Place), ids=lambda place: place.value)
def test_no_wait_is_longer_than_the_longest(throttle: LoginThrottle, clock: ManualClock, place: Place) -> None:
    for _ in range(2000):
        wait = throttle.begin([(place, "x")])
        assert wait <= LONGEST[place]
        clock.advance(wait)
    assert throttle.begin([(place, "x")]) in (0.0, LONGEST[place])


def test_a_refused_attempt_does_not_make_the_wait_longer(throttle: LoginThrottle, clock: ManualClock) -> None:
    for _ in range(FREE):
        throttle.begin(GUESSER)
    for _ in range(1000):
        throttle.begin(GUESSER)
    assert throttle.begin(GUESSER) == 1.0


def test_a_stranger_cannot_keep_out_who_logged_in_here_before(throttle: LoginThrottle, clock: ManualClock) -> None:
    for number in range(10_000):
        throttle.begin([(Place.ADDRESS, f"address {number}"), (Place.ACCOUNT, "anna")])
        clock.advance(0.1)
    assert throttle.begin([(Place.ADDRESS, "a new one"), (Place.ACCOUNT, "anna")]) > 0
    assert throttle.begin(ANNA_AT_HOME) == 0.0


def test_many_accounts_from_one_address_are_throttled_too(throttle: LoginThrottle) -> None:
    tries = [throttle.begin([(Place.ADDRESS, "192.0.2.1"), (Place.ACCOUNT, f"user{number}")]) for number in range(50)]
    assert tries.count(0.0) == FREE


def test_an_own_login_does_not_wash_an_address_clean(throttle: LoginThrottle, clock: ManualClock) -> None:
    own = [(Place.ADDRESS, "192.0.2.1"), (Place.ACCOUNT, "mallory")]
    allowed = 0
    for _ in range(200):
        if throttle.begin(GUESSER) == 0.0:
            allowed += 1
        if throttle.begin(own) == 0.0:
            throttle.succeeded(own)
        clock.advance(1.0)
    assert allowed <= FREE + 8


def test_a_success_gives_an_account_and_a_device_their_free_failures_back(throttle: LoginThrottle) -> None:
    for places in (ANNA_AT_HOME, [(Place.ACCOUNT, "anna")]):
        for _ in range(3):
            for _ in range(FREE - 1):
                assert throttle.begin(places) == 0.0
            throttle.succeeded(places)


def test_failures_are_forgotten(throttle: LoginThrottle, clock: ManualClock) -> None:
    for _ in range(FREE):
        throttle.begin(GUESSER)
    clock.advance(FORGET)
    assert [throttle.begin(GUESSER) for _ in range(FREE)] == [0.0] * FREE


def test_the_wall_clock_does_not_matter(throttle: LoginThrottle, clock: ManualClock) -> None:
    for _ in range(FREE):
        throttle.begin(GUESSER)
    clock.jump(-10 * 365 * 86_400)
    assert throttle.begin(GUESSER) == 1.0
    clock.jump(20 * 365 * 86_400)
    assert throttle.begin(GUESSER) == 1.0


def test_what_is_remembered_is_bounded(throttle: LoginThrottle) -> None:
    for number in range(MOST + 100):
        throttle.begin([(Place.ADDRESS, str(number))])
    assert len(throttle._places[Place.ADDRESS]) == MOST
