"""The spool of an agent: large payloads on disk beside its outbox, until items that refer to them are confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from registry.content import ContentFolder
from registry.outbox import Outbox
from vedette.messages.limits import MAX_DOCUMENT

T = TypeVar("T")


class Spool:
    """Files by SHA-256 that items of an outbox refer to; a crash at any moment loses none of them."""

    def __init__(self, folder: Path, *, outbox: Outbox) -> None:
        self._content = ContentFolder(folder, limit=MAX_DOCUMENT)
        self._outbox = outbox
        self._filled = False
        # Else a file could go between being spooled and being referred to, if another item with it is confirmed then.
        self._changing = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """Where to make the files that `add` takes."""
        return self._content.partial

    async def open(self) -> None:
        """Make the folder, and remove what a crash left there that no item refers to; the outbox is open.

        Raises:
            StoreError: the folder or the outbox cannot be used.
        """
        await asyncio.to_thread(self._content.prepare)
        self._filled = True
        await self.tidy()

    async def add(self, item: dict[str, Any], file: Path | None) -> dict[str, Any]:
        """Commit an item to the outbox, its file to the spool first; returns the item as it will travel.

        The file is gone from where it was, also where an error is raised.

        Raises:
            RefusedError: the item is not valid; nothing is stored.
            OutboxFullError: it does not fit; nothing is stored.
            StoreError: the spool or the outbox cannot be written.
        """
        if file is None:
            (stored,) = await self._outbox.add([item])
            return stored
        (stored,) = await self.keep({item["payload"]["document"]: file}, lambda: self._outbox.add([item]))
        return stored

    async def keep(self, files: Mapping[str, Path], commit: Callable[[], Awaitable[T]]) -> T:
        """Put files into the spool by their SHA-256, then commit what refers to them; returns what that returns.

        The files are gone from where they were, also where an error is raised.

        Raises:
            StoreError: the spool cannot be written; and what `commit` raises.
        """
        try:
            async with self._changing:
                self._filled = True
                for sha256, file in files.items():
                    await asyncio.to_thread(self._content.adopt, file, sha256)
                return await commit()
        finally:
            for file in files.values():
                await asyncio.to_thread(file.unlink, missing_ok=True)

    def open_file(self, sha256: str) -> BinaryIO:
        """Open a document for reading.

        Raises:
            StoreError: it is not there, or cannot be read.
        """
        return self._content.open(sha256)

    async def tidy(self) -> int:
        """Remove the files that nothing refers to any more; returns how many.

        Raises:
            StoreError: the spool or the outbox cannot be used.
        """
        if not self._filled:
            return 0
        async with self._changing:
            wanted = await self._outbox.documents()
            there = set(await asyncio.to_thread(lambda: list(self._content.ids())))
            for sha256 in there - wanted:
                await asyncio.to_thread(self._content.remove, sha256)
            self._filled = bool(there & wanted)
        return len(there - wanted)
