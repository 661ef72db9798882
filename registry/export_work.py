"""Taking exports and giving them back: plain functions inside the caller's transaction.

1. The oldest that is due goes first; a destination that is left alone, or has one running, holds up no other.
2. One export of a destination runs at a time, whoever runs it: the destination's row is locked first, everywhere.
3. An export is leased for a time that its runner makes longer. What a process died of is due again at once when it is
   back, from the fourth time on after a pause, else at the end of the lease; after `MAX_LOST` times it has failed.
4. A destination that does not answer is left alone, longer each time; its exports keep their order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from registry.sharing_tables import export, export_destination
from vedette.clock import MICROSECONDS
from vedette.errors import ConflictError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MAX_LEASE: Final = 600
"""Seconds that an export may be with a process without a sign of life."""

MAX_LOST: Final = 20
"""Processes that may die of an export, or beside it, before it is given up."""

AT_ONCE: Final = 3
"""Deaths after which it is begun again at once; then its turn comes later each time, should it be the cause."""

_FIRST: Final = 5
_MOST: Final = 1_800
"""Seconds of pauses."""

_LOOKED_AT: Final = 64
"""Destinations that one question looks at: as many as a configuration may have."""

_GONE: Final = "its process died or was cut off; it is begun again"
_LOST: Final = "was begun {} times and never ended: its process died of it, or was cut off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """Who runs exports."""

    name: str
    """An agent's JID, or a command line."""
    life: str
    """Random, made when its process started."""


def lock_destination(connection: Connection, name: str) -> Row[Any]:
    """Return a destination's row, locked, made where it is missing."""
    make = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    blank = {"not_before": 0, "failures": 0, "last_reason": "", "sent": 0}
    connection.execute(make(export_destination).values(name=name, **blank).on_conflict_do_nothing())
    query = select(export_destination).where(export_destination.c.name == name)
    return connection.execute(query.with_for_update()).one()


def lease(
    connection: Connection, runner: Runner, destinations: Collection[str], *, seconds: int, now: int
) -> Row[Any] | None:
    """Take the export that is due first; None: there is none."""
    reclaim(connection, runner, now=now)
    for name in _due(connection, destinations, now=now):
        if not _is_free(connection, name, now=now):
            continue
        waiting = select(export.c.id).where(export.c.destination == name, *_is_due(now))
        number = connection.execute(waiting.order_by(export.c.not_before, export.c.id).limit(1)).scalar_one_or_none()
        if number is not None:
            return begin(connection, number, runner, seconds=seconds, now=now)
    return None


def begin(connection: Connection, number: int, runner: Runner, *, seconds: int, now: int) -> Row[Any]:
    """Note that an export runs; its destination is locked."""
    values = {
        "state": "running",
        "worker": storable(runner.name),
        "life": runner.life,
        "due_at": now + min(seconds, MAX_LEASE) * MICROSECONDS,
        "started_at": now,
        "attempts": export.c.attempts + 1,
    }
    return connection.execute(update(export).where(export.c.id == number).values(values).returning(export)).one()


def is_any_due(connection: Connection, runner: Runner, destinations: Collection[str], *, now: int) -> bool:
    """Tell whether `lease` may find something: asked often, as it locks nothing."""
    due = and_(*_is_due(now), export.c.destination.in_(list(destinations)))
    query = select(export.c.id).where(export.c.ended_at.is_(None), or_(due, _is_gone(runner, now)))
    return connection.execute(query.limit(1)).first() is not None


def reclaim(connection: Connection, runner: Runner, *, now: int) -> None:
    """Give back what died with its process: leases that ended, and those of this runner's former lives."""
    gone = select(export.c.id, export.c.lost).where(_is_gone(runner, now))
    for row in connection.execute(gone.with_for_update(skip_locked=True)).all():
        lost = row.lost + 1
        values = {"state": "waiting", "not_before": now + _pause(lost), "reason": _GONE, "lost": lost, **NOBODY}
        if lost >= MAX_LOST:
            values |= {"state": "failed", "ended_at": now, "reason": _LOST.format(lost)}
        connection.execute(update(export).where(export.c.id == row.id).values(values))


def _pause(lost: int) -> int:
    """Return microseconds until an export that processes died of is begun again."""
    return 0 if lost <= AT_ONCE else min(_MOST, _FIRST * 2 ** (lost - AT_ONCE - 1)) * MICROSECONDS


def is_running(connection: Connection, destination: str) -> bool:
    """Tell whether an export of a destination runs."""
    query = select(export.c.id).where(export.c.destination == destination, _RUNNING).limit(1)
    return connection.execute(query).first() is not None


def locked(connection: Connection, uuid: str) -> Row[Any] | None:
    """Return an export's row, locked; None: there is none."""
    return connection.execute(_by_uuid(uuid).with_for_update()).one_or_none()


def held(connection: Connection, uuid: str, runner: Runner) -> Row[Any]:
    """Return the row of an export that a runner has, its destination locked before it.

    Raises:
        ConflictError: the runner has it no more.
    """
    row = connection.execute(_by_uuid(uuid)).one_or_none()
    if row is not None:
        lock_destination(connection, row.destination)
        row = locked(connection, uuid)
    mine = (storable(runner.name), runner.life)
    if row is None or row.state != "running" or (row.worker, row.life) != mine:
        raise ConflictError("export", f"{uuid[:64]}: another has it by now, or it ended; nothing more is done")
    return row


def note_done(connection: Connection, destination: str, *, sent: int, now: int) -> None:
    """Note that a destination took what it was sent."""
    well = {"not_before": 0, "failures": 0, "failing_since": None, "last_done_at": now}
    mine = export_destination.c.name == destination
    connection.execute(
        update(export_destination).where(mine).values(well | {"sent": export_destination.c.sent + sent})
    )


def note_failed(connection: Connection, destination: str, reason: str, *, not_before: int | None, now: int) -> None:
    """Note that an attempt failed; with `not_before`, the destination is left alone until then."""
    row = lock_destination(connection, destination)
    values = {
        "failures": row.failures + 1,
        "failing_since": now if row.failing_since is None else row.failing_since,
        "last_failed_at": now,
        "last_reason": storable(reason, limit=MAX_TEXT),
    }
    if not_before is not None:
        values["not_before"] = not_before
    connection.execute(update(export_destination).where(export_destination.c.name == destination).values(values))


def enter(connection: Connection, values: dict[str, Any]) -> Row[Any]:
    """Enter an export."""
    return connection.execute(insert(export).values(_BLANK | values).returning(export)).one()


NOBODY: Final = {"worker": "", "life": "", "due_at": 0}
"""Values of what nobody runs."""

_BLANK: Final = {
    "title": "",
    "attempts": 0,
    "lost": 0,
    "started_at": None,
    "ended_at": None,
    "planned_at": None,
    "decided_by": "",
    "approved": "",
    "reason": "",
    "plan": None,
    "plan_digest": "",
    "exported": None,
    "withheld": "[]",
    **NOBODY,
}
# In the words of the partial index, so that it is used.
_RUNNING: Final = and_(export.c.state == "running", export.c.ended_at.is_(None))


def _is_gone(runner: Runner, now: int) -> ColumnElement[bool]:
    # What ends later than any lease can was leased before the clock was put back.
    ended = or_(export.c.due_at <= now, export.c.due_at > now + MAX_LEASE * MICROSECONDS)
    former = and_(export.c.worker == storable(runner.name), export.c.life != runner.life)
    return and_(_RUNNING, or_(ended, former))


def _is_due(now: int) -> tuple[ColumnElement[bool], ...]:
    return export.c.state == "waiting", export.c.ended_at.is_(None), export.c.not_before <= now


def _due(connection: Connection, destinations: Collection[str], *, now: int) -> list[str]:
    """Return the destinations that have something to do, in the order in which it was due."""
    query = select(export.c.destination).where(*_is_due(now), export.c.destination.in_(list(destinations)))
    first = (
        query.group_by(export.c.destination)
        .order_by(func.min(export.c.not_before), export.c.destination)
        .limit(_LOOKED_AT)
    )
    return list(connection.execute(first).scalars())


def _is_free(connection: Connection, name: str, *, now: int) -> bool:
    """Lock a destination; tell whether it may be spoken to now."""
    query = select(export_destination.c.not_before).where(export_destination.c.name == name)
    row = connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
    return row is not None and row.not_before <= now and not is_running(connection, name)


def _by_uuid(uuid: str) -> Select[Any]:
    return select(export).where(export.c.uuid == storable(uuid))
