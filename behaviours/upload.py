"""Uploading large payloads to the hub's document service before the items that refer to them are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.outbox import DocumentToUpload, Outbox
from registry.spool import Spool
from vedette.clock import Clock
from vedette.delivery.backoff import Backoff
from vedette.documents.client import DocumentClient, UploadRefusedError
from vedette.errors import ConnectionFailedError, StoreError
from vedette.messages.item import DOCUMENT_FIELD

LOOK_EVERY = 2.0
"""Seconds between looks at what may be uploaded again and what is no longer needed."""


class Upload(SupervisedBehaviour):
    """Streams what the spool holds to the hub, over HTTP; what is confirmed goes from the spool."""

    name: ClassVar[str] = "upload"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        outbox: Outbox,
        spool: Spool,
        client: DocumentClient,
        uploaded: Callable[[], None],
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._outbox = outbox
        self._spool = spool
        self._client = client
        self._on_upload = uploaded
        self._stir = asyncio.Event()
        self._waits = Backoff(first=0.5, most=30.0)

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._stir.set()

    async def run(self) -> None:
        """Upload what waits, or tidy up and wait for it."""
        self._stir.clear()
        document = await self._outbox.to_upload()
        if document is None:
            await self._spool.tidy()
            await self._rest(LOOK_EVERY)
            return
        try:
            await self._upload(document)
        except ConnectionFailedError as error:
            wait = self._waits.next()
            self.counters["failed"] += 1
            self.log.warning("upload failed", document=document.sha256, reason=str(error), again_in=round(wait, 1))
            await self.pause(wait)
            return
        self._waits.reset()

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, then close the connection to the hub."""
        await super().ended()
        await self._client.close()

    async def _upload(self, document: DocumentToUpload) -> None:
        try:
            if not await self._client.has(document.sha256):
                # Not in a thread: who is cancelled while one opens it would never get the file to close.
                with self._spool.open_file(document.sha256) as file:
                    await self._client.put(document.sha256, file, content_type=document.content_type)
                self.counters["uploaded"] += 1
        except (UploadRefusedError, StoreError) as error:
            await self._refused(document, str(error))
            return
        await self._outbox.uploaded(document.sha256)
        self._on_upload()

    async def _refused(self, document: DocumentToUpload, reason: str) -> None:
        """Count the refusal against each item, so that it becomes a dead letter in the end and others go on."""
        self.counters["refused"] += 1
        self.log.error("a document cannot be uploaded", document=document.sha256, reason=reason)
        for uuid in document.uuids:
            await self._outbox.refuse(uuid, DOCUMENT_FIELD, reason[:1000])

    async def _rest(self, seconds: float) -> None:
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), seconds)
        except TimeoutError:
            return
