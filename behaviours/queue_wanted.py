"""Which durable queue a consumer wants, and how it takes from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QueueWanted:
    """Which queue to consume, and how."""

    name: str
    """The queue."""
    patterns: tuple[str, ...]
    """What it holds: topic patterns."""
    shared: bool = True
    """Whether all agents of the role share it."""
    from_start: bool = False
    """Whether it begins with what was committed before it was made."""
    limit: int = 100
    """Items that are handled together at most."""
    lease_seconds: int = 60
    """After so long without an answer they are handed out again; the handler is stopped a little earlier."""
    wait: int = 10
    """Seconds that the engine keeps a question while there is nothing: a dead engine is noticed a little later."""

    @property
    def group_within(self) -> float:
        """Seconds that a group may take: half, so that there is time for finding out which item it was."""
        return self.handle_within / 2

    @property
    def handle_within(self) -> float:
        """Seconds in which items are handled after they came: the answer has to arrive within the lease."""
        return self.lease_seconds * 0.8
