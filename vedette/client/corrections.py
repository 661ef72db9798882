"""What was read of items' texts, and what people correct in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.model import Model, parsed
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.kinds import Correction

MAX_LESSONS = 1024 * 1024 * 1024
"""Bytes of training data that are taken."""


class ReadCorrection(Model):
    """A correction, who made it and why."""

    id: int
    """Its number; corrections of an item are applied in this order."""
    item: str
    """Uuid of the item."""
    correction: Correction
    """What is corrected."""
    why: str
    """Why; empty where nothing was said."""
    made_at: int
    """Microseconds since 1970."""
    made_by: str
    """Who."""
    undone_at: int | None
    """Microseconds since 1970: when it was taken back; None while it counts."""
    undone_by: str
    """Who took it back."""
    undone_why: str
    """Why."""
    unfit: str
    """Why it does not fit what is read now; empty where it does."""


class ReadCorrections(Model):
    """The corrections of an item."""

    items: list[ReadCorrection]
    """In their order."""


class Corrections:
    """The corrections at a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def annotation(self, uuid: str, *, corrected: bool = True) -> AnnotatedDocument:
        """Return what was read of an item's text, as people corrected it or as the reader said it.

        Raises:
            ApiError: 404, there is no such item, or its text was not read; 410, its payload was deleted.
        """
        query = {"corrected": str(corrected).lower()}
        return parsed(
            AnnotatedDocument, await self._connection.get(path_of("v1", "items", uuid, "annotation"), query)
        )

    async def of_item(self, uuid: str) -> list[ReadCorrection]:
        """Return the corrections of an item in their order, those that were taken back, too.

        Raises:
            ApiError: as `annotation`.
        """
        answer = await self._connection.get(path_of("v1", "items", uuid, "corrections"))
        return parsed(ReadCorrections, answer).items

    async def add(self, uuid: str, correction: Correction, *, why: str = "") -> ReadCorrection:
        """Correct what was read of an item; the graph says it, too, when this returns.

        Raises:
            ApiError: as `annotation`; 422, the correction does not fit the text, or what is read there.
        """
        body = {"correction": correction.model_dump(), "why": why}
        path = path_of("v1", "items", uuid, "corrections")
        return parsed(ReadCorrection, await self._connection.send("POST", path, body))

    async def undo(self, uuid: str, number: int, *, why: str = "") -> ReadCorrection:
        """Take a correction back.

        Raises:
            ApiError: 404, the item has none of this number that counts.
        """
        path = path_of("v1", "items", uuid, "corrections", str(number))
        return parsed(ReadCorrection, await self._connection.send("DELETE", path, query={"why": why}))

    async def lessons(self, *, of: Literal["entities", "relations"] = "entities") -> AsyncIterator[dict[str, Any]]:
        """Iterate over what a model can learn from all corrections, in the form of the data sets."""
        asking = self._connection.open("GET", "/v1/corrections", {"of": of})
        left = b""
        async with asking as response, aclosing(self._connection.pieces(response, most=MAX_LESSONS)) as pieces:
            async for piece in pieces:
                *lines, left = (left + piece).split(b"\n")
                for line in lines:
                    yield self._connection.read(line)
