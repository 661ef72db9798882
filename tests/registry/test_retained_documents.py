"""Documents go with the last item that needs them, also when everything happens at once or breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert

from registry.content import ContentFolder
from registry.database import Database
from registry.document_tables import document_tombstone
from registry.documents import DeletedDocumentError, Documents
from registry.holds import HeldError
from tests.registry.conftest import Sender
from tests.registry.kept import ANNA, DAY, LARGE, LARGE_ID, Kept, rules
from tests.registry.payloads import change_payload
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.errors import RefusedError


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Sender) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


async def test_a_document_goes_with_the_last_item_that_refers_to_it(kept: Kept) -> None:
    await kept.store()
    one, other = kept.large(), kept.large(type="log")
    await kept.commit(one, other)
    kept.clock.advance(10 * DAY)
    await kept.run(rules({"type": "log", "keep": "1d"}))
    assert kept.content.size_of(LARGE_ID) == len(LARGE)
    # The other item's bytes must not come back in the bundle of the one that was deleted.
    contents = await kept.proofs.bundle_contents(other.uuid)
    assert (contents.payload, contents.deletion is not None) == (None, True)
    assert (await kept.proofs.bundle_contents(one.uuid)).payload == LARGE
    await kept.run(rules({"keep": "1d"}))
    assert kept.content.size_of(LARGE_ID) is None
    with pytest.raises(DeletedDocumentError, match="old enough"):
        await kept.documents.find(LARGE_ID)
    assert await kept.swept() == []


async def test_a_document_of_an_item_on_hold_cannot_be_deleted_by_hand(kept: Kept) -> None:
    await kept.store()
    (uuid,) = await kept.commit(kept.large())
    await kept.holds.hold(uuid, actor=ANNA, reason="a court wants it")
    with pytest.raises(HeldError, match="a court wants it"):
        await kept.documents.delete(LARGE_ID, by="admin", reason="room")
    await kept.holds.release(uuid, actor=ANNA)
    await kept.documents.delete(LARGE_ID, by="admin", reason="room")
    contents = await kept.proofs.bundle_contents(uuid)
    assert contents.deletion is not None
    assert (contents.deletion.by, contents.deletion.reason) == ("admin", "room")


async def test_what_went_with_its_document_keeps_the_reason_and_what_is_lost_is_never_called_deleted(
    kept: Kept, database: Database
) -> None:
    await kept.store()
    lost = kept.sender.item()
    (uuid, _) = await kept.commit(kept.large(), lost)
    await kept.documents.delete(LARGE_ID, by="admin", reason="room")
    await database.write(lambda connection: change_payload(connection, lost.uuid, None))
    kept.clock.advance(10 * DAY)
    assert await kept.run(rules({"keep": "1d"})) == {}
    assert (await kept.payload(uuid))["deleted"]["reason"] == "room"
    ((kind, text),) = await kept.swept()
    assert (kind, lost.uuid in text) == ("payload", True)
    with pytest.raises(RefusedError, match="not there"):
        await kept.retention.delete(uuid, actor=ANNA, reason="law")


async def test_a_start_finishes_a_deletion_that_a_crash_broke_off(kept: Kept, database: Database) -> None:
    await kept.store()
    (uuid,) = await kept.commit(kept.large())
    await kept.retention.delete(uuid, actor=ANNA, reason="law")
    # As if the crash had come after the commit and before the file went.
    path = kept.content.path_of(LARGE_ID)
    path.write_bytes(LARGE)
    await Documents(database=database, folder=kept.content, clock=kept.clock).open()
    assert not path.exists()


async def test_a_deletion_that_fails_deletes_nothing(
    kept: Kept, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.store()
    (uuid,) = await kept.commit(kept.large())
    # The tombstone's place is taken: the whole transaction goes back.
    row = {"sha256": LARGE_ID, "size": 1, "content_type": "", "created_at": 0, "created_by": "", "deleted_at": 0}
    await database.write(
        lambda connection: (
            connection.execute(
                insert(document_tombstone).values(row | {"deleted_by": "", "reason": "an earlier one"})
            )
            and None
        )
    )
    monkeypatch.setattr("registry.retention.record_audit", _fail)
    with pytest.raises(ZeroDivisionError):
        await kept.retention.delete(uuid, actor=ANNA, reason="law")
    assert kept.content.size_of(LARGE_ID) == len(LARGE)
    assert await kept.payload(uuid) == {"document": LARGE_ID}
    assert (await kept.proofs.bundle_contents(uuid)).payload == LARGE


def _fail(*_arguments: object, **_more: object) -> None:
    raise ZeroDivisionError


async def test_a_document_that_came_again_and_is_missing_is_not_excused_by_its_old_tombstone(kept: Kept) -> None:
    await kept.store()
    (uuid,) = await kept.commit(kept.large())
    await kept.documents.delete(LARGE_ID, by="admin", reason="room")
    assert await kept.swept() == []
    await kept.store()
    kept.content.remove(LARGE_ID)
    ((kind, text),) = await kept.swept()
    assert (kind, uuid in text) == ("payload", True)


async def test_many_deletions_and_uploads_at_once_lose_nothing(kept: Kept, store_url: str) -> None:
    """The same content comes and goes, as a hub and a command would do it: what is said to be there is there."""

    async def upload() -> None:
        for _ in range(10):
            await kept.store()

    async def remove(documents: Documents) -> None:
        for number in range(10):
            with contextlib.suppress(DeletedDocumentError):
                await documents.delete(LARGE_ID, by="admin", reason=f"round {number}")

    await kept.store()
    with Database(store_url) as another:
        elsewhere = Documents(database=another, folder=kept.content, clock=kept.clock)
        await asyncio.gather(upload(), upload(), remove(elsewhere), remove(kept.documents))
    try:
        await kept.documents.find(LARGE_ID)
    except DeletedDocumentError:
        assert kept.content.size_of(LARGE_ID) is None
    else:
        assert kept.content.size_of(LARGE_ID) == len(LARGE)


class SlowFolder(ContentFolder):
    """Removes a file only once it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, limit=2**30)
        self.removing, self.go_on = threading.Event(), threading.Event()

    def remove(self, sha256: str) -> bool:
        self.removing.set()
        assert self.go_on.wait(PATIENCE)
        return super().remove(sha256)


async def test_an_upload_waits_for_a_deletion_of_another_process(kept: Kept, store_url: str) -> None:
    await kept.store()
    slow = SlowFolder(kept.content.folder)
    with Database(store_url) as another:
        elsewhere = Documents(database=another, folder=slow, clock=kept.clock)
        deleting = asyncio.create_task(elsewhere.delete(LARGE_ID, by="admin", reason="room"))
        await asyncio.to_thread(slow.removing.wait, PATIENCE)
        uploading = asyncio.create_task(kept.store())
        # Without the lock it would be entered by now, and then lose its file.
        await asyncio.wait([uploading], timeout=0.3)
        slow.go_on.set()
        await asyncio.gather(deleting, uploading)
    assert kept.content.size_of((await kept.documents.find(LARGE_ID)).sha256) == len(LARGE)
