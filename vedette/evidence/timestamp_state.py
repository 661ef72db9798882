"""How time-stamping fares: what the engine's page and the metrics show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.clock_check import ClockOffset, who_is_off


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityReport:
    """How one time-stamping authority fares, since the engine's start."""

    name: str
    """As it is configured."""
    external: bool
    """Whether somebody else keeps its clock."""
    circuit: CircuitState
    """Whether it is asked."""
    next_attempt_in: float
    """Seconds until it is asked again; 0 while nothing holds it back."""
    asked_wait: float = 0.0
    """Seconds left of a wait that it asked for itself (Retry-After); 0 where it asked for none."""
    tokens: int
    """Tokens obtained."""
    failures: int
    """Requests that failed."""
    last_error: str
    """Why the last request failed; empty after a success."""
    last_error_at: int | None
    """Microseconds since 1970: when a request failed last."""
    last_token_at: int | None
    """Microseconds since 1970: when the last token came, by our clock."""
    latency: float | None
    """Seconds that the middle one of the last answers took; None before the first."""
    clock: ClockOffset | None
    """Its clock as seen from ours, by the last token."""
    seconds_between: float = 0.0
    """Seconds between requests that it asks for."""
    clock_off: int
    """Tokens whose genTime was off by more than its accuracy and the round trip; they are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimestampState:
    """How the time-stamping of one engine fares."""

    authorities: tuple[AuthorityReport, ...]
    """In the order of the configuration."""
    batches: int
    """Batches closed since the start."""
    batch_seconds: float = 0.0
    """Age in seconds at which a batch is closed."""
    batches_a_minute: float = 0.0
    """Batches closed a minute, over the last minutes."""
    urgent_batches: int
    """Of these, closed before their time for an urgent item."""
    pending: int
    """Items without any token, in a batch or not; failed ones included."""
    failed: int
    """Of these, in a batch that somebody decided not to stamp."""
    oldest_pending: float
    """Seconds that the oldest item without a token has waited since it was received; 0 where there is none."""
    looked_at: int
    """Microseconds since 1970: when the three above were read."""
    delays: int
    """Items that the delays below are over: the last ones that were stamped."""
    delay_p50: float | None
    """Seconds from `collected_at` to the first genTime, half of the items at most; None before the first."""
    delay_p99: float | None
    """The same of 99 in 100 items."""

    @property
    def clock_blamed(self) -> str:
        """Whose clock is off by the newest tokens: `ours`, `theirs`, `unclear`, or empty."""
        return who_is_off([one.clock for one in self.authorities if one.clock is not None])


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the smallest value that `share` (0 to 1) of all do not exceed; None of none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
