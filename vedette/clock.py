"""The clock as a port: times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

MICROSECONDS = 1_000_000
"""Microseconds in a second."""


class Clock(Protocol):
    """What tells the time; tests pass one that they move."""

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, *, now: int = 1_795_305_600 * MICROSECONDS) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        """Return microseconds since 1970, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += int(seconds * MICROSECONDS)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP would."""
        self._now += int(seconds * MICROSECONDS)


def to_datetime(microseconds: int) -> datetime:
    """Return the time as an aware UTC datetime.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    seconds, rest = divmod(microseconds, MICROSECONDS)
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest)
    except (OSError, ValueError) as error:
        # Which of the three it is depends on how far outside it lies.
        raise OverflowError(f"{microseconds} microseconds are in no year from 1 to 9999") from error


def iso_time(microseconds: int) -> str:
    """Return the time as ISO 8601 in UTC, `2026-11-22T10:00:00.000000Z`; as the number where no calendar has it."""
    try:
        return to_datetime(microseconds).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:
        return str(microseconds)


def from_datetime(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970, UTC."""
    # Of whole seconds: with their fraction, a float is not exact, and before 1970 cut towards zero.
    return int(moment.replace(microsecond=0).timestamp()) * MICROSECONDS + moment.microsecond
