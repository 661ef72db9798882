"""A store with items and documents to copy, and what a test does with the copies."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.backup import Backup, FleetEntry, open_target
from registry.backup_manifest import BackupManifest
from registry.content import ContentFolder
from registry.database import Database
from registry.delivery import Delivery
from registry.directory import Directory
from registry.documents import Document, Documents
from registry.intake import Intake
from tests.registry.conftest import Sender
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.messages.batch import Receipt, Signed
from vedette.messages.card import Role
from vedette.messages.limits import MAX_DOCUMENT
from vedette.signing import SigningKey

ENGINE = "aggregation@localhost"


class Filled:
    """A store in use: items, receipts for them, documents."""

    def __init__(self, *, url: str, folder: Path) -> None:
        self.url = url
        self.clock = SystemClock()
        self.database = Database(url)
        self.database.open()
        self.folder = ContentFolder(folder / "documents", limit=MAX_DOCUMENT)
        self.documents = Documents(database=self.database, folder=self.folder, clock=self.clock)
        self.intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        self.directory = Directory(database=self.database, clock=self.clock)
        self.sender = Sender()
        self.key = SigningKey.generate()
        self.uuids: list[str] = []
        self.receipts: list[Signed] = []

    async def open(self) -> None:
        await self.directory.enrol(ENGINE, role=Role.AGGREGATION, public_key=self.key.verifying.text)
        await self.directory.enrol(self.sender.jid, role=Role.PROBE, public_key=self.sender.key.verifying.text)
        await self.intake.open()
        await self.documents.open()

    async def commit(self, count: int, *, size: int = 16) -> None:
        """Commit items and keep the receipt."""
        items = [self.sender.item(payload=os.urandom(size)) for _ in range(count)]
        delivery: Delivery = self.sender.deliver(*items)
        (result,) = await self.intake.commit([delivery])
        assert delivery.signed is not None
        self.uuids += [item.uuid for item in items]
        receipt = Receipt(
            engine=ENGINE,
            epoch=self.intake.epoch,
            manifest_sha256=delivery.signed.sha256,
            committed=result.committed,
            refused=[],
            log_index=result.log_index,
            head=result.head,
        )
        self.receipts.append(Signed.seal(receipt, self.key))

    async def put(self, data: bytes) -> Document:
        async def pieces() -> AsyncIterator[bytes]:
            yield data

        return (await self.documents.receive(pieces(), content_type="text/plain", by="test"))[0]

    def backup(self, target: Path, *, files: tuple[FleetEntry, ...] = (), secrets: bool = False) -> BackupManifest:
        made = Backup(
            database=self.database,
            store_url=self.url,
            documents=self.folder,
            files=files,
            secrets=secrets,
            clock=self.clock,
        )
        opened = open_target(target, now=self.clock.now())
        try:
            return made.write(opened)
        finally:
            opened.close()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Commit without a pause, from a thread with a connection of its own, as the engine does."""
        ended, started = threading.Event(), threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._commit_until(ended, started)))
        thread.start()
        try:
            assert started.wait(PATIENCE)
            yield
        finally:
            ended.set()
            thread.join()

    async def _commit_until(self, ended: threading.Event, started: threading.Event) -> None:
        while not ended.is_set():
            await self.commit(20)
            started.set()

    def close(self) -> None:
        self.database.close()


def left_beside(folder: Path) -> set[str]:
    """Return the names of what lies in a folder."""
    return {path.name for path in folder.iterdir()}
