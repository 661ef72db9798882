"""How time-stamping fares, as tables of the engine's page."""

from __future__ import annotations

from vedette.clock import MICROSECONDS
from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.stamping_pace import pace_warning
from vedette.evidence.timestamp_state import AuthorityReport, TimestampState
from vedette.messages.state import Cell, Panel

LATE = 60.0
"""Seconds that an item may wait for its token before the page says that something is wrong."""

_BLAME = {
    "ours": "Several authorities see the same offset: check the clock of this machine.",
    "theirs": "Other authorities agree with this machine: check with the authority that is off.",
    "unclear": "Either this machine's clock or the authority's is off: check both.",
}


def timestamp_panels(state: TimestampState) -> list[Panel]:
    """Return the authorities, and how long items wait for them."""
    return [
        Panel(
            title="Time-stamping authorities",
            columns=["Name", "Time", "Circuit", "Tokens", "Failures", "Latency", "Clock", "Clock off", "Last error"],
            rows=[_authority_row(authority) for authority in state.authorities],
        ),
        Panel(title="Time-stamping", columns=["What", "Value"], rows=_rows(state)),
    ]


def timestamp_notes(state: TimestampState) -> list[str]:
    """Return what a reader must know: clocks that are off, authorities that cannot keep pace."""
    blamed = state.clock_blamed
    clocks = [f"A clock is off by the last tokens. {_BLAME[blamed]}"] if blamed else []
    return clocks + [warning for one in state.authorities if (warning := _pace(one, state))]


def _pace(one: AuthorityReport, state: TimestampState) -> str:
    return pace_warning(
        name=one.name,
        seconds_between=one.seconds_between,
        batch_seconds=state.batch_seconds,
        made=state.batches_a_minute,
    )


def _authority_row(one: AuthorityReport) -> list[Cell]:
    return [
        Cell(text=one.name, kind="code"),
        Cell(text="external" if one.external else "self-asserted", kind="good" if one.external else "warn"),
        _circuit(one),
        Cell(text=str(one.tokens), kind="count"),
        Cell(text=str(one.failures), kind="count"),
        Cell(text="none yet" if one.latency is None else f"{one.latency * 1000:.0f} ms"),
        _clock(one),
        Cell(text=str(one.clock_off), kind="count"),
        Cell(text=one.last_error or "none", kind="bad" if one.last_error else "good"),
    ]


def _circuit(one: AuthorityReport) -> Cell:
    if one.asked_wait > 0:
        return Cell(text=f"left alone for {one.asked_wait:.0f} s, as it asked", kind="warn")
    if one.circuit is CircuitState.CLOSED:
        return Cell(text="closed: asked", kind="good")
    if one.circuit is CircuitState.HALF_OPEN:
        return Cell(text="half-open: one request finds out", kind="warn")
    return Cell(text=f"open: left alone for {one.next_attempt_in:.0f} s", kind="bad")


def _clock(one: AuthorityReport) -> Cell:
    if one.clock is None:
        return Cell(text="none yet")
    seconds, margin = one.clock.offset / MICROSECONDS, one.clock.margin / MICROSECONDS
    return Cell(text=f"{seconds:+.2f} s ± {margin:.2f} s", kind="bad" if one.clock.is_off else "good")


def _rows(state: TimestampState) -> list[list[Cell]]:
    late = state.oldest_pending > LATE
    return [
        [Cell(text="Items without a token"), Cell(text=str(state.pending), kind="count")],
        [
            Cell(text="The oldest of them has waited"),
            Cell(text=f"{state.oldest_pending:.1f} s", kind="bad" if late else "good"),
        ],
        [Cell(text="Batches closed"), Cell(text=str(state.batches), kind="count")],
        [Cell(text="Of these, for an urgent item"), Cell(text=str(state.urgent_batches), kind="count")],
        [Cell(text="From collection to genTime, half of the items"), _delay(state.delay_p50)],
        [Cell(text="From collection to genTime, 99 in 100"), _delay(state.delay_p99)],
    ]


def _delay(seconds: float | None) -> Cell:
    return Cell(text="none yet" if seconds is None else f"{seconds:.2f} s")
