"""The list of alarms."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from sqlalchemy import select

from registry.alarms import Alarm
from registry.database import Database
from registry.evidence_tables import alarm
from registry.listing import Order, Page, made_of, read_page

ALARMS: Final = Order(name="alarms", columns=(alarm.c.id,), kinds=(int,))
"""Newest first."""


class AlarmList:
    """The list of a store's alarms."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(
        self, *, kind: str | None, acknowledged: bool | None, limit: int, cursor: str | None = None
    ) -> Page[Alarm]:
        """Return the newest alarms, or the page that the cursor points at.

        Args:
            kind: only those; None: all.
            acknowledged: only those that a person took note of, or only the others; None: all.
            limit: alarms in the page.
            cursor: as a page of this list gave it.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        names = [field.name for field in fields(Alarm)]
        query = select(*(alarm.c[name] for name in names))
        return await self._database.read(
            lambda connection: read_page(
                connection,
                query,
                order=ALARMS,
                limit=limit,
                cursor=cursor,
                row=made_of(Alarm, names),
                keep=lambda row: (
                    kind in (None, row["kind"]) and acknowledged in (None, row["acknowledged_at"] is not None)
                ),
            )
        )
