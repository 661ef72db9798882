"""The runs of one check: which item came before another."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from registry import tables
from registry.database import Database

EXAMINED = 1_000
"""Items that are looked at: agents may share a check's name, and each has runs of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRun:
    """An item as one run of its check."""

    uuid: str
    """The item's uuid."""
    format: str
    """Format of the payload."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    size: int
    """Bytes of the decoded payload."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""


class ItemRuns:
    """The runs of the checks of a store."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def before(self, uuid: str) -> ItemRun | None:
        """Return the item that the same agent's same check brought before; None where there is none, or no check.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _before(connection, uuid))


def _before(connection: Connection, uuid: str) -> ItemRun | None:
    item = tables.item
    names = ("agent", "check", "received_at", "chain_id", "log_index")
    this = connection.execute(select(*(item.c[name] for name in names)).where(item.c.uuid == uuid)).one_or_none()
    if this is None or this.check is None:
        return None
    place = (item.c.received_at, item.c.chain_id, item.c.log_index)
    query = select(item.c.agent, *(item.c[name] for name in ItemRun.__dataclass_fields__))
    # The time alone, too: neither database finds that bound in a comparison of rows by itself.
    query = query.where(item.c.check == this.check, item.c.received_at <= this.received_at)
    query = query.where(tuple_(*place) < tuple_(this.received_at, this.chain_id, this.log_index))
    query = query.order_by(*(column.desc() for column in place)).limit(EXAMINED)
    for row in connection.execute(query).mappings():
        if row["agent"] == this.agent:
            return ItemRun(**{name: row[name] for name in ItemRun.__dataclass_fields__})
    return None
