"""A circuit breaker: whether an outside service may be asked now, after how it fared before.

1. `closed`: it may be asked. A failure makes it wait, longer each time; after `TOLERATED` failures in a row it opens.
2. `open`: it is left alone until the wait has ended.
3. `half-open`: the wait has ended, and one single request finds out. If it succeeds the circuit closes and everything
   may be asked at once; if it fails the circuit opens again.
Besides, requests keep the pause that the service asks for, and a wait that it asks for when it refuses one
(Retry-After, RFC 9110, 10.2.3), up to `LONGEST_ASKED`. Nobody waits here: callers ask `ready_in` and come back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from vedette.clock import Clock
from vedette.delivery.backoff import Backoff

TOLERATED = 3
"""Failures in a row after which a service is left alone."""

LONGEST_WAIT = 15.0
"""Seconds at most between probes: what waited must be done within a minute of the service's return."""

LONGEST_ASKED = 300.0
"""Seconds at most of a wait that the service asks for: a wrong or hostile answer must not stop us for a day."""


class CircuitState(StrEnum):
    """Whether a service is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(kw_only=True)
class CircuitBreaker:
    """The circuit to one service."""

    clock: Clock
    """What tells the time; only its monotonic side counts."""
    seconds_between: float = 0.0
    """Pause between the beginnings of two requests that the service asks for."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, most=LONGEST_WAIT))
    """How long to wait after a failure, with jitter."""
    failures: int = 0
    """Failures in a row."""
    _under_way: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _next_turn: float = field(default=0.0, init=False)
    _asked_until: float = field(default=0.0, init=False)

    @property
    def state(self) -> CircuitState:
        """Whether the service is asked now."""
        if self.failures < TOLERATED:
            return CircuitState.CLOSED
        waits = self.clock.monotonic() < self._not_before
        return CircuitState.OPEN if waits else CircuitState.HALF_OPEN

    @property
    def one_at_a_time(self) -> bool:
        """Whether only one request may be under way: the service failed lately, or wants pauses."""
        return self.failures > 0 or self.seconds_between > 0

    def ready_in(self) -> float:
        """Return seconds until a request may begin: 0 now; infinite while the one that may be is under way."""
        if self._under_way and self.one_at_a_time:
            return math.inf
        return max(0.0, max(self._not_before, self._next_turn) - self.clock.monotonic())

    def asked_wait(self) -> float:
        """Return the seconds that are left of a wait that the service asked for."""
        return max(0.0, self._asked_until - self.clock.monotonic())

    def begin(self) -> bool:
        """Take the turn for a request; False when there is none now. Each turn ends with one of the three below."""
        if self.ready_in() > 0:
            return False
        self._under_way += 1
        self._next_turn = self.clock.monotonic() + self.seconds_between
        return True

    def succeeded(self) -> None:
        """Say that the request was answered as it should be."""
        self._under_way -= 1
        self.failures = 0
        # A request that was under way beside a refused one does not take back what was asked for then.
        self._not_before = self._asked_until
        self.backoff.reset()

    def failed(self, *, retry_after: float | None = None) -> float:
        """Say that the request failed; return seconds until the next may begin.

        Args:
            retry_after: seconds that the service wants to be left alone; None where it said nothing.
        """
        self._under_way -= 1
        now = self.clock.monotonic()
        # Requests that were under way together fail together: that is one failure.
        if now >= self._not_before:
            self.failures += 1
            self._not_before = now + self.backoff.next()
        if retry_after is not None:
            self._asked_until = max(self._asked_until, now + min(max(0.0, retry_after), LONGEST_ASKED))
            self._not_before = max(self._not_before, self._asked_until)
        return max(0.0, max(self._not_before, self._next_turn) - now)

    def abandoned(self) -> None:
        """Say that the request was given up by us, which tells nothing about the service."""
        self._under_way -= 1
