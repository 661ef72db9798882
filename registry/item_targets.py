"""Finding targets by how they begin: one step down the index for each, however many items have it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, literal_column, select

from registry import tables
from registry.admission import MAX_INDEXED

SHOWN: Final = 20
"""Targets at most."""

_LOOKED_AT: Final = 100
"""Targets that are looked at: PostgreSQL may sort as people do, where `Host` is between `host` and `hosts`."""


def targets_beginning(connection: Connection, beginning: str) -> list[str]:
    """Return targets that begin with this, in the database's order."""
    target, found = tables.item.c.target, list[str]()
    last: str | None = None
    # The words of the partial index must stand in the query.
    short = func.length(target) <= literal_column(str(MAX_INDEXED))
    for _ in range(_LOOKED_AT):
        query = select(target).where(short, target >= beginning if last is None else target > last)
        last = connection.execute(query.order_by(target).limit(1)).scalar_one_or_none()
        if last is None or len(found) == SHOWN:
            break
        if last.startswith(beginning):
            found.append(last)
    return found
