"""Inline payloads as somebody changes them behind the store's back."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, update

from registry import tables
from registry.payload_rows import is_of_item
from registry.payload_tables import item_payload


def change_payload(connection: Connection, uuid: str, payload: bytes | None) -> None:
    """Make an item's inline bytes others, or take them away silently."""
    mine = exists().where(is_of_item(), tables.item.c.uuid == uuid).correlate(item_payload)
    change = delete(item_payload) if payload is None else update(item_payload).values(payload=payload)
    assert connection.execute(change.where(mine)).rowcount == 1
