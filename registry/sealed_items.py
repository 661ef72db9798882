"""Which items came sealed: what is told of them where others listen says nothing of what is in them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from registry import tables
from registry.database import Database
from vedette.sealing.envelope import is_marked


class SealedItems:
    """Looks items up in a store."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def among(self, uuids: Collection[str]) -> frozenset[str]:
        """Return the uuids of those that travelled sealed.

        Raises:
            StoreError: the database failed.
        """
        if not uuids:
            return frozenset()
        return await self._database.read(lambda connection: sealed_among(connection, uuids))


def sealed_among(connection: Connection, uuids: Collection[str]) -> frozenset[str]:
    """Return which items travelled sealed; their statements, which say so, are found by the uuids' index."""
    item = tables.item
    rows = connection.execute(select(item.c.uuid, item.c.statement).where(item.c.uuid.in_(list(uuids))))
    return frozenset(row.uuid for row in rows if is_marked(bytes(row.statement)))
