"""How far agents' clocks are from the hub's, by what their signs of life say. Pure, no I/O.

A sign of life says when it was sent. What it took on its way makes the sender's clock look slower than it is, never
faster, so that the largest of some readings is the nearest to the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

READINGS = 6
"""Signs of life that count: those of the last minute. A clock that was set right is believed after as many."""

LEAST = 3
"""Readings from which on a clock is called slow: one alone may have been long on its way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockOffset:
    """How one agent's clock stands."""

    agent: str
    """Bare JID."""
    ahead: int
    """Microseconds by which it is ahead of the hub's; negative: behind."""
    is_set: bool | None
    """Whether its machine's kernel says that something keeps the clock right; None: it does not say."""


class ClockOffsets:
    """The newest readings of the agents that are there."""

    def __init__(self) -> None:
        self._readings: dict[str, deque[int]] = {}
        self._are_set: dict[str, bool | None] = {}

    def note(self, agent: str, *, sent_at: int, now: int, is_set: bool | None) -> None:
        """Take a reading: `sent_at` by the agent's clock and `now` by the hub's, in microseconds since 1970."""
        self._readings.setdefault(agent, deque(maxlen=READINGS)).append(sent_at - now)
        self._are_set[agent] = is_set

    def forget(self, agent: str) -> None:
        """Forget an agent that is gone."""
        self._readings.pop(agent, None)
        self._are_set.pop(agent, None)

    def known(self) -> Iterator[ClockOffset]:
        """Yield the agents' clocks, in the order of their names."""
        for agent, readings in sorted(self._readings.items()):
            nearest = max(readings)
            if nearest >= 0 or len(readings) >= LEAST:
                yield ClockOffset(agent=agent, ahead=nearest, is_set=self._are_set[agent])
