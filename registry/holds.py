"""Holds: payloads that nobody may delete, whatever a policy or a person says, until they are released."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, text

from registry import tables
from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.payload_rows import is_inline
from registry.retention_tables import item_tombstone, retention_hold
from vedette.clock import Clock
from vedette.errors import RefusedError, VedetteError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable


class HeldError(VedetteError):
    """A payload is on hold: it stays until somebody releases it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Why a payload must stay."""

    uuid: str
    """The item's uuid."""
    held_at: int
    """Microseconds since 1970: since when."""
    held_by: str
    """By whom."""
    reason: str
    """Why."""


class Holds:
    """The holds of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def hold(self, uuid: str, *, actor: Actor, reason: str) -> Hold:
        """Keep an item's payload whatever policies say, until it is released.

        Raises:
            RefusedError: there is no such item, its payload is deleted, it is on hold, or no reason is given.
            StoreError: the database failed.
        """
        if not reason.strip():
            raise RefusedError("reason", "is required: a hold must be explained")
        now, why = self._clock.now(), storable(reason, limit=MAX_TEXT)
        made = Hold(uuid=uuid, held_at=now, held_by=storable(actor.who, limit=MAX_TEXT), reason=why)

        def work(connection: Connection) -> Hold:
            _wait_for_deletions(connection)
            _check_holdable(connection, uuid)
            values = {name: getattr(made, name) for name in Hold.__dataclass_fields__}
            connection.execute(insert(retention_hold).values(values))
            record_audit(connection, _entry("retention.hold", actor, uuid, why), now=now)
            return made

        # Beside the writer: a partition that goes meanwhile is waited for, and the intake must not wait, too.
        return await self._database.write_beside(work)

    async def release(self, uuid: str, *, actor: Actor, reason: str = "") -> Hold:
        """Let policies have an item's payload again; returns the hold that was on it.

        Raises:
            RefusedError: it is not on hold.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Hold:
            found = holds_on(connection, [uuid]).get(uuid)
            if found is None:
                raise RefusedError("uuid", f"{uuid[:64]} is not on hold")
            connection.execute(delete(retention_hold).where(retention_hold.c.uuid == uuid))
            detail = f"{reason or 'no reason given'}; it was held for: {found.reason}"
            record_audit(connection, _entry("retention.release", actor, uuid, detail), now=now)
            return found

        return await self._database.write(work)

    async def all(self) -> list[Hold]:
        """Return every hold, oldest first.

        Raises:
            StoreError: the database failed.
        """
        columns = [retention_hold.c[name] for name in Hold.__dataclass_fields__]
        query = select(*columns).order_by(retention_hold.c.held_at, retention_hold.c.uuid)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [Hold(**row) for row in rows]


def shut_out_holds(connection: Connection) -> None:
    """Let nobody put anything on hold until the transaction ends (PostgreSQL; SQLite has one writer).

    Whoever deletes payloads calls it before looking at what is on hold.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE retention_hold IN SHARE MODE"))


def _wait_for_deletions(connection: Connection) -> None:
    """Wait for who shut holds out: what is read from here on shows what they deleted."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE retention_hold IN ROW EXCLUSIVE MODE"))


def holds_on(connection: Connection, uuids: Collection[str]) -> dict[str, Hold]:
    """Return the holds on these items."""
    columns = [retention_hold.c[name] for name in Hold.__dataclass_fields__]
    query = select(*columns).where(retention_hold.c.uuid.in_(list(uuids)))
    return {row["uuid"]: Hold(**row) for row in connection.execute(query).mappings()}


def hold_on_document(connection: Connection, sha256: str) -> Hold | None:
    """Return a hold on an item whose payload is this document."""
    item = tables.item
    columns = [retention_hold.c[name] for name in Hold.__dataclass_fields__]
    query = select(*columns).join(item, item.c.uuid == retention_hold.c.uuid)
    query = query.where(item.c.payload_sha256 == sha256, ~is_inline()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Hold(**row)


def _check_holdable(connection: Connection, uuid: str) -> None:
    item = tables.item
    if connection.execute(select(item.c.uuid).where(item.c.uuid == uuid)).first() is None:
        raise RefusedError("uuid", f"{uuid[:64]} is not the uuid of an item in the store")
    if connection.execute(select(item_tombstone.c.uuid).where(item_tombstone.c.uuid == uuid)).first() is not None:
        raise RefusedError("uuid", f"{uuid[:64]}: its payload was deleted already")
    if holds_on(connection, [uuid]):
        raise RefusedError("uuid", f"{uuid[:64]} is on hold already")


def _entry(action: str, actor: Actor, uuid: str, detail: str) -> AuditEntry:
    return AuditEntry(who=actor.who, action=action, object=uuid, origin=actor.origin, detail=detail)
