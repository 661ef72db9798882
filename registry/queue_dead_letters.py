"""What consumers could not handle: seen, replayed or discarded by a person; nothing goes silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from registry import queue_tables, tables
from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF, Actor
from registry.database import Database
from registry.queue_errors import NoSuchDeadLetterError
from vedette.clock import Clock
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueDeadLetter:
    """An item that a queue's consumers could not handle; its content is in the store under its uuid."""

    queue: str
    """The queue."""
    uuid: str
    """The item's uuid: `vedette bundle` and `/items/` know it."""
    sender: str
    """Bare JID of the agent that it came from."""
    source: str | None
    """Its routing key."""
    queued_at: int
    """Microseconds since 1970: when it was committed."""
    died_at: int
    """Microseconds since 1970: when it was given up."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why the last attempt failed."""
    discarded_at: int | None
    """Microseconds since 1970: when a person discarded it; None while it waits."""
    why: str
    """Why that person did."""


class QueueDeadLetters:
    """The dead letters of all queues of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self, *, discarded: bool = False) -> list[QueueDeadLetter]:
        """Return those that wait for a person, oldest first; with `discarded` the tombstones too.

        Raises:
            StoreError: the database failed.
        """
        query = _query() if discarded else _query().where(queue_tables.queue_dead_letter.c.discarded_at.is_(None))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [QueueDeadLetter(**row._mapping) for row in rows]

    async def replay(self, queue: str, uuid: str, *, by: Actor = ITSELF) -> None:
        """Let a dead letter wait at the end of its queue, with all its attempts.

        Raises:
            NoSuchDeadLetterError: there is none, or it was discarded.
            StoreError: the database failed.
        """
        now = self._clock.now()
        await self._database.write(lambda connection: replay_letter(connection, queue, uuid, by=by, now=now))

    async def discard(self, queue: str, uuid: str, reason: str, *, by: Actor = ITSELF) -> None:
        """Say that nobody will handle a dead letter, and why; it stays visible as a tombstone.

        Raises:
            NoSuchDeadLetterError: there is none, or it was discarded already.
            StoreError: the database failed.
        """
        now = self._clock.now()
        await self._database.write(lambda connection: discard_letter(connection, queue, uuid, reason, by=by, now=now))


def replay_letter(connection: Connection, queue: str, uuid: str, *, by: Actor, now: int) -> None:
    """Let a dead letter wait at the end of its queue, within a transaction.

    Raises:
        NoSuchDeadLetterError: there is none, or it was discarded; nothing is written.
    """
    table = queue_tables.queue_dead_letter
    row = _waiting(connection, queue, uuid)
    kept = {name: row[name] for name in ("queue_id", "chain_id", "log_index", "queued_at")}
    fresh = {"attempts": 0, "due_at": 0, "consumer": "", "reason": ""}
    connection.execute(insert(queue_tables.queue_item), kept | fresh)
    connection.execute(delete(table).where(table.c.id == row["id"]))
    record_audit(connection, _entry("replay", queue, uuid, by), now=now)


def discard_letter(connection: Connection, queue: str, uuid: str, reason: str, *, by: Actor, now: int) -> None:
    """Make a dead letter its own tombstone, within a transaction.

    Raises:
        NoSuchDeadLetterError: there is none, or it was discarded already; nothing is written.
    """
    table = queue_tables.queue_dead_letter
    row = _waiting(connection, queue, uuid)
    values = {"discarded_at": now, "why": storable(reason, limit=MAX_TEXT)}
    connection.execute(update(table).where(table.c.id == row["id"]), values)
    record_audit(connection, _entry("discard", queue, uuid, by, reason), now=now)


def _entry(verb: str, queue: str, uuid: str, by: Actor, detail: str = "") -> AuditEntry:
    action, place = f"dead-letter.{verb}", f"{uuid} in queue:{queue}"
    return AuditEntry(who=by.who, action=action, object=place, origin=by.origin, detail=detail)


def _query() -> Select[Any]:
    table, queue, item = queue_tables.queue_dead_letter, queue_tables.queue, tables.item
    names = ("queued_at", "died_at", "attempts", "reason", "discarded_at", "why")
    query = select(
        queue.c.name.label("queue"),
        item.c.uuid,
        item.c.agent.label("sender"),
        item.c.source,
        *(table.c[name] for name in names),
    )
    same = (item.c.chain_id == table.c.chain_id) & (item.c.log_index == table.c.log_index)
    return query.select_from(table).join(queue, queue.c.id == table.c.queue_id).join(item, same).order_by(table.c.id)


def _waiting_query() -> Select[Any]:
    table, queues, item = queue_tables.queue_dead_letter, queue_tables.queue, tables.item
    same = (item.c.chain_id == table.c.chain_id) & (item.c.log_index == table.c.log_index)
    query = select(table).join(queues, queues.c.id == table.c.queue_id).join(item, same)
    query = query.where(queues.c.name == bindparam("in_queue"), item.c.uuid == bindparam("of_item"))
    return query.where(table.c.discarded_at.is_(None)).order_by(table.c.id).limit(1).with_for_update(of=table)


# Made once: of thousands of letters, making the statement was half the work.
_WAITING: Final = _waiting_query()


def _waiting(connection: Connection, queue: str, uuid: str) -> dict[str, Any]:
    """Return the row of a dead letter that was not discarded, locked."""
    row = connection.execute(_WAITING, {"in_queue": queue, "of_item": uuid}).mappings().one_or_none()
    if row is None:
        raise NoSuchDeadLetterError(queue[:64], uuid[:64])
    return dict(row)
