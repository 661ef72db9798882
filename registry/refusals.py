"""What was refused, from whom and why: kept for the operator, bounded, and counted for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from registry import tables
from registry.counters import count_up, read_counter
from registry.database import Database
from vedette.errors import StoreError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

KEPT = 10_000
"""Refusals that are kept; a hostile peer cannot fill the disk with them."""

_COUNTER = "refusals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One item or message that was refused."""

    at: int
    """Microseconds since 1970."""
    sender: str
    """Bare JID."""
    uuid: str
    """The item's uuid; empty for a message."""
    field: str
    """Where."""
    reason: str
    """Why."""


def record_refusals(connection: Connection, refusals: Sequence[Refusal], *, kept: int = KEPT) -> None:
    """Store refusals, prune the oldest beyond `kept` and count all."""
    if not refusals:
        return
    table = tables.refusal
    connection.execute(insert(table), [_row(refusal) for refusal in refusals])
    newest = connection.execute(select(func.max(table.c.id))).scalar_one()
    connection.execute(delete(table).where(table.c.id <= newest - kept))
    count_up(connection, _COUNTER, len(refusals))


def _row(refusal: Refusal) -> dict[str, int | str]:
    texts = ("sender", "uuid", "field", "reason")
    return {"at": refusal.at} | {name: storable(getattr(refusal, name), limit=MAX_TEXT) for name in texts}


class Refusals:
    """The refusals of a store."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._waiting: list[Refusal] = []
        self._writing = asyncio.Lock()

    async def record(self, refusals: Sequence[Refusal]) -> None:
        """Store refusals that were made outside a commit; those that come at the same time share a transaction.

        Whoever sends garbage must not make the only writer sync the disk for each piece of it.

        Raises:
            StoreError: the database failed; the next that is recorded tries again with these.
        """
        self._waiting = [*self._waiting, *refusals][-KEPT:]
        async with self._writing:
            together, self._waiting = self._waiting, []
            if not together:
                return
            try:
                await self._database.write(lambda connection: record_refusals(connection, together))
            except StoreError:
                self._waiting = [*together, *self._waiting][-KEPT:]
                raise

    async def last(self, *, limit: int = 100) -> list[Refusal]:
        """Return the newest refusals, newest first.

        Raises:
            StoreError: the database failed.
        """
        table = tables.refusal
        columns = (table.c.at, table.c.sender, table.c.uuid, table.c.field, table.c.reason)
        query = select(*columns).order_by(table.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Refusal(**row._mapping) for row in rows]

    async def count(self) -> int:
        """Return how many there ever were, pruned ones included.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: read_counter(connection, _COUNTER))
