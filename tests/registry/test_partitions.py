"""Partitions of payloads on PostgreSQL: made ahead, taken over from the rest, and dropped when all in one is due."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from registry import partitions as module
from registry.audit import Audit, AuditFilter
from registry.database import Database
from registry.engines import parse_url
from registry.partition_dropping import PartitionRetention, PartitionRound
from registry.partitions import Partitions
from registry.payload_tables import item_payload
from tests.registry.conftest import RECEIVED_AT, Sender
from tests.registry.kept import ANNA, DAY, SECRET, Kept, rules
from tests.timing import PATIENCE
from vedette.canonical import sha256_hex
from vedette.clock import ManualClock
from vedette.evidence.retention import Fate
from vedette.evidence.verification import verify_bundle

ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
MIDNIGHT = RECEIVED_AT - RECEIVED_AT % module.DAY
KEEP = rules({"keep": "10d"})


@pytest.fixture
def partitions(database: Database, clock: ManualClock) -> Partitions:
    return Partitions(database=database, clock=clock)


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Sender) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


async def look(kept: Kept, wanted: Any = KEEP) -> PartitionRound:
    return await PartitionRetention(database=kept.database, clock=kept.clock).round(wanted)


async def count_of(database: Database, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table}")  # noqa: S608  # our own names
    return await database.read(lambda connection: int(connection.execute(query).scalar_one()))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_sqlite_has_none_and_keeps_working_as_it_did(partitions: Partitions, kept: Kept) -> None:
    assert await partitions.make_ahead(days=1) == []
    assert await partitions.all() == []
    (uuid,) = await kept.commit(kept.sender.item())
    kept.clock.advance(20 * DAY)
    assert await look(kept) == PartitionRound()
    assert await kept.run(KEEP) == {Fate.DUE: 1}
    assert (await kept.payload(uuid))["deleted"]["policy"] == "p0"


@ON_POSTGRESQL
async def test_they_are_made_a_week_ahead_side_by_side_and_once(partitions: Partitions, clock: ManualClock) -> None:
    made = await partitions.make_ahead(days=3)

    assert [(one.start - MIDNIGHT) // module.DAY for one in made] == [0, 3, 6]
    assert all(one.end - one.start == 3 * module.DAY for one in made)
    assert made[0].name == "item_payload_20261122"
    assert await partitions.make_ahead(days=3) == []
    clock.advance(5 * DAY)
    # Another width goes on where the last one ends.
    assert [one.start - made[-1].end for one in await partitions.make_ahead(days=30)] == [0]
    known = await partitions.all()
    assert [one.start for one in known[1:]] == [one.end for one in known[:-1]]


@ON_POSTGRESQL
async def test_a_gap_is_filled_and_no_more(partitions: Partitions, clock: ManualClock) -> None:
    clock.advance(4 * DAY)
    await partitions.make_ahead(days=7)
    clock.advance(-4 * DAY)

    (filled,) = await partitions.make_ahead(days=7)

    assert (filled.start, filled.end) == (MIDNIGHT, MIDNIGHT + 4 * module.DAY)


@ON_POSTGRESQL
async def test_while_another_process_makes_them_nothing_is_done(
    partitions: Partitions, database: Database, store_url: str
) -> None:
    with psycopg.connect(str(parse_url(store_url).set(drivername="postgresql"))) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [module._LOCK])
        assert await partitions.make_ahead(days=1) == []
    assert len(await partitions.make_ahead(days=1)) == 7


@ON_POSTGRESQL
async def test_what_came_before_its_partition_is_moved_there(kept: Kept, partitions: Partitions) -> None:
    early = await kept.commit(kept.sender.item(payload=SECRET), kept.sender.item())
    assert await count_of(kept.database, "item_payload_rest") == 2

    first, *_ = await partitions.make_ahead(days=1)

    late = await kept.commit(kept.sender.item())
    assert await count_of(kept.database, "item_payload_rest") == 0
    assert await count_of(kept.database, first.name) == 3
    assert await kept.swept() == []
    for uuid in (*early, *late):
        assert "raw" in await kept.payload(uuid)


@ON_POSTGRESQL
async def test_what_is_too_much_to_move_stays_in_the_rest_and_is_still_found(
    kept: Kept, partitions: Partitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOVED", 1)
    uuids = await kept.commit(kept.sender.item(), kept.sender.item())

    made = await partitions.make_ahead(days=1)

    assert made[0].start == MIDNIGHT + module.DAY
    assert await count_of(kept.database, "item_payload_rest") == 2
    kept.clock.advance(30 * DAY)
    assert await kept.run(KEEP) == {Fate.DUE: 2}
    assert (await kept.payload(uuids[0]))["deleted"]["reason"] == "old enough"


@ON_POSTGRESQL
async def test_a_partition_goes_whole_with_a_tombstone_for_each_item_and_proofs_stay(
    kept: Kept, partitions: Partitions
) -> None:
    first, *_ = await partitions.make_ahead(days=1)
    strange = {**kept.sender.item(payload=SECRET).data}
    strange["payload"]["note"] = "an unknown field that came within the payload"
    uuids = await kept.commit(
        kept.sender.item(payload=SECRET, source="acme.in.unstructured.court"),
        kept.sender.item(),
        type(kept.sender.item())(strange),
    )
    wanted = rules({"source": "acme.in.unstructured.court", "keep": "9d"}, {"keep": "10d"})
    kept.clock.advance(10.5 * DAY)

    found = await look(kept, wanted)

    # The days between the two policies have gone, too: they were empty.
    dropped, *_ = found.dropped
    assert (dropped.name, dropped.counts) == (first.name, {"p0": 1, "p1": 2})
    assert dropped.size == 2 * len(SECRET) + len(b"22/tcp open")
    assert first not in await partitions.all()
    payloads = [await kept.payload(uuid) for uuid in uuids]
    assert [one["deleted"]["policy"] for one in payloads] == ["p0", "p1", "p1"]
    assert {(one["deleted"]["by"], one["deleted"]["reason"]) for one in payloads} == {("retention", "old enough")}
    assert "note" not in payloads[2]
    assert await kept.swept() == []
    verdict = verify_bundle(await kept.bundle(uuids[0]), roots=kept.authority.roots, now=kept.clock.now())
    assert verdict.ok
    entries = await Audit(database=kept.database, clock=kept.clock).page(wanted=AuditFilter(action="item.delete"))
    said = {entry.object: entry.detail for entry in entries.entries}
    listed = sha256_hex("".join(f"{uuid}\n" for uuid in sorted(uuids[1:])).encode())
    assert said["p1"] == (
        f"2 payloads, {min(uuids[1:])} to {max(uuids[1:])}; SHA-256 of their uuids, sorted, one a line: {listed}"
    )
    assert await kept.run(wanted) == {}
    # The uuid is still taken.
    assert await count_of(kept.database, "item") == 3
    assert await count_of(kept.database, "item_payload") == 0


@ON_POSTGRESQL
@pytest.mark.parametrize("obstacle", ["hold", "unproved", "queued", "forever", "no rule"])
async def test_one_payload_that_must_stay_keeps_its_partition(
    kept: Kept, partitions: Partitions, obstacle: str
) -> None:
    first, *_ = await partitions.make_ahead(days=1)
    stays = kept.sender.item(source="court")
    uuid, other = await kept.commit(stays, kept.sender.item(), stamped=True)
    wanted = KEEP
    if obstacle == "hold":
        await kept.holds.hold(uuid, actor=ANNA, reason="a court wants it")
    elif obstacle == "unproved":
        await kept.commit(kept.sender.item(), stamped=False)
    elif obstacle == "queued":
        await kept.enqueue(uuid)
    elif obstacle == "forever":
        wanted = rules({"source": "court", "keep": "forever"}, {"keep": "10d"})
    else:
        wanted = rules({"type": "scan", "source": "elsewhere.#", "keep": "10d"})
    kept.clock.advance(10.5 * DAY)

    assert await look(kept, wanted) == PartitionRound()

    assert first in await partitions.all()
    assert await count_of(kept.database, "item_tombstone") == 0
    fates = await kept.run(wanted)
    assert fates.get(Fate.DUE, 0) == {"hold": 1, "unproved": 2, "queued": 1, "forever": 1, "no rule": 0}[obstacle]
    if obstacle == "hold":
        await kept.holds.release(uuid, actor=ANNA)
        assert [one.counts for one in (await look(kept)).dropped] == [{"p0": 1}]
        assert (await kept.payload(other))["deleted"]["policy"] == "p0"


@ON_POSTGRESQL
async def test_what_is_due_waits_for_a_partition_that_will_soon_go(kept: Kept, partitions: Partitions) -> None:
    first, *_ = await partitions.make_ahead(days=7)
    (early,) = await kept.commit(kept.sender.item())
    kept.clock.advance(5 * DAY)
    (late,) = await kept.commit(kept.sender.item())
    kept.clock.advance(6 * DAY)

    found = await look(kept)

    assert (found.dropped, found.waiting) == ([], [(first.start, first.end)])
    step = await kept.retention.step(KEEP, limit=10, spared=found.waiting)
    assert step is None
    kept.clock.advance(5 * DAY)
    assert [one.counts for one in (await look(kept)).dropped] == [{"p0": 2}]
    for uuid in (early, late):
        assert (await kept.payload(uuid))["deleted"]["policy"] == "p0"


@ON_POSTGRESQL
async def test_documents_of_a_partition_that_waits_go_on_time(kept: Kept, partitions: Partitions) -> None:
    first, *_ = await partitions.make_ahead(days=7)
    await kept.store()
    large, inline = kept.large(), kept.sender.item()
    await kept.commit(large, inline)
    kept.clock.advance(11 * DAY)

    step = await kept.retention.step(KEEP, limit=10, spared=[(first.start, first.end)])

    assert step is not None
    assert step.deleted == 1
    assert (await kept.payload(large.uuid))["deleted"]["policy"] == "p0"
    assert "raw" in await kept.payload(inline.uuid)


@ON_POSTGRESQL
async def test_who_reads_for_long_hinders_no_intake_and_is_waited_for_till_the_next_round(
    kept: Kept, partitions: Partitions, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT", "50ms")
    first, *_ = await partitions.make_ahead(days=1)
    await kept.commit(kept.sender.item())
    kept.clock.advance(10.5 * DAY)
    with psycopg.connect(str(parse_url(store_url).set(drivername="postgresql"))) as reader:
        reader.execute("SELECT count(*) FROM item_payload")
        found = await look(kept)
        assert (found.dropped, found.waiting) == ([], [(first.start, first.end)])
        assert "lock timeout" in found.busy[first.name]
        assert await count_of(kept.database, "item_tombstone") == 0
        await kept.commit(kept.sender.item())
    assert [one.name for one in (await look(kept)).dropped] == [first.name]


@ON_POSTGRESQL
async def test_the_intake_goes_on_while_a_partition_is_being_dropped(
    kept: Kept, partitions: Partitions, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT", f"{PATIENCE}s")
    first, *_ = await partitions.make_ahead(days=1)
    await kept.commit(kept.sender.item())
    kept.clock.advance(10.5 * DAY)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'retention_hold'::regclass"
    with psycopg.connect(str(parse_url(store_url).set(drivername="postgresql")), autocommit=True) as other:
        with other.transaction():
            other.execute("LOCK TABLE retention_hold IN ROW EXCLUSIVE MODE")
            dropping = asyncio.create_task(look(kept))
            async with asyncio.timeout(PATIENCE):
                while other.execute(waiting).fetchone() != (1,):
                    await asyncio.sleep(0.01)
            (uuid,) = await kept.commit(kept.sender.item())
            assert not dropping.done()
        assert [one.name for one in (await dropping).dropped] == [first.name]
    assert "raw" in await kept.payload(uuid)


@ON_POSTGRESQL
async def test_an_empty_partition_of_the_past_goes_silently(kept: Kept, partitions: Partitions) -> None:
    made = await partitions.make_ahead(days=1)
    kept.clock.advance(20 * DAY)

    found = await look(kept)

    assert [one.counts for one in found.dropped] == [{}] * len(made)
    assert await partitions.all() == []


@ON_POSTGRESQL
async def test_a_read_of_one_payload_looks_into_one_partition(kept: Kept, partitions: Partitions) -> None:
    await partitions.make_ahead(days=1)
    await kept.commit(*(kept.sender.item() for _ in range(3)))
    key = (item_payload.c.received_at == RECEIVED_AT) & (item_payload.c.chain_id == 1)
    query = select(item_payload.c.payload).where(key, item_payload.c.log_index == 1)
    compiled = query.compile(dialect=kept.database._writing.dialect, compile_kwargs={"literal_binds": True})
    plan = await kept.database.read(
        lambda connection: connection.execute(text(f"EXPLAIN {compiled}")).scalars().all()
    )
    assert sum("Scan" in line for line in plan) == 1, plan
