"""How far clocks are off: what takes long on its way is no slow clock, and what was set right is believed soon."""

from __future__ import annotations

import ctypes

import pytest

from vedette.clock_offsets import LEAST, READINGS, ClockOffset, ClockOffsets
from vedette.machine_clock import is_clock_set

NOW = 1_795_305_600_000_000


def offset(*readings: int) -> int | None:
    """Return how far a clock is ahead after these readings; None: not known yet."""
    clocks = ClockOffsets()
    for reading in readings:
        clocks.note("a@l", sent_at=NOW + reading, now=NOW, is_set=None)
    known = list(clocks.known())
    return known[0].ahead if known else None


def test_a_sign_of_life_that_was_long_on_its_way_is_no_slow_clock() -> None:
    assert offset(-90) is None
    assert offset(-90, -80) is None
    assert offset(-90, -80, -1) == -1
    assert offset(*[-90] * LEAST) == -90


def test_a_clock_from_the_future_is_known_at_once() -> None:
    assert offset(90) == 90
    assert offset(90, 20) == 90


def test_a_clock_that_was_set_right_is_believed_after_some_signs_of_life() -> None:
    assert offset(90, *[0] * (READINGS - 1)) == 90
    assert offset(90, *[0] * READINGS) == 0


def test_who_is_gone_is_forgotten() -> None:
    clocks = ClockOffsets()
    for agent, is_set in (("b@l", True), ("a@l", None)):
        clocks.note(agent, sent_at=NOW, now=NOW, is_set=is_set)
    clocks.forget("a@l")
    clocks.forget("c@l")
    assert list(clocks.known()) == [ClockOffset(agent="b@l", ahead=0, is_set=True)]


@pytest.mark.parametrize(("state", "said"), [(0, True), (1, True), (5, False), (-1, None)])
def test_what_the_kernel_says(monkeypatch: pytest.MonkeyPatch, state: int, said: bool | None) -> None:
    class Library:
        @staticmethod
        def adjtimex(_buffer: object) -> int:
            return state

    monkeypatch.setattr(ctypes, "CDLL", lambda *_arguments, **_options: Library())
    assert is_clock_set() is said


def test_a_kernel_that_does_not_say_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_arguments, **_options: object())
    assert is_clock_set() is None
