"""A hold and what deletes payloads exclude each other: nobody is told that a payload stays which is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from registry import partitions as module
from registry.database import Database
from registry.engines import parse_url
from registry.partition_dropping import PartitionRetention
from registry.partitions import Partitions
from tests.registry.conftest import Sender
from tests.registry.kept import ANNA, DAY, Kept, rules
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.errors import RefusedError

ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
WAITING = "SELECT mode FROM pg_locks WHERE NOT granted AND relation = '{}'::regclass"
KEEP = rules({"keep": "10d"})


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Sender) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


async def waits(other: psycopg.Connection, table: str, mode: str) -> None:
    """Wait until somebody waits for a lock on a table."""
    async with asyncio.timeout(PATIENCE):
        while (mode,) not in other.execute(WAITING.format(table).encode()).fetchall():
            await asyncio.sleep(0.01)


@ON_POSTGRESQL
async def test_a_hold_waits_for_a_drop_and_is_refused_and_the_writer_is_free(
    kept: Kept, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT", f"{PATIENCE}s")
    first, *_ = await Partitions(database=kept.database, clock=kept.clock).make_ahead(days=1)
    (uuid,) = await kept.commit(kept.sender.item())
    kept.clock.advance(10.5 * DAY)
    place = str(parse_url(store_url).set(drivername="postgresql"))
    with psycopg.connect(place) as reader, psycopg.connect(place, autocommit=True) as other:
        # Given a drop that has looked at what is on hold, and waits for a reader
        reader.execute("SELECT count(*) FROM item_payload")
        retention = PartitionRetention(database=kept.database, clock=kept.clock)
        dropping = asyncio.create_task(retention.round(KEEP))
        await waits(other, "item_payload", "AccessExclusiveLock")
        # When somebody wants a payload in it kept
        holding = asyncio.create_task(kept.holds.hold(uuid, actor=ANNA, reason="a court wants it"))
        await waits(other, "retention_hold", "RowExclusiveLock")
        # Then the writer is free meanwhile, and who came too late is told so
        await kept.database.write(lambda connection: connection.execute(text("SELECT 1")) and None)
        assert not holding.done()
        reader.rollback()
        assert [one.name for one in (await dropping).dropped] == [first.name]
        with pytest.raises(RefusedError, match="deleted already"):
            await holding
    assert await kept.holds.all() == []


@ON_POSTGRESQL
async def test_a_deletion_waits_for_a_hold_and_is_refused(kept: Kept, store_url: str) -> None:
    (uuid,) = await kept.commit(kept.sender.item())
    with psycopg.connect(str(parse_url(store_url).set(drivername="postgresql")), autocommit=True) as other:
        with other.transaction():
            # Another process puts it on hold.
            other.execute("INSERT INTO retention_hold VALUES (%s, 0, 'user eve', 'mine')", (uuid,))
            deleting = asyncio.create_task(kept.retention.delete(uuid, actor=ANNA, reason="asked for by Jane"))
            await waits(other, "retention_hold", "ShareLock")
        with pytest.raises(RefusedError, match="on hold"):
            await deleting
    assert "raw" in await kept.payload(uuid)
