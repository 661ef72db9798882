"""A hub's time-stamping as it reports it, for tests of what is made of that."""

from __future__ import annotations

from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.timestamp_state import AuthorityReport, TimestampState


def stamping(*, circuit: CircuitState, delay_p99: float | None) -> TimestampState:
    """Return the state with one authority of our own, and items that wait."""
    authority = AuthorityReport(
        name="local",
        external=False,
        circuit=circuit,
        next_attempt_in=1.0,
        tokens=2,
        failures=3,
        last_error="",
        last_error_at=None,
        last_token_at=None,
        latency=0.25,
        clock=None,
        clock_off=0,
    )
    return TimestampState(
        authorities=(authority,),
        batches=3,
        urgent_batches=1,
        pending=10,
        failed=0,
        oldest_pending=1.0,
        looked_at=1,
        delays=20,
        delay_p50=0.5,
        delay_p99=delay_p99,
    )
