"""What exporters remember of a destination, such as which sightings it has: `Memory`, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from registry.database import Database
from registry.sharing_tables import export_memory
from vedette.errors import StoreError
from vedette.pieces import pieces

MAX_KEY: Final = 512
"""Characters of a key: PostgreSQL refuses an index entry of more than 2,704 bytes."""

_PIECE: Final = 500
"""Keys of one statement: SQLite takes 32,766 values, PostgreSQL 65,535."""


class ExportMemory:
    """What one destination's exporter remembers."""

    def __init__(self, *, database: Database, destination: str) -> None:
        self._database = database
        self._destination = destination

    async def recall(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the values of those keys that have one.

        Raises:
            StoreError: the database failed.
        """
        table = export_memory

        def work(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for piece in pieces(keys, _PIECE):
                mine = (table.c.destination == self._destination, table.c.key.in_(piece))
                found |= {row.key: row.value for row in connection.execute(select(table).where(*mine))}
            return found

        return await self._database.read(work)

    async def remember(self, values: Mapping[str, str | None]) -> None:
        """Keep values, all or none of them; None forgets one.

        Raises:
            StoreError: the database failed, or a key is too long or holds what no database keeps.
        """
        for key, value in values.items():
            if len(key) > MAX_KEY or "\0" in key or "\0" in (value or ""):
                raise StoreError(f"an exporter wants to remember {key[:60]!r}: too long, or with a NUL in it")
        rows = [
            {"destination": self._destination, "key": key, "value": value}
            for key, value in values.items()
            if value is not None
        ]

        def work(connection: Connection) -> None:
            for piece in pieces(list(values), _PIECE):
                mine = (export_memory.c.destination == self._destination, export_memory.c.key.in_(piece))
                connection.execute(delete(export_memory).where(*mine))
            if rows:
                connection.execute(insert(export_memory), rows)

        await self._database.write(work)
