"""Exponential backoff with full jitter: how long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Backoff:
    """Delays that double from `first` to `most`, each drawn at random below its bound.

    Full jitter spreads the agents that lost the same server over the whole interval, so that they
    do not all come back in the same instant.
    """

    first: float = 0.5
    """Seconds: bound of the first delay."""
    most: float = 30.0
    """Seconds: no bound is larger."""
    random: random.Random = field(default_factory=random.SystemRandom)
    """Where jitter comes from; tests pass a seeded one."""
    failures: int = 0
    """Attempts that failed since the last success."""

    def next(self) -> float:
        """Return seconds to wait after one more failure."""
        bound: float = min(self.most, self.first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return self.random.uniform(bound / 2, bound)

    def reset(self) -> None:
        """Start over after a success."""
        self.failures = 0
