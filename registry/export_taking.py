"""What somebody who runs exports does with them: takes one, holds on to it, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from registry.export_rows import export_of, exported_text, plan_text, reasons_text, unknown
from registry.export_work import (
    MAX_LEASE,
    NOBODY,
    Runner,
    begin,
    held,
    is_any_due,
    is_running,
    lease,
    lock_destination,
    locked,
    note_done,
    note_failed,
    reclaim,
)
from registry.exports import Exports
from registry.sharing_tables import export
from vedette.clock import MICROSECONDS
from vedette.errors import ConflictError
from vedette.messages.limits import MAX_TEXT
from vedette.sharing.exporter import Exported, Plan
from vedette.sharing.request import Export
from vedette.storable import storable

LEASE: Final = 60
"""Seconds that an export is held without a sign of life: what a process died of waits no longer than that."""

Decide = Callable[[Connection, Row[Any]], dict[str, Any]]
"""Says how the row of an export changes, in the transaction that changes it."""


class ExportTaking:
    """Takes exports and settles them in the name of one process. All methods raise StoreError, too."""

    def __init__(self, *, exports: Exports, runner: Runner, seconds: int = LEASE) -> None:
        self._exports = exports
        self._runner = runner
        self._seconds = seconds

    async def lease(self) -> Export | None:
        """Return the next export that is due, now this process's; None: nothing is due."""
        names, now = [one.name for one in self._exports.sharing.destinations], self._exports.clock.now()
        database = self._exports.database
        if not await database.read(lambda connection: is_any_due(connection, self._runner, names, now=now)):
            return None

        def work(connection: Connection) -> Export | None:
            row = lease(connection, self._runner, names, seconds=self._seconds, now=now)
            return None if row is None else export_of(row._mapping)

        return await database.write(work)

    async def take(self, uuid: str) -> Export:
        """Return one that waits, now this process's, whenever its turn would come.

        Raises:
            UnknownExportError: there is none.
            ConflictError: it does not wait, or another of its destination runs.
        """
        now = self._exports.clock.now()

        def work(connection: Connection) -> Export:
            reclaim(connection, self._runner, now=now)
            seen = connection.execute(
                select(export.c.destination).where(export.c.uuid == storable(uuid))
            ).one_or_none()
            if seen is None:
                raise unknown(uuid)
            lock_destination(connection, seen.destination)
            row = locked(connection, uuid)
            if row is None or row.state != "waiting":
                raise ConflictError("state", f"is {'gone' if row is None else row.state}: somebody has taken it")
            if is_running(connection, row.destination):
                raise ConflictError("destination", f"{row.destination} has another export running; it comes after it")
            return export_of(begin(connection, row.id, self._runner, seconds=self._seconds, now=now)._mapping)

        return await self._exports.database.write(work)

    async def renew(self, uuid: str) -> None:
        """Hold on to an export for another while.

        Raises:
            ConflictError: this process has it no more.
        """
        until = self._exports.clock.now() + min(self._seconds, MAX_LEASE) * MICROSECONDS
        await self._settle(uuid, {"due_at": until}, holds=True)

    async def planned(self, uuid: str, plan: Plan, *, title: str) -> Export:
        """Note the plan of a dry run, which ends it."""
        values = {**_of_plan(plan), "title": storable(title, limit=MAX_TEXT), "state": "planned"}
        return await self._settle(uuid, {**values, "ended_at": self._exports.clock.now(), "reason": ""})

    async def approval(self, uuid: str, plan: Plan, *, title: str, reason: str = "") -> Export:
        """Let a plan wait for a person; one that a person has rejected is not asked about again."""
        now = self._exports.clock.now()
        values = {**_of_plan(plan), "title": storable(title, limit=MAX_TEXT), "state": "approval", "reason": reason}

        def decide(connection: Connection, row: Row[Any]) -> dict[str, Any]:
            since = now if row.planned_at is None else row.planned_at
            before = _rejected(connection, row, plan.digest)
            if before is None:
                return {**values, "planned_at": since, "approved": "", "decided_by": ""}
            said = {"decided_by": before.decided_by, "reason": before.reason}
            return {**values, **said, "state": "rejected", "ended_at": now}

        return await self._settle(uuid, {}, decide=decide)

    async def done(self, uuid: str, exported: Exported, *, title: str, plan: Plan | None = None) -> Export:
        """Note that it is there."""
        now = self._exports.clock.now()
        values = {"state": "done", "ended_at": now, "title": storable(title, limit=MAX_TEXT), "reason": ""}
        values |= {} if plan is None else _of_plan(plan)
        values |= {"exported": exported_text(exported), "withheld": reasons_text(exported.withheld)}

        def decide(connection: Connection, row: Row[Any]) -> dict[str, Any]:
            note_done(connection, row.destination, sent=exported.sent, now=now)
            return values

        return await self._settle(uuid, {}, decide=decide)

    async def again(self, uuid: str, reason: str, *, seconds: float) -> Export:
        """Try it later, as its destination cannot be spoken to; that is left alone until then."""
        now = self._exports.clock.now()
        not_before = now + int(seconds * MICROSECONDS)

        def decide(connection: Connection, row: Row[Any]) -> dict[str, Any]:
            note_failed(connection, row.destination, reason, not_before=not_before, now=now)
            return {"state": "waiting", "not_before": not_before, "reason": storable(reason, limit=MAX_TEXT)}

        return await self._settle(uuid, {}, decide=decide)

    async def put_off(self, uuid: str, reason: str, *, seconds: float) -> Export:
        """Let it wait for something that is not its destination's fault; that is no attempt."""
        not_before = self._exports.clock.now() + int(seconds * MICROSECONDS)
        values = {"state": "waiting", "not_before": not_before, "reason": storable(reason, limit=MAX_TEXT)}
        return await self._settle(uuid, {**values, "attempts": export.c.attempts - 1})

    async def failed(self, uuid: str, reason: str, *, title: str = "") -> Export:
        """Give it up."""
        now = self._exports.clock.now()
        values = {"state": "failed", "ended_at": now, "reason": storable(reason, limit=MAX_TEXT)}
        values |= {"title": storable(title, limit=MAX_TEXT)} if title else {}

        def decide(connection: Connection, row: Row[Any]) -> dict[str, Any]:
            note_failed(connection, row.destination, reason, not_before=None, now=now)
            return values

        return await self._settle(uuid, {}, decide=decide)

    async def failures(self, destination: str) -> int:
        """Return how many attempts at a destination have failed since one did not."""
        return await self._exports.database.write(
            lambda connection: int(lock_destination(connection, destination).failures)
        )

    async def _settle(
        self, uuid: str, values: dict[str, Any], *, decide: Decide | None = None, holds: bool = False
    ) -> Export:
        """Change an export that this process has, and let go of it unless it `holds` on."""

        def work(connection: Connection) -> Export:
            row = held(connection, uuid, self._runner)
            changes = values if decide is None else decide(connection, row)
            left = {} if holds else NOBODY
            query = update(export).where(export.c.id == row.id).values({**left, **changes}).returning(export)
            return export_of(connection.execute(query).one()._mapping)

        return await self._exports.database.write(work)


def _of_plan(plan: Plan) -> dict[str, Any]:
    return {"plan": plan_text(plan), "plan_digest": plan.digest, "withheld": reasons_text(plan.withheld)}


def _rejected(connection: Connection, row: Row[Any], digest: str) -> Row[Any] | None:
    """Return the last of the same work that ended, where a person rejected the same plan."""
    mine = (export.c.destination == row.destination, export.c.identity == row.identity, export.c.id != row.id)
    query = select(export).where(*mine, export.c.ended_at.is_not(None)).order_by(export.c.id.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    return last if last is not None and last.state == "rejected" and last.plan_digest == digest else None
