"""Exports in the store: asked for, decided about and read; every decision in the audit log.

What asks for the same work while it waits wakes it, and is not done twice: ten thousand items that belong into one
investigation are one export. What asks while it runs is another one, as it may have been gathered before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, null, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.export_asking import MAX_OPEN, ask, together
from registry.export_memory import ExportMemory
from registry.export_rows import UnknownExportError, export_of, identity_of, unknown
from registry.export_status import destination_status
from registry.export_work import locked
from registry.listing import Order, Page, read_page
from registry.sharing_tables import export
from vedette.clock import MICROSECONDS, Clock
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConflictError, RefusedError
from vedette.messages.limits import MAX_TEXT
from vedette.sharing.request import DestinationStatus, Export, ExportRequest
from vedette.sharing.selection import Selection
from vedette.storable import storable

__all__ = ["MAX_OPEN", "Export", "Exports", "UnknownExportError"]

_PRUNED_TOGETHER: Final = 1_000
"""Exports that one transaction forgets: who wants to write waits for it."""

EXPORTS: Final = Order(name="exports", columns=(export.c.id,), kinds=(int,))
"""Newest first."""

_DAY: Final = 86_400 * MICROSECONDS
_ENDED: Final = ("planned", "done", "failed", "rejected")


class Exports:
    """The exports of a store."""

    def __init__(self, *, database: Database, clock: Clock, sharing: SharingSection) -> None:
        self.database = database
        """Where they are."""
        self.clock = clock
        """Tells the time."""
        self.sharing = sharing
        """Where they may go."""

    # Changing ------------------------------------------------------------------------

    async def request(self, request: ExportRequest, *, by: Actor, settle: float = 0.0) -> Export:
        """Enter an export; one that waits already for the same is woken and returned.

        Args:
            request: what somebody wants.
            by: who.
            settle: seconds before its turn comes: what else is to go along comes until then.

        Raises:
            RefusedError: no such destination or share, no usable selection, or too many wait.
            StoreError: the database failed.
        """
        (entered,) = await self.request_all([request], by=by, settle=settle)
        return entered

    async def request_all(self, requests: Sequence[ExportRequest], *, by: Actor, settle: float = 0.0) -> list[Export]:
        """Enter exports, or wake them: all or none of each hundred of a destination, with one commit.

        Raises:
            RefusedError: as above, of the first that is refused.
            StoreError: the database failed.
        """
        rows = [self._values(request, by=by, settle=settle) for request in requests]
        found: list[Export] = []
        for some in together(rows):
            found += await self.database.write(partial(ask, rows=some, by=by))
        return found

    async def approve(self, uuid: str, *, by: Actor, digest: str) -> Export:
        """Let the plan be carried out that a person has seen.

        Raises:
            UnknownExportError: there is none.
            ConflictError: it does not wait for that, or its plan is another by now.
            StoreError: the database failed.
        """
        now = self.clock.now()

        def work(connection: Connection) -> Export:
            row = _found(connection, uuid)
            if row.state != "approval":
                raise ConflictError("state", f"is {row.state}: it does not wait to be approved")
            if row.plan_digest != digest:
                raise ConflictError("digest", "its plan is another by now; look at it again")
            values = {"state": "waiting", "not_before": now, "decided_by": storable(by.who), "approved": digest}
            detail = f"{row.destination}: {row.title or row.key}: plan {digest}"
            return _decided(connection, row, values | {"reason": ""}, by, "export.approve", detail, now=now)

        return await self.database.write(work)

    async def reject(self, uuid: str, *, by: Actor, why: str) -> Export:
        """Let it not be carried out; a share does not ask again for the same plan.

        Raises:
            UnknownExportError: there is none.
            ConflictError: it runs, or has ended.
            RefusedError: it does not say why.
            StoreError: the database failed.
        """
        if not why.strip():
            raise RefusedError("why", "say why: others will read it")
        now = self.clock.now()

        def work(connection: Connection) -> Export:
            row = _found(connection, uuid)
            if row.state not in ("waiting", "approval"):
                raise ConflictError("state", f"is {row.state}: only what waits can be rejected")
            values = {"state": "rejected", "ended_at": now, "decided_by": storable(by.who), "approved": ""}
            values["reason"] = storable(why, limit=MAX_TEXT)
            return _decided(connection, row, values, by, "export.reject", why, now=now)

        return await self.database.write(work)

    async def retry(self, uuid: str, *, by: Actor) -> Export:
        """Let one that ended be done again from its beginning, with what is known by then.

        Raises:
            UnknownExportError: there is none.
            ConflictError: it has not ended.
            RefusedError: its destination or share is no more.
            StoreError: the database failed.
        """
        now = self.clock.now()

        def work(connection: Connection) -> Export:
            row = _found(connection, uuid)
            if row.state not in _ENDED:
                raise ConflictError("state", f"is {row.state}: it has not ended")
            self.sharing.destination(row.destination)
            values = {
                "state": "waiting",
                "ended_at": None,
                "not_before": now,
                "woken_at": now,
                "attempts": 0,
                "lost": 0,
            }
            blank = {"approved": "", "decided_by": "", "planned_at": None, "plan_digest": "", "reason": ""}
            detail = f"{row.destination}: {row.title or row.key}"
            return _decided(connection, row, values | blank, by, "export.retry", detail, now=now)

        return await self.database.write(work)

    async def prune(self, *, days: float) -> int:
        """Forget exports that ended so long ago; returns how many. What exporters remember stays.

        Raises:
            StoreError: the database failed.
        """
        before, count = self.clock.now() - int(days * _DAY), 0
        old = select(export.c.id).where(export.c.ended_at < before).order_by(export.c.ended_at)
        some = delete(export).where(export.c.id.in_(old.limit(_PRUNED_TOGETHER)))
        while True:
            gone = await self.database.write(lambda connection: connection.execute(some).rowcount)
            count += gone
            if gone < _PRUNED_TOGETHER:
                return count

    # Looking -------------------------------------------------------------------------

    async def get(self, uuid: str) -> Export:
        """Return an export.

        Raises:
            UnknownExportError: there is none.
            StoreError: the database failed.
        """
        query = select(export).where(export.c.uuid == storable(uuid))
        row = await self.database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise unknown(uuid)
        return export_of(row)

    async def page(
        self,
        *,
        state: str | None = None,
        destination: str | None = None,
        share: str | None = None,
        whole: bool = True,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Export]:
        """Return the newest exports, or the page that the cursor points at; `whole` with plans, often megabytes.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        left_out = () if whole else ("plan", "exported")
        query = select(*(null().label(one.name) if one.name in left_out else one for one in export.c))
        for column, wanted in ((export.c.state, state), (export.c.destination, destination), (export.c.share, share)):
            if wanted is not None:
                query = query.where(column == storable(wanted))
        return await self.database.read(
            lambda connection: read_page(connection, query, order=EXPORTS, limit=limit, cursor=cursor, row=export_of)
        )

    async def status(self) -> list[DestinationStatus]:
        """Return how each destination fares; one that is configured no more has no exporter, and comes last.

        Raises:
            StoreError: the database failed.
        """
        known = {one.name: one.exporter for one in self.sharing.destinations}
        return await self.database.read(lambda connection: destination_status(connection, known))

    def memory(self, destination: str) -> ExportMemory:
        """Return what the exporter of a destination remembers."""
        return ExportMemory(database=self.database, destination=destination)

    def _values(self, request: ExportRequest, *, by: Actor, settle: float) -> dict[str, Any]:
        """Check a request and return the row that it is."""
        approval = request.approval or self.sharing.destination(request.destination).approval
        if request.share:
            self.sharing.share(request.share)
        selection = Selection.parse(request.select, clock=self.clock)
        now = self.clock.now()
        # A dry run changes nothing: it needs nobody's approval.
        how = {"dry_run": request.dry_run, "approval": approval and not request.dry_run}
        return {
            "uuid": str(uuid4()),
            "identity": identity_of(key=selection.key, destination=request.destination, **how),
            "key": storable(selection.key),
            "selection": selection.text,
            "destination": request.destination,
            "share": request.share,
            **how,
            "state": "waiting",
            "requested_by": storable(by.who),
            "requested_at": now,
            "woken_at": now,
            "not_before": now + int(settle * MICROSECONDS),
        }


def _decided(
    connection: Connection, row: Row[Any], values: dict[str, Any], by: Actor, action: str, detail: str, *, now: int
) -> Export:
    changed = connection.execute(update(export).where(export.c.id == row.id).values(values).returning(export)).one()
    _record(connection, by, action, row.uuid, detail, now=now)
    return export_of(changed._mapping)


def _found(connection: Connection, uuid: str) -> Row[Any]:
    row = locked(connection, uuid)
    if row is None:
        raise unknown(uuid)
    return row


def _record(connection: Connection, by: Actor, action: str, uuid: str, detail: str, *, now: int) -> None:
    entry = AuditEntry(who=by.who, action=action, object=uuid, origin=by.origin, detail=detail)
    record_audit(connection, entry, now=now)
