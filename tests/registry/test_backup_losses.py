"""What is gone after a restore, by what the senders kept."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from registry.backup_finish import OldStore
from registry.backup_losses import LossSearch
from registry.database import Database
from registry.outbox import Outbox
from tests.registry.backing_up import Filled
from tests.registry.restoring import put_back


@pytest.fixture
async def filled(store_url: str, tmp_path: Path) -> AsyncIterator[Filled]:
    """A store of 30 items, in both databases."""
    made = Filled(url=store_url, folder=tmp_path)
    await made.open()
    await made.commit(30)
    yield made
    made.close()


async def outbox_of(filled: Filled, path: Path, *, waiting: int) -> None:
    """Make the sender's outbox as it would be: all numbers given, receipts kept, `waiting` not yet confirmed."""
    outbox = Outbox(path, agent=filled.sender.jid, clock=filled.clock, limit_items=1000, limit_bytes=10_000_000)
    await outbox.open()
    for signed in filled.receipts:
        await outbox.confirm(signed, [])
    await outbox.close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE fact SET value = 'e1' WHERE name = 'epoch'")
        file.execute("UPDATE fact SET value = ? WHERE name = 'next_seq'", (len(filled.uuids) + waiting,))
        for number in range(waiting):
            file.execute(
                "INSERT INTO item (seq, uuid, digest, size, added_at, data) VALUES (?, ?, '', 0, 0, '')",
                (len(filled.uuids) + number, f"w{number}"),
            )


async def test_receipts_and_numbers_tell_what_is_gone_where_the_old_store_cannot(
    filled: Filled, tmp_path: Path
) -> None:
    manifest = filled.backup(tmp_path / "copy")
    await filled.commit(4)
    await filled.commit(3)
    epoch, gone = filled.intake.epoch, filled.uuids[30:]
    kept, filled.receipts = list(filled.receipts), filled.receipts[:1] + filled.receipts[2:]
    await outbox_of(filled, tmp_path / "probe.db", waiting=2)
    (tmp_path / "junk.db").write_bytes(b"junk" * 500)
    filled.database.close()
    put_back(filled, tmp_path / "copy", manifest, old=OldStore())

    with Database(filled.url) as database:
        search = LossSearch(database=database, restored=manifest.logs, old=OldStore())
        search.visit(tmp_path / "probe.db")
        search.visit(tmp_path / "junk.db")
        losses = search.result()
    assert len(kept) == 3
    (lost,) = losses.logs
    # The receipt for the first four was dropped with their proof; the next one tells that they were there.
    assert (lost.epoch, lost.first, lost.last, lost.unknown) == (epoch, 30, 36, 4)
    assert [uuid for _, uuid in lost.items] == gone[4:]
    (numbers,) = losses.numbers
    assert (numbers.agent, numbers.ranges, numbers.count) == (filled.sender.jid, ((30, 36),), 7)
    assert losses.waiting == {filled.sender.jid: 2}
    assert len(losses.notes) == 1
    assert "junk.db" in losses.notes[0]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_restored_tail_that_nobody_lost_is_not_called_lost(filled: Filled, tmp_path: Path) -> None:
    await outbox_of(filled, tmp_path / "probe.db", waiting=0)
    manifest = filled.backup(tmp_path / "copy")
    filled.database.close()
    put_back(filled, tmp_path / "copy", manifest)
    with Database(filled.url) as database:
        search = LossSearch(database=database, restored=manifest.logs, old=OldStore())
        search.visit(tmp_path / "probe.db")
        losses = search.result()
    assert (losses.logs, losses.numbers, losses.elsewhere, losses.waiting, losses.notes) == ((), (), (), {}, ())
