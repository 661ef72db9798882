"""The list of documents: what was handed in, when and by whom; the bytes are asked for one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, select

from registry.database import Database
from registry.document_tables import document
from registry.listing import Order, Page, read_page
from vedette.documents.description import read_description
from vedette.storable import storable

DOCUMENTS: Final = Order(name="documents", columns=(document.c.created_at, document.c.sha256), kinds=(int, str))
"""Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentLine:
    """A stored document."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal: its id."""
    size: int
    """Bytes."""
    content_type: str
    """MIME type, as its first sender said."""
    created_at: int
    """Microseconds since 1970: when it came first."""
    created_by: str
    """Agent or key that handed it in first."""
    description: dict[str, str]
    """What its sender said of it: title, dates and the like."""


class DocumentList:
    """The list of all documents of a store; deleted ones are not in it."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(self, *, by: str | None, limit: int, cursor: str | None = None) -> Page[DocumentLine]:
        """Return the newest documents, with `by` only those of one, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        if by is not None and storable(by) != by:
            # Neither database could hold such a text.
            return Page(rows=[])
        query = select(*document.c) if by is None else select(*document.c).where(document.c.created_by == by)
        return await self._database.read(
            lambda connection: read_page(connection, query, order=DOCUMENTS, limit=limit, cursor=cursor, row=_line)
        )


def _line(row: RowMapping) -> DocumentLine:
    names = ("sha256", "size", "content_type", "created_at", "created_by")
    return DocumentLine(description=read_description(row["description"]), **{name: row[name] for name in names})
