"""The durable queues of consumers: what matches a binding is held from its commit until it is acknowledged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from registry import queue_bindings, queue_leases, queue_tables, tables
from registry.database import Database
from registry.items import standard_form
from registry.payload_rows import inline_payload
from registry.queue_bindings import Asker, Bound
from registry.queue_errors import ForeignQueueError, UnknownQueueError
from registry.queue_leases import MAX_LEASE, Leased
from registry.retention_rows import deletion_of
from vedette.clock import MICROSECONDS, Clock

__all__ = ["Asker", "Bound", "ForeignQueueError", "HeldItem", "QueueStatus", "Queues", "UnknownQueueError"]

ATTEMPTS = 5
"""Attempts after which an item becomes a dead letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldItem:
    """An item that was handed out to a consumer."""

    id: int
    """Names it in the answer."""
    uuid: str
    """The item's uuid."""
    attempts: int
    """How often it was handed out, this time included."""
    received_at: int
    """Microseconds since 1970: when it was committed."""
    digest: str
    """What its manifest lists, hexadecimal."""
    data: dict[str, Any]
    """The item in SCANDALE's standard form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueStatus:
    """How a queue fares."""

    name: str
    """Its name."""
    owner: str
    """Who may touch it: a bare JID or a role."""
    patterns: tuple[str, ...]
    """Its bindings."""
    depth: int
    """Items that it holds, handed out or not; dead letters apart."""
    leased: int
    """How many of them are with a consumer."""
    oldest_queued_at: int | None
    """Microseconds since 1970: when the oldest of them was committed; None where there is none."""
    dead_letters: int
    """Items that were given up and wait for a person."""

    def oldest_age(self, now: int) -> int:
        """Return the microseconds that the oldest item has waited at `now`; 0 where there is none."""
        return 0 if self.oldest_queued_at is None else max(0, now - self.oldest_queued_at)


class Queues:
    """The queues of a store; several engines and consumers may use one at the same time."""

    def __init__(self, *, database: Database, clock: Clock, max_attempts: int = ATTEMPTS) -> None:
        self._database = database
        self._clock = clock
        self._max_attempts = max_attempts

    async def bind(
        self, name: str, *, owner: str, asker: Asker, patterns: Sequence[str], from_start: bool = False
    ) -> Bound:
        """Hold what matches the patterns from now on; binding the same again changes nothing.

        Args:
            name: the queue; made if there is none.
            owner: who may touch it: the asker's bare JID, or its role to share it.
            asker: who asks.
            patterns: added to those that it has.
            from_start: also hold what was committed before and matches a pattern that is new.

        Raises:
            RefusedError: a wrong name or pattern, too many of them, or the queue is somebody else's.
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.write(
            lambda connection: queue_bindings.bind(
                connection, name, owner=owner, asker=asker, patterns=patterns, from_start=from_start, now=now
            )
        )

    async def unbind(self, name: str, *, asker: Asker, patterns: Sequence[str]) -> int:
        """Take patterns away; what is held stays held. Returns how many there were.

        Raises:
            RefusedError: the queue is unknown or somebody else's.
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.write(
            lambda connection: queue_bindings.unbind(connection, name, asker=asker, patterns=patterns, now=now)
        )

    async def lease(
        self,
        name: str,
        *,
        asker: Asker,
        life: str,
        limit: int,
        max_bytes: int,
        lease_seconds: int,
        held: Collection[int] | None = None,
    ) -> list[HeldItem]:
        """Hand out the oldest items that are due.

        Args:
            name: the queue.
            asker: the consumer.
            life: random, made when the consumer's process started.
            limit: items at most.
            max_bytes: bytes at most, about; a single larger item comes alone.
            lease_seconds: after so long without an answer they are handed out again.
            held: what the consumer still has: all else that it should have is taken back first.

        Raises:
            RefusedError: the queue is unknown or somebody else's.
            StoreError: the database failed.
        """
        now, consumer = self._clock.now(), f"{asker.jid}/{life}"

        def work(connection: Connection) -> list[Leased]:
            queue_id = queue_bindings.require(connection, name, asker)
            if held is not None:
                queue_leases.reclaim(connection, queue_id, jid=asker.jid, consumer=consumer, held=held, now=now)
            return queue_leases.lease(
                connection,
                queue_id,
                consumer=consumer,
                limit=limit,
                max_bytes=max_bytes,
                max_attempts=self._max_attempts,
                until=now + min(lease_seconds, MAX_LEASE) * MICROSECONDS,
                now=now,
            )

        leased = await self._database.write(work)
        return await self._database.read(lambda connection: _contents(connection, leased)) if leased else []

    async def acknowledge(self, name: str, *, asker: Asker, life: str, ids: Collection[int]) -> int:
        """Forget handled items; returns how many the consumer still had, late answers included.

        Raises:
            RefusedError: the queue is unknown or somebody else's.
            StoreError: the database failed.
        """

        def work(connection: Connection) -> int:
            queue_id = queue_bindings.require(connection, name, asker)
            return queue_leases.acknowledge(connection, queue_id, consumer=f"{asker.jid}/{life}", ids=ids)

        return await self._database.write(work)

    async def release(self, name: str, *, asker: Asker, life: str, ids: Collection[int]) -> int:
        """Take back items that were not tried; returns how many. Not counted as an attempt.

        Raises:
            RefusedError: the queue is unknown or somebody else's.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> int:
            queue_id = queue_bindings.require(connection, name, asker)
            return queue_leases.release(connection, queue_id, consumer=f"{asker.jid}/{life}", ids=ids, now=now)

        return await self._database.write(work)

    async def reject(self, name: str, *, asker: Asker, life: str, failures: Sequence[tuple[int, str]]) -> list[int]:
        """Note why items could not be handled: they wait and come again; returns those given up.

        Raises:
            RefusedError: the queue is unknown or somebody else's.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> list[int]:
            return queue_leases.reject(
                connection,
                queue_bindings.require(connection, name, asker),
                consumer=f"{asker.jid}/{life}",
                failures=failures,
                max_attempts=self._max_attempts,
                now=now,
            )

        return await self._database.write(work)

    async def due(self, names: Collection[str]) -> set[str]:
        """Return those of the queues that have something to hand out now.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.read(lambda connection: queue_leases.any_due(connection, names, now=now))

    async def statuses(self) -> list[QueueStatus]:
        """Return how every queue fares, by name.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(_statuses)


def _contents(connection: Connection, leased: Sequence[Leased]) -> list[HeldItem]:
    names = ("uuid", "version", "format", "statement", "payload_sha256", "extra", "digest", "received_at")
    query = select(*(tables.item.c[name] for name in names), inline_payload())
    query = query.where(tables.item.c.uuid.in_([one.uuid for one in leased]))
    rows = {row["uuid"]: row for row in connection.execute(query).mappings()}
    return [
        HeldItem(
            id=one.id,
            uuid=one.uuid,
            attempts=one.attempts,
            received_at=rows[one.uuid]["received_at"],
            digest=rows[one.uuid]["digest"].hex(),
            data=_data(connection, rows[one.uuid]),
        )
        for one in leased
    ]


def _data(connection: Connection, row: RowMapping) -> dict[str, Any]:
    deletion = deletion_of(connection, row["uuid"], row["payload_sha256"], row["payload"])
    return standard_form(row, deletion=deletion)


def _statuses(connection: Connection) -> list[QueueStatus]:
    queue = queue_tables.queue
    rows = connection.execute(select(queue.c.id, queue.c.name, queue.c.owner).order_by(queue.c.name)).all()
    return [_status(connection, row.id, row.name, row.owner) for row in rows]


def _status(connection: Connection, queue_id: int, name: str, owner: str) -> QueueStatus:
    binding, table, dead = queue_tables.binding, queue_tables.queue_item, queue_tables.queue_dead_letter
    patterns = select(binding.c.pattern).where(binding.c.queue_id == queue_id).order_by(binding.c.pattern)
    mine = table.c.queue_id == queue_id
    oldest = select(table.c.queued_at).where(mine).order_by(table.c.id).limit(1)
    depth = select(func.count()).select_from(table).where(mine)
    waiting = (dead.c.queue_id == queue_id, dead.c.discarded_at.is_(None))
    return QueueStatus(
        name=name,
        owner=owner,
        patterns=tuple(connection.execute(patterns).scalars()),
        depth=connection.execute(depth).scalar_one(),
        leased=connection.execute(depth.where(queue_leases.is_leased())).scalar_one(),
        oldest_queued_at=connection.execute(oldest).scalar_one_or_none(),
        dead_letters=connection.execute(select(func.count()).select_from(dead).where(*waiting)).scalar_one(),
    )
