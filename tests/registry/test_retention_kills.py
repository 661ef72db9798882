"""A deletion that is killed at any moment: each payload is there as before, or gone with its tombstone."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.retention_tables import item_tombstone
from tests.registry.conftest import Sender
from tests.registry.kept import DAY, Kept, rules
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.messages.item import ReceivedItem

ITEMS = 60
WORKER = """
import asyncio, sys
from pathlib import Path
from registry.content import ContentFolder
from registry.database import Database
from registry.retention import Retention
from vedette.clock import ManualClock
from vedette.configuration.retention import RetentionPolicy

async def run(url, folder, now):
    rule = RetentionPolicy.model_validate({"name": "all", "keep": "1d"}).rule
    with Database(url) as database:
        documents = ContentFolder(Path(folder), limit=2**30)
        retention = Retention(database=database, clock=ManualClock(now=int(now)), documents=documents)
        after = None
        while (step := await retention.step([rule], limit=2, after=after)) is not None:
            after = step.after
            print(step.deleted, flush=True)

asyncio.run(run(*sys.argv[1:]))
"""


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Sender) -> Kept:
    """A store in which every second payload is a document."""
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    items = []
    for number in range(ITEMS):
        text, item = f"payload {number}".encode() * 50, sender.item(payload=f"payload {number}".encode() * 50)
        if number % 2:
            await store.store(text)
            items.append(ReceivedItem({**item.data, "payload": {"document": hashlib.sha256(text).hexdigest()}}))
        else:
            items.append(item)
    await store.commit(*items)
    clock.advance(10 * DAY)
    return store


@pytest.mark.parametrize("steps", [3, 17])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_kill_leaves_nothing_half_deleted(kept: Kept, store_url: str, steps: int) -> None:
    command = [sys.executable, "-c", WORKER, store_url, str(kept.content.folder), str(kept.clock.now())]
    worker = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    for _ in range(steps):
        assert await asyncio.wait_for(worker.stdout.readline(), PATIENCE)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    # What the next start of the hub does.
    folder = ContentFolder(kept.content.folder, limit=2**30)
    await Documents(database=kept.database, folder=folder, clock=kept.clock).open()
    deleted = await _deleted(kept)
    assert steps * 2 <= deleted <= ITEMS
    assert await kept.swept() == []
    found = await kept.run(rules({"keep": "1d"}), limit=100)
    assert sum(found.values()) == ITEMS - deleted
    assert await _deleted(kept) == ITEMS
    assert list(folder.ids()) == []


async def _deleted(kept: Kept) -> int:
    query = select(func.count()).select_from(item_tombstone)
    return int(await kept.database.read(lambda connection: connection.execute(query).scalar_one()))
