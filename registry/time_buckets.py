"""Cutting a span of time into pieces of one length that people know. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from registry.tally import DAY, HOUR

MINUTE: Final = HOUR // 60
"""The shortest length of a piece."""

STEPS: Final = tuple(
    [MINUTE, 5 * MINUTE, 15 * MINUTE]
    + [hours * HOUR for hours in (1, 3, 6, 12)]
    + [days * DAY for days in (1, 7, 28, 91, 364, 3_640, 36_400)]
)
"""Lengths of a piece."""

MOST: Final = 96
"""Pieces of one span at most: more are no bars any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Buckets:
    """Neighbouring pieces of time, each as long as the other."""

    first: int
    """When the first begins, microseconds since 1970; a multiple of the step."""
    step: int
    """Microseconds of each."""
    number: int
    """How many."""

    @property
    def end(self) -> int:
        """When the last one ends."""
        return self.first + self.number * self.step

    def of(self, at: int) -> int | None:
        """Return the number of the piece that a time is in; None where it is in none."""
        number = (at - self.first) // self.step
        return number if 0 <= number < self.number else None

    def count(self, times: Iterable[int]) -> list[int]:
        """Return how many of these times are in each piece."""
        numbers = Counter((at - self.first) // self.step for at in times)
        return [numbers[number] for number in range(self.number)]


def cut(since: int, until: int, *, least: int = MINUTE) -> Buckets:
    """Return the pieces of a span: the shortest of which there are not too many.

    Args:
        since: when it begins.
        until: when it ends; not before `since`.
        least: microseconds that a piece must have.
    """
    fitting = (_pieces(since, until, step) for step in STEPS if step >= least)
    return next((pieces for pieces in fitting if pieces.number <= MOST), _pieces(until, until, STEPS[-1]))


def _pieces(since: int, until: int, step: int) -> Buckets:
    first = since // step
    return Buckets(first=first * step, step=step, number=max(1, -(-until // step) - first))
