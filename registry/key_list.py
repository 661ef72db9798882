"""The list of API keys, for showing."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from registry.database import Database
from registry.key_tables import api_key
from registry.keys import ApiKey, key_of
from registry.listing import Order, Page, read_page
from vedette.clock import Clock

KEYS: Final = Order(name="keys", columns=(api_key.c.created_at, api_key.c.id), kinds=(int, str))
"""Newest first."""


class KeyList:
    """The keys of a store, a page at a time."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def page(self, *, ended: bool = True, limit: int, cursor: str | None = None) -> Page[ApiKey]:
        """Return the newest keys, or the page that the cursor points at.

        Args:
            ended: also those that expired or were revoked.
            limit: keys in the page at most.
            cursor: as another page gave it.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = select(*api_key.c) if ended else select(*api_key.c).where(self._good())
        return await self._database.read(
            lambda connection: read_page(connection, query, order=KEYS, limit=limit, cursor=cursor, row=key_of)
        )

    async def count_ended(self) -> int:
        """Return how many keys expired or were revoked.

        Raises:
            StoreError: the database failed.
        """
        query = select(func.count()).select_from(api_key).where(not_(self._good()))
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    def _good(self) -> ColumnElement[bool]:
        expiry = api_key.c.expires_at
        return and_(api_key.c.revoked_at.is_(None), or_(expiry.is_(None), expiry > self._clock.now()))
