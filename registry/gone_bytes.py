"""Why the bytes that somebody refers to are not there: deleted, by whom and why, or of an item that is not here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from registry import tables
from registry.document_rows import known_documents
from registry.payload_rows import is_inline
from registry.reading import Reads
from registry.retention_rows import deletion_of

NOT_HERE: Final = "the item is not in this store"
"""What is said of items that the store does not know, as after a restore."""

MISSING: Final = "its bytes are missing"
"""What is said of items whose document is not there, though nobody deleted it."""

_TOGETHER: Final = 500


class GoneBytes:
    """Tells what became of the bytes of items."""

    def __init__(self, *, database: Reads) -> None:
        """Describe it; `database` is the store."""
        self._database = database

    async def of(self, items: Collection[str]) -> dict[str, str]:
        """Return why the bytes of items are gone, by uuid; those whose bytes are there are left out.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _gone(connection, sorted(set(items))))


def deleted_items(connection: Connection, uuids: Collection[str]) -> set[str]:
    """Return those of some items whose bytes somebody deleted."""
    gone = _gone(connection, sorted(set(uuids)))
    return {uuid for uuid, why in gone.items() if why not in (NOT_HERE, MISSING)}


def _gone(connection: Connection, uuids: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    item = tables.item
    for start in range(0, len(uuids), _TOGETHER):
        part = uuids[start : start + _TOGETHER]
        query = select(item.c.uuid, item.c.payload_sha256, is_inline().label("inline"))
        rows = connection.execute(query.where(item.c.uuid.in_(part))).all()
        found |= dict.fromkeys(set(part) - {row.uuid for row in rows}, NOT_HERE)
        elsewhere = {row.uuid: row.payload_sha256 for row in rows if not row.inline}
        documents = known_documents(connection, list(elsewhere.values()))
        for uuid, sha256 in elsewhere.items():
            # An item's own tombstone counts, even where another item keeps the document.
            deletion = deletion_of(connection, uuid, sha256)
            if deletion is not None:
                found[uuid] = deletion.text
            elif sha256 not in documents:
                found[uuid] = MISSING
    return found
