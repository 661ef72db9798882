"""How far a replica is behind, and what is told of it. Pure: positions in PostgreSQL's log (LSN) are numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEPT: Final = 4096
"""Positions remembered: an hour's, at one a second."""


class Outcome(StrEnum):
    """Who answered a question that a replica may answer, and why."""

    REPLICA = "replica"
    """The replica did."""
    BEHIND = "behind"
    """The store: what was just committed had not come to the replica."""
    AWAY = "away"
    """The store: the replica was down, too far behind, or none."""
    BROKEN = "broken"
    """The store, in a second try: the replica failed, or gave up the question for what it had to replay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaState:
    """How a replica fares."""

    place: str
    """Its host and database."""
    used: bool
    """Whether it is asked."""
    lag: float | None
    """Seconds that it was behind when it was looked at last; None: nobody knows."""
    reason: str
    """Why it is not asked; empty: it is."""
    reads: Mapping[Outcome, int]
    """Questions, by who answered them."""


class ReplicaLag:
    """Measures how far a replica is behind, on our clock alone.

    It is as old as the first moment at which the store was further than the replica is now. So a store in which
    nothing happens has no lag, however long ago its last transaction was; and a replica that hears nothing of its
    store is behind, however far it has replayed what it heard.
    """

    def __init__(self) -> None:
        self._ahead: deque[tuple[float, int]] = deque()
        self._written = 0

    def seconds(self, *, now: float, written: int, replayed: int) -> float:
        """Return the seconds that it is behind.

        Args:
            now: seconds on a clock that never goes back: when the store was asked, before the replica was.
            written: how far the store has written.
            replayed: how far the replica is.
        """
        if written < self._written:
            # Another store than before, such as a promoted replica that had lost the end.
            self._ahead.clear()
        if written > self._written or not self._ahead:
            self._remember(now, written)
        self._written = written
        while self._ahead and self._ahead[0][1] <= replayed:
            self._ahead.popleft()
        return max(0.0, now - self._ahead[0][0]) if self._ahead else 0.0

    def _remember(self, now: float, written: int) -> None:
        if len(self._ahead) < KEPT:
            self._ahead.append((now, written))
        else:
            # Rather older than it is.
            self._ahead[-1] = (self._ahead[-1][0], written)
