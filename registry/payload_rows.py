"""Inline payloads beside their items: columns for queries over the item table, and what writes them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, delete, func, insert, select
from sqlalchemy.dialects import sqlite

from registry import tables
from registry.payload_tables import item_payload

KEY = ("received_at", "chain_id", "log_index")
"""What a payload and its item have in common."""

_INSERT = insert(item_payload)
_COMPILED = _INSERT.compile(dialect=sqlite.dialect())
_INSERT_TEXT, _in_order = str(_COMPILED), itemgetter(*_COMPILED.positiontup or ())


def is_of_item() -> ColumnElement[bool]:
    """Return the condition that a payload is the item's."""
    item = tables.item
    same = [item_payload.c[name] == item.c[name] for name in KEY]
    return same[0] & same[1] & same[2]


def inline_payload() -> Label[Any]:
    """Return the item's bytes, labelled `payload`; null where they are in a document, were deleted, or are lost."""
    query = select(item_payload.c.payload).where(is_of_item()).correlate(tables.item)
    return query.scalar_subquery().label("payload")


def inline_size() -> ColumnElement[int]:
    """Return how many of the item's bytes are kept inline."""
    query = select(func.length(item_payload.c.payload)).where(is_of_item()).correlate(tables.item)
    return func.coalesce(query.scalar_subquery(), 0)


def is_inline() -> ColumnElement[bool]:
    """Return the condition that the item's bytes are kept inline.

    It is no EXISTS: PostgreSQL would answer that by a hash of all payloads, until there are too many for its memory.
    """
    query = select(item_payload.c.log_index).where(is_of_item()).correlate(tables.item)
    return query.scalar_subquery().is_not(None)


def insert_payloads(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store payloads of items that are committed in the same transaction: dictionaries with the table's columns."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        # SQLAlchemy would look at each value of each row once more, which takes half as long as to insert them.
        connection.exec_driver_sql(_INSERT_TEXT, [_in_order(row) for row in rows])
    else:
        connection.execute(_INSERT, list(rows))


def remove_payload(connection: Connection, place: tuple[int, int, int]) -> None:
    """Delete one payload, by its item's `received_at`, chain and `log_index`."""
    same = (item_payload.c[name] == value for name, value in zip(KEY, place, strict=True))
    connection.execute(delete(item_payload).where(*same))
