"""How destinations fare: counted over the exports that are kept. A plain function over a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from sqlalchemy import Connection, Row, exists, func, select

from registry.export_rows import reasons_of
from registry.sharing_tables import export, export_destination
from vedette.repairs.facts import DestinationFacts
from vedette.sharing.request import DestinationStatus, ExportState

_MOST: Final = 1_000
"""Rows that the rules of repairs look at."""

LAST: Final = 20
"""Exports of a destination that say why things were left out."""


def destination_status(connection: Connection, known: Mapping[str, str]) -> list[DestinationStatus]:
    """Return the state of each destination.

    Args:
        connection: to read from.
        known: the configured ones, with their exporters, in their order; others that have exports follow.
    """
    counts = _counts(connection)
    rows = {row.name: row for row in connection.execute(select(export_destination))}
    others = sorted(({name for name, _ in counts} | rows.keys()) - known.keys())
    return [_status(connection, name, known.get(name, ""), counts, rows.get(name)) for name in [*known, *others]]


def export_figures(connection: Connection) -> tuple[dict[str, int], int]:
    """Return how many exports are kept in each state, and how many changes destinations confirmed."""
    counts = dict.fromkeys(get_args(ExportState), 0)
    for state, count in connection.execute(select(export.c.state, func.count()).group_by(export.c.state)):
        counts[state] = count
    sent = connection.execute(select(func.coalesce(func.sum(export_destination.c.sent), 0))).scalar_one()
    return counts, int(sent)


def read_destinations(connection: Connection) -> tuple[DestinationFacts, ...]:
    """Return what the rules of repairs look at, of each destination that was ever asked for."""
    counts, failures, waits = _counts(connection), _given_up(connection), _approvals(connection)
    return tuple(
        DestinationFacts(
            name=row.name,
            waiting=sum(counts.get((row.name, state), (0, 0))[0] for state in ("waiting", "running")),
            failing_since=row.failing_since,
            last_reason=row.last_reason,
            given_up=len(failures.get(row.name, ())),
            last_failure=next(iter(failures.get(row.name, ())), ""),
            approvals=counts.get((row.name, "approval"), (0, 0))[0],
            approval_since=waits.get(row.name),
        )
        for row in connection.execute(select(export_destination).order_by(export_destination.c.name).limit(_MOST))
    )


def _given_up(connection: Connection) -> dict[str, list[str]]:
    """Return why exports were given up, by destination, newest first, but for what was done or begun again since."""
    later = export.alias()
    since = exists().where(later.c.identity == export.c.identity, later.c.id > export.c.id)
    failed = select(export.c.destination, export.c.reason).where(export.c.state == "failed", ~since)
    found: dict[str, list[str]] = {}
    for name, reason in connection.execute(failed.order_by(export.c.id.desc()).limit(_MOST)):
        found.setdefault(name, []).append(reason)
    return found


def _approvals(connection: Connection) -> dict[str, int]:
    """Return since when the oldest plan of each destination waits for a person."""
    waits = (export.c.state == "approval", export.c.ended_at.is_(None))
    query = select(export.c.destination, func.min(export.c.planned_at)).where(*waits)
    return {name: since for name, since in connection.execute(query.group_by(export.c.destination))}


def _counts(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many exports of a destination are in a state, and since when the oldest is."""
    columns = (export.c.destination, export.c.state, func.count(), func.min(export.c.requested_at))
    query = select(*columns).group_by(export.c.destination, export.c.state)
    return {(name, state): (count, oldest) for name, state, count, oldest in connection.execute(query)}


def _status(
    connection: Connection,
    name: str,
    exporter: str,
    counts: Mapping[tuple[str, str], tuple[int, int]],
    row: Row[Any] | None,
) -> DestinationStatus:
    open_ones = [counts[name, state] for state in ("waiting", "running") if (name, state) in counts]
    latest = select(export.c.withheld).where(export.c.destination == name, export.c.ended_at.is_not(None))
    reasons = connection.execute(latest.order_by(export.c.id.desc()).limit(LAST)).scalars()
    return DestinationStatus(
        name=name,
        exporter=exporter,
        waiting=sum(count for count, _ in open_ones),
        approvals=counts.get((name, "approval"), (0, 0))[0],
        failed=counts.get((name, "failed"), (0, 0))[0],
        oldest_waiting_at=min((oldest for _, oldest in open_ones), default=None),
        last_done_at=None if row is None else row.last_done_at,
        last_failed_at=None if row is None else row.last_failed_at,
        last_reason="" if row is None or row.failing_since is None else row.last_reason,
        sent=0 if row is None else row.sent,
        withheld=reasons_of(reasons),
    )
