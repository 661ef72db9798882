"""Alarms: what is wrong with the evidence, kept until a person has taken note; nothing is repaired silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF, Actor
from registry.database import Database
from registry.evidence_tables import alarm
from vedette.clock import Clock
from vedette.evidence.finding import Finding
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MAX_ALARMS = 10_000
"""Alarms that are kept: whoever damages a million rows must not fill the disk with them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """Something that a person must look at."""

    id: int
    """Its number."""
    at: int
    """When it was found first, microseconds since 1970."""
    kind: str
    """What is wrong, one word."""
    place: str
    """Exactly where."""
    text: str
    """What was found."""
    acknowledged_at: int | None
    """When a person took note of it, microseconds since 1970."""


class Alarms:
    """The alarms of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def report(self, findings: Sequence[Finding]) -> list[Finding]:
        """Store findings and return those that are new: the same kind at the same place is one alarm, for ever.

        Raises:
            StoreError: the database failed.
        """
        if not findings:
            return []
        now = self._clock.now()
        return await self._database.write(lambda connection: _report(connection, findings, now=now))

    async def all(self, *, limit: int = 1_000, acknowledged: bool = True) -> list[Alarm]:
        """Return the newest alarms, newest first; without `acknowledged`, only those that nobody took note of.

        Raises:
            StoreError: the database failed.
        """
        query = select(alarm).order_by(alarm.c.id.desc()).limit(limit)
        if not acknowledged:
            query = query.where(alarm.c.acknowledged_at.is_(None))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Alarm(**row._mapping) for row in rows]

    async def count(self) -> int:
        """Return how many alarms nobody took note of.

        Raises:
            StoreError: the database failed.
        """
        query = select(func.count()).select_from(alarm).where(alarm.c.acknowledged_at.is_(None))
        return int(await self._database.read(lambda connection: connection.execute(query).scalar_one()))

    async def acknowledge(self, number: int, *, by: Actor = ITSELF) -> bool:
        """Say that a person took note of an alarm, which stays; False where there is none of that number.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        change = update(alarm).where(alarm.c.id == number).values(acknowledged_at=now)
        entry = AuditEntry(who=by.who, action="alarm.acknowledge", object=f"alarm {number}", origin=by.origin)

        def work(connection: Connection) -> bool:
            known = connection.execute(change).rowcount > 0
            if known:
                record_audit(connection, entry, now=now)
            return known

        return await self._database.write(work)


def _report(connection: Connection, findings: Sequence[Finding], *, now: int) -> list[Finding]:
    fresh: list[Finding] = []
    room = MAX_ALARMS - connection.execute(select(func.count()).select_from(alarm)).scalar_one()
    for finding in findings:
        known = select(alarm.c.id).where(alarm.c.kind == finding.kind, alarm.c.place == storable(finding.place))
        if len(fresh) < room and connection.execute(known).first() is None:
            row = {"kind": finding.kind, "place": storable(finding.place), "at": now, "acknowledged_at": None}
            text = storable(finding.text, limit=MAX_TEXT)
            connection.execute(insert(alarm).values(row | {"text": text}))
            fresh.append(finding)
    return fresh
