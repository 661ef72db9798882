"""What SCANDALE publishes of an event: the whole item, and each item's token."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator

import orjson

from registry.scandale import ScandaleView
from web.api.event_stream import Entry

KEPT = 16 * 1024 * 1024
"""Bytes of items that are kept for the other connections."""

TOGETHER = 1_000
"""Items of a batch read at once."""


class Contents:
    """Reads what an event needs, an item once for all connections."""

    def __init__(self, view: ScandaleView) -> None:
        self._view = view
        self._lock = asyncio.Lock()
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    async def of(self, entry: Entry) -> AsyncIterator[bytes]:
        """Yield what is published of an event, as JSON: of `scan` the item, of `tst` the token for each item.

        Raises:
            StoreError: the database failed.
        """
        source, _, number = entry.event.place
        if source == "item":
            yield await self._item(entry.event.fields["uuid"])
        elif source == "token":
            async for data in self._stamped(number):
                yield data
        elif source == "posted":
            token = await self._view.posted(number)
            for uuid in entry.event.fields["uuids"]:
                yield _token(uuid, token or b"")
        else:
            yield entry.data

    async def _item(self, uuid: str) -> bytes:
        async with self._lock:
            if uuid not in self._items:
                found = await self._view.by_uuid([uuid])
                self._keep(uuid, found.get(uuid, b"null"))
            return self._items[uuid]

    def _keep(self, uuid: str, item: bytes) -> None:
        while self._items and self._size + len(item) > KEPT:
            self._size -= len(self._items.popitem(last=False)[1])
        self._items[uuid] = item
        self._size += len(item)

    async def _stamped(self, token_id: int) -> AsyncIterator[bytes]:
        after = -1
        while (
            found := await self._view.stamped_by(token_id, after=after, limit=TOGETHER)
        ) is not None and found.uuids:
            after = found.last_index
            for uuid in found.uuids:
                yield _token(uuid, found.token)


def _token(uuid: str, token: bytes) -> bytes:
    return orjson.dumps({"tst": base64.b64encode(token).decode(), "scan_uuid": uuid})
