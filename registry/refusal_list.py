"""The list of what was refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import select

from registry import tables
from registry.database import Database
from registry.listing import Order, Page, made_of, read_page

REFUSALS: Final = Order(name="refusals", columns=(tables.refusal.c.id,), kinds=(int,))
"""Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalLine:
    """One item or message that was refused; the oldest are pruned."""

    id: int
    """Its number."""
    at: int
    """Microseconds since 1970."""
    sender: str
    """Bare JID."""
    uuid: str
    """The item's uuid; empty for a message."""
    field: str
    """Where."""
    reason: str
    """Why."""


class RefusalList:
    """The list of a store's refusals."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(self, *, sender: str | None, limit: int, cursor: str | None = None) -> Page[RefusalLine]:
        """Return the newest refusals, with `sender` only that one's, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        names = [field.name for field in fields(RefusalLine)]
        query = select(*(tables.refusal.c[name] for name in names))
        return await self._database.read(
            lambda connection: read_page(
                connection,
                query,
                order=REFUSALS,
                limit=limit,
                cursor=cursor,
                row=made_of(RefusalLine, names),
                keep=lambda row: sender in (None, row["sender"]),
            )
        )
