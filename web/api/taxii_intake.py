"""What a client posts to a collection: an item through the one intake first, then objects of the collection.

The item holds the bytes as they came, is proved like every other, and read into the graph by its routing key
`vedette.in.structured.stix.<collection>`. What is there already is no news, and makes no item.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import orjson
from starlette.requests import Request

from registry.documents import Documents
from registry.taxii_posting import TaxiiPosting
from vedette.canonical import parse_json, sha256_hex
from vedette.clock import MICROSECONDS, Clock
from vedette.documents.quota import QuotaExceededError
from vedette.errors import RefusedError
from vedette.messages.limits import MAX_PAYLOAD
from vedette.sharing.taxii.collections import SharedCollection
from vedette.sharing.taxii.resources import MAX_OBJECTS, STIX_TYPE
from web.api.access import caller_of
from web.api.problems import ProblemError
from web.api.scandale import read_body
from web.api.scandale_intake import BusyError, ItemIntake

MAX_CONTENT: Final = 16 * 1024 * 1024
"""Bytes of an envelope that is posted, unpacked: the API root's `max_content_length`."""


class TaxiiIntake:
    """Takes envelopes."""

    def __init__(self, *, posting: TaxiiPosting, items: ItemIntake, documents: Documents, clock: Clock) -> None:
        self._posting = posting
        self._items = items
        self._documents = documents
        self._clock = clock

    async def take(self, request: Request, collection: SharedCollection) -> bytes:
        """Return the status resource of what a client posts; all of it is on disk then.

        Raises:
            ProblemError: 400 no envelope, 413 too large, 422 too many objects or none, 503 come again, and as
                `read_body` says.
            StoreError: the database failed.
        """
        body = await read_body(request, limit=MAX_CONTENT)
        # Reading megabytes of JSON would hold everybody else up.
        objects, holder = await asyncio.to_thread(_objects_of, body), caller_of(request).holder
        if await self._posting.news(collection.name, objects):
            await self._commit(body, collection, holder)
        return await self._posting.note(holder, await self._posting.post(collection.name, holder, objects))

    async def _commit(self, body: bytes, collection: SharedCollection, holder: str) -> None:
        payload = {"raw": base64.b64encode(body).decode()}
        if len(body) > MAX_PAYLOAD:
            payload = {"document": await self._store(body, holder)}
        now = self._clock.now()
        meta = {
            "uuid": str(uuid4()),
            "ts": now // MICROSECONDS,
            "type": "stix",
            "source": f"vedette.in.structured.stix.{collection.name}",
            "collected_at": now,
            "content_type": STIX_TYPE,
            "sha256": sha256_hex(body),
            "size": len(body),
        }
        item = {"version": "1", "format": "stix", "meta": meta, "payload": payload}
        try:
            await self._items.post(orjson.dumps(item), sender=holder)
        except BusyError as error:
            raise ProblemError(503, str(error), headers={"Retry-After": "1"}) from error

    async def _store(self, body: bytes, holder: str) -> str:
        try:
            document, _ = await self._documents.receive(_whole(body), content_type=STIX_TYPE, by=holder)
        except QuotaExceededError as error:
            raise ProblemError(507, str(error)) from error
        return document.sha256


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _objects_of(body: bytes) -> list[Any]:
    try:
        envelope = parse_json(body)
    except RefusedError as error:
        raise ProblemError(400, f"the body is no envelope: {error.reason}") from error
    objects = envelope.get("objects", []) if isinstance(envelope, dict) else None
    if not isinstance(objects, list):
        raise ProblemError(400, 'the body is no envelope: {"objects": […]} (TAXII 2.1, section 3.7)')
    if not objects:
        raise ProblemError(422, "the envelope holds no objects")
    if len(objects) > MAX_OBJECTS:
        raise ProblemError(422, f"the envelope holds {len(objects)} objects; the limit is {MAX_OBJECTS}")
    return objects
