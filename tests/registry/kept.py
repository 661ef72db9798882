"""A store with stamped items, their documents and what deletes their payloads."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from registry import tables
from registry.callers import Actor
from registry.content import ContentFolder
from registry.database import Database
from registry.directory import Directory
from registry.document_check import document_check
from registry.documents import Documents
from registry.holds import Holds
from registry.intake import Intake
from registry.items import Items
from registry.proofs import Proofs
from registry.queue_tables import queue, queue_item
from registry.retention import Retention
from registry.sweep import Sweep
from tests.registry.conftest import ENGINE, Sender
from vedette.clock import ManualClock
from vedette.configuration.retention import RetentionPolicy
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.retention import Fate, RetentionRule
from vedette.messages.card import Role
from vedette.messages.item import ReceivedItem

DAY = 86_400.0
ANNA = Actor(who="user anna", origin="192.0.2.1")
LARGE = b"a large result" * 10_000
LARGE_ID = hashlib.sha256(LARGE).hexdigest()
SECRET = b"Jane Doe, 22/tcp open, never to be seen again"


def rules(*policies: dict[str, str]) -> list[RetentionRule]:
    return [RetentionPolicy.model_validate({"name": f"p{number}", **one}).rule for number, one in enumerate(policies)]


class Kept:
    """A store with stamped items, its documents and what deletes their payloads."""

    def __init__(self, *, database: Database, clock: ManualClock, folder: Path, sender: Sender) -> None:
        self.database = database
        self.clock = clock
        self.sender = sender
        self.content = ContentFolder(folder / "documents", limit=2**30)
        self.documents = Documents(database=database, folder=self.content, clock=clock)
        self.retention = Retention(database=database, clock=clock, documents=self.content)
        self.holds = Holds(database=database, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock, documents=self.content)
        self.authority = LocalAuthority.open(folder / "tsa", clock=clock, create=True)
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)

    async def open(self) -> None:
        await Directory(database=self.database, clock=self.clock).enrol(
            self.sender.jid, role=Role.PROBE, public_key=self.sender.key.verifying.text
        )
        await self.intake.open()
        await self.documents.open()

    async def commit(self, *items: ReceivedItem, stamped: bool = True) -> list[str]:
        delivery = self.sender.deliver(*items, received_at=self.clock.now())
        (answer,) = await self.intake.commit([delivery])
        assert answer.refused == []
        if stamped:
            await self.stamp()
        return [item.uuid for item in items]

    async def enqueue(self, uuid: str) -> None:
        """Let a consumer's queue wait for an item."""

        def work(connection: Connection) -> None:
            values = {"name": "rt", "owner": "rt@localhost", "created_at": 0}
            queue_id = connection.execute(insert(queue).values(values).returning(queue.c.id)).scalar_one()
            place = select(tables.item.c.chain_id, tables.item.c.log_index).where(tables.item.c.uuid == uuid)
            chain_id, log_index = connection.execute(place).one()
            row = {"chain_id": chain_id, "log_index": log_index, "queued_at": 0, "attempts": 0, "due_at": 0}
            connection.execute(insert(queue_item).values(row | {"queue_id": queue_id, "consumer": "", "reason": ""}))

        await self.database.write(work)

    async def stamp(self) -> None:
        while (batch := await self.proofs.close_batch(max_items=1_000)) is not None:
            token = await self.authority.stamp(batch.root)
            await self.proofs.store_token(batch=batch, tsa="local", external=False, token=token)

    async def store(self, data: bytes = LARGE) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield data

        await self.documents.receive(pieces(), content_type="text/plain", by=self.sender.jid)

    def large(self, **meta: Any) -> ReceivedItem:
        data = self.sender.item(**meta).data
        return ReceivedItem({**data, "payload": {"document": LARGE_ID}})

    async def run(self, wanted: Sequence[RetentionRule], *, limit: int = 2, dry: bool = False) -> dict[Fate, int]:
        found: dict[Fate, int] = {}
        after = None
        while (step := await self.retention.step(wanted, limit=limit, after=after, dry=dry)) is not None:
            after = step.after
            for (_, fate), count in step.fates.items():
                found[fate] = found.get(fate, 0) + count
        return found

    async def payload(self, uuid: str) -> dict[str, Any]:
        found: dict[str, Any] = (await Items(database=self.database).get(uuid))["payload"]
        return found

    async def bundle(self, uuid: str) -> bytes:
        return build_bundle(await self.proofs.bundle_contents(uuid))

    async def swept(self) -> list[tuple[str, str]]:
        sweep = Sweep(
            database=self.database,
            engine=ENGINE,
            clock=self.clock,
            roots={"local": self.authority.roots},
            document=document_check(self.content),
        )
        findings = []
        while (step := await sweep.step(limit=50)) is not None:
            findings += [(finding.kind, finding.text) for finding in step.findings]
            await sweep.save()
        return findings
