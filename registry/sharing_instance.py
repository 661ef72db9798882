"""Which fleet shares: a UUID that is made once and kept in the store, so that a restored fleet is the same one."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from registry.database import Database
from registry.sharing_tables import export_memory

_KEY: Final = {"destination": "", "key": "instance"}
"""No destination has an empty name."""


async def instance_of(database: Database, configured: UUID | None = None) -> UUID:
    """Return the fleet's UUID, of which the ids of all that it shares are made.

    Args:
        database: the store's.
        configured: what the configuration says; None: the store's own, which is made where there is none.

    Raises:
        StoreError: the database failed.
    """
    if configured is not None:
        return configured
    known = await database.read(_read)
    return UUID(known if known is not None else await database.write(_made))


def _read(connection: Connection) -> str | None:
    table = export_memory
    mine = (table.c[name] == value for name, value in _KEY.items())
    return connection.execute(select(table.c.value).where(*mine)).scalar_one_or_none()


def _made(connection: Connection) -> str:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    # Another process may make one at the same moment: the first counts.
    connection.execute(make(export_memory).values(**_KEY, value=str(uuid4())).on_conflict_do_nothing())
    return str(_read(connection))
