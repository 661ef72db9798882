"""The bytes of items for showing and comparing, wherever they are; bounded."""

from __future__ import annotations

import asyncio

from registry.content import ContentFolder
from registry.item_detail import ItemDetails
from vedette.errors import StoreError

MAX_READ = 1024 * 1024
"""Bytes of a payload that are looked into for a page; a larger one is compared by its hash, and downloaded."""


class PayloadReader:
    """Reads payloads."""

    def __init__(self, *, details: ItemDetails, folder: ContentFolder) -> None:
        """Describe it; `folder` has the files of the documents."""
        self._details = details
        self._folder = folder

    async def read(self, uuid: str, *, sha256: str, size: int) -> bytes | None:
        """Return an item's bytes; None where they are too many, deleted, or not here.

        Raises:
            StoreError: the database failed.
        """
        if size > MAX_READ:
            return None
        inline = await self._details.inline(uuid)
        return inline if inline is not None else await asyncio.to_thread(self._document, sha256)

    async def part(self, uuid: str, *, sha256: str, first: int, last: int) -> bytes | None:
        """Return the bytes of an item from one offset to another; None where they are deleted, or not here.

        Of a document nothing else is read, so it is not checked against its hash: its proof on the item's page is.

        Raises:
            StoreError: the database failed.
        """
        inline = await self._details.inline(uuid)
        if inline is not None:
            return inline[first:last]
        return await asyncio.to_thread(self._document_part, sha256, first, last)

    def _document(self, sha256: str) -> bytes | None:
        try:
            return self._folder.read(sha256, limit=MAX_READ)
        except StoreError:
            # That a document is missing or damaged is the sweep's to say, and the proof's on the same page.
            return None

    def _document_part(self, sha256: str, first: int, last: int) -> bytes | None:
        try:
            with self._folder.open(sha256) as file:
                file.seek(first)
                return file.read(last - first)
        except (StoreError, OSError):
            # As above: what is missing is said elsewhere.
            return None
