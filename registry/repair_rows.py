"""What is done to the tables of repairs: plain functions on a connection, inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from registry.repair_tables import repair, repair_change, repair_look
from vedette.messages.limits import MAX_TEXT
from vedette.repairs.repair import Repair, Severity
from vedette.repairs.rules import Judgement
from vedette.storable import storable

BEGAN, ENDED = "began", "ended"
"""What a change says."""

_TOLD = ("severity", "what", "cause", "remedy", "link", "reference")
_PRUNED_TOGETHER = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairChanges:
    """What changed with a look."""

    began: tuple[Repair, ...]
    """What is wrong now and was not before."""
    ended: tuple[str, ...]
    """What is right again: kind and place."""


def note(connection: Connection, judgement: Judgement, *, observer: str, now: int, kept: int) -> RepairChanges:
    """Store what an observer sees now."""
    mine = (repair.c.observer == observer) & repair.c.ended_at.is_(None)
    known = {(row["kind"], row["place"]): row for row in connection.execute(select(repair).where(mine)).mappings()}
    began = []
    for one in judgement.repairs:
        row = known.pop((one.kind.value, storable(one.place, limit=MAX_TEXT)), None)
        if row is None:
            _begin(connection, one, observer=observer, now=now)
            began.append(one)
        else:
            _tell(connection, one, row)
    for row in known.values():
        connection.execute(update(repair).where(repair.c.id == row["id"]).values(ended_at=now))
        _change(connection, row["id"], ENDED, now)
    _write_look(connection, judgement, observer=observer, now=now)
    _prune(connection, before=now - kept)
    return RepairChanges(began=tuple(began), ended=tuple(f"{kind}: {place}" for kind, place in known))


def last_change(connection: Connection) -> int:
    """Return the number of the last change."""
    return connection.execute(select(func.max(repair_change.c.id))).scalar_one() or 0


def changes_after(connection: Connection, number: int, *, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Return the changes past a number, each with what an event says of it."""
    names = ("kind", "place", "severity", "what", "link")
    query = select(repair_change.c.id.label("number"), repair_change.c.at, repair_change.c.change)
    query = query.add_columns(repair.c.id, *(repair.c[name] for name in names))
    query = query.join(repair, repair.c.id == repair_change.c.repair_id).where(repair_change.c.id > number)
    rows = [dict(row) for row in connection.execute(query.order_by(repair_change.c.id).limit(limit)).mappings()]
    return [(row.pop("number"), row) for row in rows]


def _begin(connection: Connection, one: Repair, *, observer: str, now: int) -> None:
    values = _told(one) | {
        "observer": observer,
        "kind": one.kind.value,
        "place": storable(one.place, limit=MAX_TEXT),
        "since": now if one.since is None else one.since,
        "began_at": now,
        "noted_by": "",
        "noted_why": "",
    }
    number = connection.execute(insert(repair).values(values).returning(repair.c.id)).scalar_one()
    _change(connection, number, BEGAN, now)


def _tell(connection: Connection, one: Repair, row: RowMapping) -> None:
    """Write what is said of a repair that goes on, where it differs: numbers in it change with every look."""
    told = _told(one)
    if one.severity.rank < _rank(row["severity"]):
        # It got worse than what a person took note of.
        told |= {"noted_at": None, "noted_by": "", "noted_why": "", "noted_until": None}
    if any(row[name] != value for name, value in told.items()):
        connection.execute(update(repair).where(repair.c.id == row["id"]).values(told))


def _rank(severity: str) -> int:
    return next((known.rank for known in Severity if known.value == severity), 0)


def _told(one: Repair) -> dict[str, Any]:
    return {name: storable(str(getattr(one, name)), limit=MAX_TEXT) for name in _TOLD}


def _change(connection: Connection, number: int, change: str, now: int) -> None:
    connection.execute(insert(repair_change).values(repair_id=number, at=now, change=change))


def _write_look(connection: Connection, judgement: Judgement, *, observer: str, now: int) -> None:
    checks = orjson.dumps([(one.name, one.found, one.problem) for one in judgement.checks]).decode()
    values = {"at": now, "checks": storable(checks)}
    if connection.execute(update(repair_look).where(repair_look.c.observer == observer).values(values)).rowcount == 0:
        connection.execute(insert(repair_look).values(observer=observer, **values))


def _prune(connection: Connection, *, before: int) -> None:
    old = select(repair.c.id).where(repair.c.ended_at < before).order_by(repair.c.ended_at).limit(_PRUNED_TOGETHER)
    numbers = list(connection.execute(old).scalars())
    if numbers:
        connection.execute(delete(repair_change).where(repair_change.c.repair_id.in_(numbers)))
        connection.execute(delete(repair).where(repair.c.id.in_(numbers)))
