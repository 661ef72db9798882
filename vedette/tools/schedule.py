"""When a periodic check runs: pure arithmetic on the monotonic clock.

Run k is planned at `start + k * period`, plus a jitter of its own. Lateness never adds up, because each time
is counted from the start. Two runs never overlap: the next is only planned when the last has ended, and those
whose time passed meanwhile are missed, counted and reported, not made up for.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Missed:
    """Runs that could not take place."""

    count: int
    """How many."""
    first: float
    """When the first was planned, seconds on the monotonic clock, jitter apart."""
    last: float
    """When the last was."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The next run."""

    number: int
    """0 for the first; missed ones count."""
    at: float
    """Seconds on the monotonic clock."""
    missed: Missed | None
    """Runs left out since the last one."""


class Schedule:
    """Plans one run after the other."""

    def __init__(
        self, *, period: float, start: float, jitter: float = 0.0, randomness: random.Random | None = None
    ) -> None:
        if not (period > 0 and 0 <= jitter <= period):
            raise ValueError("period must be above 0 and jitter between 0 and period")
        self._period = period
        self._start = start
        self._jitter = jitter
        self._random = randomness or random.Random()  # noqa: S311 (spreads load, protects nothing)
        self._next = 0

    def plan(self, now: float) -> Planned:
        """Return the next run, called at the start and then when a run has ended; `now` is monotonic seconds.

        The first is never missed: it may be due already.
        """
        first = self._next
        number = max(first, self._earliest(now)) if first else 0
        at = self._time(number) + self._draw()
        while number and at < now:
            number += 1
            at = self._time(number) + self._draw()
        self._next = number + 1
        return Planned(number=number, at=at, missed=self._missed(first, number))

    def following(self, planned: Planned, *, count: int) -> list[float]:
        """Return when the run that is planned and those behind it are, jitter of the latter apart."""
        return [planned.at, *(self._time(planned.number + ahead) for ahead in range(1, count))]

    @property
    def period(self) -> float:
        """Seconds from one run to the next."""
        return self._period

    def _earliest(self, now: float) -> int:
        """Return the first run that may still be ahead, the largest jitter allowed for."""
        return math.ceil((now - self._start - self._jitter) / self._period)

    def _time(self, number: int) -> float:
        return self._start + number * self._period

    def _draw(self) -> float:
        return self._random.uniform(0, self._jitter) if self._jitter else 0.0

    def _missed(self, first: int, number: int) -> Missed | None:
        if number == first:
            return None
        return Missed(count=number - first, first=self._time(first), last=self._time(number - 1))
