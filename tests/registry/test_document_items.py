"""Items that refer to a document: committed when it is stored, refused with advice when it is not."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry import tables
from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.intake import Intake
from registry.items import ItemFilter, Items
from registry.outbox import Outbox, OutboxFullError
from registry.payload_rows import is_inline
from registry.spool import Spool
from tests.registry.conftest import ENGINE, Sender
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.evidence.statement import read_statement
from vedette.messages.item import ReceivedItem

BODY = b"a large result" * 100_000
ID = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
async def documents(database: Database, tmp_path: Path, clock: ManualClock) -> Documents:
    folder = ContentFolder(tmp_path / "documents", limit=2**30)
    opened = Documents(database=database, folder=folder, clock=clock)
    await opened.open()
    return opened


async def store(documents: Documents) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield BODY

    await documents.receive(pieces(), content_type="text/plain", by="probe@localhost")


def item(sender: Sender, **meta: Any) -> ReceivedItem:
    data = sender.item().data
    return ReceivedItem({**data, "meta": data["meta"] | meta, "payload": {"document": ID}})


async def test_a_known_document_is_the_payload(
    intake: Intake, documents: Documents, database: Database, sender: Sender
) -> None:
    await store(documents)
    one = item(sender, sha256=ID, size=len(BODY))
    (committed,) = await intake.commit([sender.deliver(one)])
    assert [uuid for uuid, _, _ in committed.committed] == [one.uuid]
    items = Items(database=database)
    assert await items.get(one.uuid) == one.data
    (summary,) = (await items.page(wanted=ItemFilter())).items
    assert (summary.size, summary.payload_sha256) == (len(BODY), ID)
    query = select(tables.item.c.statement, is_inline().label("inline"))
    row = await database.read(lambda connection: connection.execute(query).one())
    statement = read_statement(row.statement)
    assert (statement.payload_sha256, statement.size, statement.engine) == (ID, len(BODY), ENGINE)
    assert not row.inline


async def test_an_unknown_document_is_refused_and_taken_once_it_is_there(
    intake: Intake, documents: Documents, sender: Sender
) -> None:
    one, other = item(sender), sender.item()
    delivery = sender.deliver(one, other)
    (first,) = await intake.commit([delivery])
    ((uuid, field, reason),) = first.refused
    assert (uuid, field) == (one.uuid, "payload.document")
    assert "upload it" in reason
    assert [entry[0] for entry in first.committed] == [other.uuid]
    await store(documents)
    (second,) = await intake.commit([delivery])
    assert (second.refused, second.duplicates) == ([], 1)


async def test_a_deleted_document_is_unknown_but_its_items_stay(
    intake: Intake, documents: Documents, database: Database, sender: Sender
) -> None:
    await store(documents)
    before, after = item(sender), item(sender)
    await intake.commit([sender.deliver(before)])
    await documents.delete(ID, by="admin", reason="personal data")
    (answer,) = await intake.commit([sender.deliver(after), sender.deliver(before)][:1])
    assert [uuid for uuid, _, _ in answer.refused] == [after.uuid]
    payload = (await Items(database=database).get(before.uuid))["payload"]
    assert (payload["document"], payload["deleted"]["by"]) == (ID, "admin")
    assert payload["deleted"]["reason"] == "personal data"


async def test_a_wrong_size_or_hash_is_refused(intake: Intake, documents: Documents, sender: Sender) -> None:
    await store(documents)
    (answer,) = await intake.commit([sender.deliver(item(sender, size=len(BODY) - 1))])
    assert [field for _, field, _ in answer.refused] == ["meta.size"]
    with pytest.raises(RefusedError, match=r"meta\.sha256"):
        item(sender, sha256="0" * 64)


class Box:
    """An outbox with its spool."""

    def __init__(self, folder: Path, *, limit_bytes: int = 10**9) -> None:
        self.outbox = Outbox(
            folder / "agent.db",
            agent="probe@localhost",
            clock=ManualClock(),
            limit_items=100,
            limit_bytes=limit_bytes,
        )
        self.spool = Spool(folder / "agent.documents", outbox=self.outbox)

    async def add(self, sender: Sender, **meta: Any) -> dict[str, Any]:
        file = self.spool.folder / "output"
        file.write_bytes(BODY)
        return await self.spool.add(item(sender, sha256=ID, size=len(BODY), **meta).data, file)

    def files(self) -> list[str]:
        return [path.name for path in self.spool.folder.parent.rglob("*") if path.is_file()]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    box = Box(tmp_path)
    await box.outbox.open()
    await box.spool.open()
    yield box
    await box.outbox.close()


async def test_an_item_waits_for_its_document_and_nothing_else_waits_for_it(box: Box, sender: Sender) -> None:
    large = await box.add(sender)
    await box.outbox.add([sender.item().data])
    (small,) = await box.outbox.next_batch(max_items=10, max_bytes=10**9)
    assert small.seq == 1
    waiting = await box.outbox.to_upload()
    assert waiting is not None
    assert (waiting.sha256, waiting.uuids) == (ID, [large["meta"]["uuid"]])
    await box.outbox.uploaded(ID)
    assert await box.outbox.to_upload() is None
    assert len(await box.outbox.next_batch(max_items=10, max_bytes=10**9)) == 2


async def test_one_file_serves_all_items_and_goes_with_the_last(box: Box, sender: Sender) -> None:
    items = [await box.add(sender) for _ in range(2)]
    assert len(box.files()) == 1
    receipt = sender.deliver(count=1).signed
    assert receipt is not None
    await box.outbox.confirm(receipt, [items[0]["meta"]["uuid"]])
    assert await box.spool.tidy() == 0
    await box.outbox.confirm(receipt, [items[1]["meta"]["uuid"]])
    assert await box.spool.tidy() == 1
    assert box.files() == []


async def test_a_full_outbox_counts_documents_and_leaves_no_file(tmp_path: Path, sender: Sender) -> None:
    box = Box(tmp_path, limit_bytes=len(BODY) * 3 // 2)
    await box.outbox.open()
    await box.spool.open()
    await box.add(sender)
    with pytest.raises(OutboxFullError):
        await box.add(sender)
    assert len(box.files()) == 1
    await box.outbox.close()


async def test_a_dead_letter_keeps_its_document_and_is_uploaded_again_after_a_replay(
    box: Box, sender: Sender
) -> None:
    stored = await box.add(sender)
    uuid = stored["meta"]["uuid"]
    for _ in range(5):
        await box.outbox.refuse(uuid, "payload.document", "no")
    assert [letter.uuid for letter in await box.outbox.dead_letters()] == [uuid]
    assert await box.spool.tidy() == 0
    await box.outbox.replay(uuid)
    waiting = await box.outbox.to_upload()
    assert waiting is not None
    assert waiting.uuids == [uuid]
