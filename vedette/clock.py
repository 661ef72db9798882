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
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest)


def from_datetime(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970, UTC."""
    return int(moment.timestamp()) * MICROSECONDS + moment.microsecond
