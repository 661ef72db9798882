"""Numbers that outlive the rows they count."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from registry import tables


def read_counter(connection: Connection, name: str) -> int:
    """Return the counter; 0 if it was never counted up."""
    table = tables.counter
    value = connection.execute(select(table.c.value).where(table.c.name == name)).scalar_one_or_none()
    return value or 0


def count_up(connection: Connection, name: str, by: int = 1) -> None:
    """Add to the counter, which starts at 0."""
    table = tables.counter
    changed = connection.execute(update(table).where(table.c.name == name).values(value=table.c.value + by))
    if changed.rowcount == 0:
        connection.execute(insert(table).values(name=name, value=by))
