"""Entering exports in the store: what waits already for the same is woken, and not entered twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.export_rows import export_of
from registry.export_work import enter, lock_destination
from registry.sharing_tables import export
from vedette.errors import RefusedError
from vedette.sharing.request import Export

MAX_OPEN: Final = 50_000
"""Exports that may wait at a time."""

_TOGETHER: Final = 100
"""Exports that one transaction enters: who wants to write waits for it."""

Wanted = Mapping[str, Any]
"""The row of an export that somebody asks for."""


def together(rows: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    """Yield what is asked for in parts that `ask` takes: of one destination, each export once."""
    of_destination: defaultdict[str, dict[str, Wanted]] = defaultdict(dict)
    for row in rows:
        of_destination[row["destination"]][row["identity"]] = row
    for wanted in of_destination.values():
        every = list(wanted.values())
        for start in range(0, len(every), _TOGETHER):
            yield every[start : start + _TOGETHER]


def ask(connection: Connection, *, rows: Sequence[Wanted], by: Actor) -> list[Export]:
    """Enter exports of one destination, or wake them.

    Raises:
        RefusedError: too many wait.
    """
    lock_destination(connection, rows[0]["destination"])
    # Before anything else is locked: who decides about one has it, and goes on to the audit log.
    twins = [_twin(connection, row) for row in rows]
    if any(twin is None for twin in twins):
        _check_room(connection, sum(twin is None for twin in twins))
    return [
        _entered(connection, row, by) if twin is None else _woken(connection, twin, row)
        for row, twin in zip(rows, twins, strict=True)
    ]


def _twin(connection: Connection, row: Wanted) -> Row[Any] | None:
    """Return the export that waits already for the same, locked."""
    same = (export.c.identity == row["identity"], export.c.state.in_(("waiting", "approval")))
    query = select(export).where(*same, export.c.ended_at.is_(None)).order_by(export.c.id).limit(1)
    return connection.execute(query.with_for_update()).one_or_none()


def _entered(connection: Connection, row: Wanted, by: Actor) -> Export:
    made = export_of(enter(connection, dict(row))._mapping)
    entry = AuditEntry(who=by.who, action="export.request", object=made.uuid, origin=by.origin, detail=_detail(made))
    record_audit(connection, entry, now=row["requested_at"])
    return made


def _woken(connection: Connection, twin: Row[Any], row: Wanted) -> Export:
    """Let what waits take in what came since; a plan that waits for a person is made again."""
    soonest = row["not_before"] if twin.state == "approval" else min(twin.not_before, row["not_before"])
    # A relative time in a share's words is another one each time.
    woken = {
        "state": "waiting",
        "not_before": soonest,
        "woken_at": row["woken_at"],
        "selection": row["selection"],
    }
    changed = connection.execute(update(export).where(export.c.id == twin.id).values(woken).returning(export)).one()
    return export_of(changed._mapping)


def _check_room(connection: Connection, wanted: int) -> None:
    waiting = select(func.count()).select_from(export).where(export.c.ended_at.is_(None))
    if connection.execute(waiting).scalar_one() + wanted > MAX_OPEN:
        raise RefusedError("exports", f"{MAX_OPEN} wait already; see: vedette export list --state waiting")


def _detail(made: Export) -> str:
    kind = "dry run" if made.dry_run else "with approval" if made.approval else "to be sent"
    share = f" (share {made.share})" if made.share else ""
    return f"{made.destination}: {made.select}{share}, {kind}"
