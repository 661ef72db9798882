"""What leaves, as people look at it: gathered for the API and the console together, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, BinaryIO, Final

from registry.content import PIECE
from registry.sharing_desk import SharingDesk, WrittenFile
from vedette.errors import ConfigurationError
from vedette.sharing.investigation import Investigation
from web.api.problems import ProblemError
from web.api.v1.streams import Slots, Stream

GATHERED: Final = 2
"""Investigations that may be in work at once: a large one takes seconds and hundreds of megabytes."""


class SharingView:
    """Shows investigations as they would leave; nothing is sent anywhere."""

    def __init__(self, *, desk: SharingDesk) -> None:
        self.desk = desk
        """Does what people ask for."""
        self._slots = Slots(most=GATHERED, what="investigations")

    async def look(self, select: str, *, destination: str | None) -> Investigation:
        """Return what may leave towards a destination, or into a file (None).

        Raises:
            ProblemError: 429 too many are looked at, 503 the warning lists cannot be read.
            RefusedError: no such selection or destination, too much, or stricter than what may leave.
            StoreError: the store or the graph cannot be read.
        """
        self._slots.take()
        try:
            return await self._gathered(select, destination)
        finally:
            self._slots.give_back()

    async def file(self, select: str, form: str, *, destination: str | None) -> Stream:
        """Return the same as the file that an exporter writes.

        Raises:
            ProblemError: as above.
            RefusedError: as above; or there is no such form, or it cannot be written so.
            StoreError: as above.
        """
        self.desk.form(form)
        self._slots.take()
        try:
            found = await self._gathered(select, destination, bundles=True)
            file = await self.desk.write(found, form)
            pieces = FilePieces(file)
        except BaseException:
            self._slots.give_back()
            raise
        headers = {
            "Content-Type": file.content_type or "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Cache-Control": "private, no-store",
        }
        return Stream(pieces, headers=headers, slots=self._slots)

    async def _gathered(self, select: str, destination: str | None, *, bundles: bool = False) -> Investigation:
        try:
            return await self.desk.look(select, destination=destination, bundles=bundles)
        except ConfigurationError as error:
            raise ProblemError(503, str(error)) from error


class FilePieces(AsyncGenerator[bytes, None]):
    """The bytes of a file that is gone however its reading ends, even where it was never begun."""

    def __init__(self, file: WrittenFile) -> None:
        try:
            self._opened: BinaryIO = file.path.open("rb")
        finally:
            # Who has it open reads on; nobody else needs it, and nothing is left when this process dies.
            file.discard()

    async def asend(self, value: None) -> bytes:
        """Return the next piece."""
        piece = await asyncio.to_thread(self._opened.read, PIECE)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def athrow(self, *error: Any) -> bytes:
        """Close it."""
        self._opened.close()
        raise error[0]

    async def aclose(self) -> None:
        """Close it."""
        self._opened.close()
