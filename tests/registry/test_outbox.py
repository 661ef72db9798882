"""The outbox keeps everything until it is confirmed, over crashes, and says so when it cannot."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.outbox import NotInOutboxError, Outbox, OutboxFullError
from registry.receipts import read_receipts
from vedette.canonical import canonical_json, parse_json
from vedette.clock import ManualClock
from vedette.errors import ConflictError, RefusedError, StoreError
from vedette.messages.batch import Signed
from vedette.messages.item import ReceivedItem

AGENT = "probe@localhost"


def item(*, uuid: str | None = None, payload: bytes = b"open") -> dict[str, Any]:
    return {
        "version": "1",
        "format": "text",
        "meta": {"uuid": uuid or str(uuid4()), "ts": 1_795_305_600, "type": "scan"},
        "payload": {"raw": base64.b64encode(payload).decode()},
    }


def receipt(text: str = "{}") -> Signed:
    return Signed(text=text, signature="c2lnbmF0dXJl")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def make(path: Path, clock: ManualClock, *, limit_items: int = 1000, limit_bytes: int = 10_000_000) -> Outbox:
    return Outbox(path, agent=AGENT, clock=clock, limit_items=limit_items, limit_bytes=limit_bytes, max_attempts=3)


@pytest.fixture
async def outbox(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Outbox]:
    opened = make(tmp_path / "outbox.db", clock)
    await opened.open()
    yield opened
    await opened.close()


async def waiting(outbox: Outbox) -> list[str]:
    return [entry.uuid for entry in await outbox.next_batch(max_items=1000, max_bytes=10_000_000)]


async def test_items_are_numbered_without_gaps_and_travel_as_they_were_stored(outbox: Outbox) -> None:
    first = await outbox.add([item(), item()])
    second = await outbox.add([item()])

    assert [data["meta"]["origin_seq"] for data in first + second] == [0, 1, 2]
    assert {data["meta"]["agent"] for data in first} == {AGENT}
    batch = await outbox.next_batch(max_items=10, max_bytes=100_000)
    assert [parse_json(entry.data) for entry in batch] == first + second
    assert [entry.digest for entry in batch] == [ReceivedItem(data).digest.hex() for data in first + second]
    assert [entry.data for entry in batch] == [canonical_json(data) for data in first + second]


async def test_concurrent_adds_share_commits_and_leave_no_gap(outbox: Outbox) -> None:
    added = await asyncio.gather(*(outbox.add([item(), item()]) for _ in range(50)))

    numbers = [data["meta"]["origin_seq"] for pair in added for data in pair]
    assert sorted(numbers) == list(range(100))
    assert all(pair[1]["meta"]["origin_seq"] == pair[0]["meta"]["origin_seq"] + 1 for pair in added)


async def test_a_refused_add_among_concurrent_ones_takes_no_number(outbox: Outbox) -> None:
    wrong = item()
    wrong["payload"] = {"raw": "not base64!"}

    results = await asyncio.gather(
        outbox.add([item()]), outbox.add([item(), wrong]), outbox.add([item()]), return_exceptions=True
    )

    assert isinstance(results[1], RefusedError)
    batch = await outbox.next_batch(max_items=10, max_bytes=100_000)
    assert [entry.seq for entry in batch] == [0, 1]


async def test_the_same_uuid_cannot_wait_twice(outbox: Outbox) -> None:
    data = item()
    await outbox.add([data])

    with pytest.raises(ConflictError):
        await outbox.add([item(), data])
    assert (await outbox.status()).items == 1


@pytest.mark.parametrize("limits", [{"limit_items": 3}, {"limit_bytes": 700}])
async def test_a_full_outbox_stores_nothing_and_takes_more_after_a_receipt(
    tmp_path: Path, clock: ManualClock, limits: dict[str, int]
) -> None:
    outbox = make(tmp_path / "small.db", clock, **limits)
    await outbox.open()
    stored = await outbox.add([item(), item()])

    with pytest.raises(OutboxFullError, match="full"):
        await outbox.add([item(), item()])
    assert (await outbox.status()).items == 2

    await outbox.confirm(receipt(), [data["meta"]["uuid"] for data in stored])
    again = await outbox.add([item(), item()])
    assert [data["meta"]["origin_seq"] for data in again] == [2, 3]
    await outbox.close()


async def test_a_batch_respects_its_limits_and_what_is_on_its_way(outbox: Outbox) -> None:
    await outbox.add([item(payload=b"x" * 1000) for _ in range(10)])

    async def numbers(**arguments: Any) -> list[int]:
        wanted = {"max_items": 100, "max_bytes": 1_000_000, **arguments}
        return [entry.seq for entry in await outbox.next_batch(**wanted)]

    assert await numbers(max_items=3) == [0, 1, 2]
    assert await numbers(max_bytes=4000) == [0, 1]
    assert await numbers(max_bytes=1) == [0]
    assert await numbers(after=7) == [8, 9]
    assert await numbers(max_items=2, exclude={0, 2}) == [1, 3]


async def test_confirmed_items_are_forgotten_and_the_receipt_is_kept(outbox: Outbox) -> None:
    first, second = await outbox.add([item(), item()])

    assert await outbox.confirm(receipt("one"), [first["meta"]["uuid"]]) == 1
    assert await outbox.confirm(receipt("one"), [first["meta"]["uuid"]]) == 0

    assert await waiting(outbox) == [second["meta"]["uuid"]]
    assert await outbox.receipts() == [receipt("one")]
    assert await outbox.drop_receipts([receipt("one").sha256]) == 1
    assert (await outbox.status()).receipts == 0


async def test_the_newest_receipt_of_each_engine_stays(outbox: Outbox, tmp_path: Path) -> None:
    def of(engine: str, head: int) -> Signed:
        return receipt(canonical_json({"engine": engine, "head": head}).decode())

    first, second, other, third = of("one@x", 1), of("one@x", 2), of("two@x", 1), of("one@x", 3)
    for signed in (first, second, other):
        await outbox.confirm(signed, [])
    assert await outbox.drop_receipts([first.sha256, second.sha256, other.sha256, other.sha256]) == 3
    assert await outbox.drop_receipts([second.sha256]) == 0
    assert (await outbox.receipts(), (await outbox.status()).receipts) == ([], 0)
    assert read_receipts(tmp_path / "outbox.db") == [second, other]

    await outbox.confirm(third, [])
    assert await outbox.receipts() == [third]
    assert read_receipts(tmp_path / "outbox.db") == [second, other, third]
    assert await outbox.drop_receipts([third.sha256]) == 1
    assert read_receipts(tmp_path / "outbox.db") == [other, third]


async def test_a_refused_item_waits_longer_each_time_then_is_a_dead_letter(
    outbox: Outbox, clock: ManualClock
) -> None:
    poison, good = await outbox.add([item(), item()])
    uuid = poison["meta"]["uuid"]

    assert not await outbox.refuse(uuid, "format", "unknown")
    assert await waiting(outbox) == [good["meta"]["uuid"]]
    clock.advance(2)
    assert await waiting(outbox) == [uuid, good["meta"]["uuid"]]
    assert not await outbox.refuse(uuid, "format", "unknown")
    clock.jump(-3600)
    assert uuid in await waiting(outbox), "a clock put back must not hold an item for an hour"
    assert await outbox.refuse(uuid, "format", "unknown")

    (letter,) = await outbox.dead_letters()
    assert (letter.uuid, letter.field, letter.reason, letter.attempts) == (uuid, "format", "unknown", 3)
    assert parse_json(letter.data) == poison
    assert await waiting(outbox) == [good["meta"]["uuid"]]
    with pytest.raises(ConflictError, match="dead letter"):
        await outbox.add([poison])


async def test_a_dead_letter_is_replayed_or_discarded_with_a_tombstone(outbox: Outbox) -> None:
    for data in await outbox.add([item(uuid=str(uuid4())), item()]):
        for _ in range(3):
            await outbox.refuse(data["meta"]["uuid"], "meta", "wrong")
    first, second = await outbox.dead_letters()

    await outbox.replay(first.uuid)
    await outbox.discard(second.uuid, "known bug in the parser")

    assert await waiting(outbox) == [first.uuid]
    status = await outbox.status()
    assert (status.items, status.dead_letters, status.discarded) == (1, 0, 1)
    for gone in (first.uuid, second.uuid):
        with pytest.raises(NotInOutboxError):
            await outbox.replay(gone)


async def test_the_age_of_the_oldest_item_is_told(outbox: Outbox, clock: ManualClock) -> None:
    assert (await outbox.status()).oldest == 0
    await outbox.add([item()])
    clock.advance(90)

    status = await outbox.status()
    assert (status.items, status.oldest, status.next_seq) == (1, 90_000_000, 1)
    assert status.size > 100


async def test_reopening_continues_the_epoch_and_the_numbers(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "outbox.db"
    outbox = make(path, clock)
    await outbox.open()
    epoch = outbox.epoch
    (data,) = await outbox.add([item()])
    await outbox.confirm(receipt(), [data["meta"]["uuid"]])
    await outbox.close()

    again = make(path, clock)
    await again.open()
    (later,) = await again.add([item()])
    assert (again.epoch, later["meta"]["origin_seq"]) == (epoch, 1)
    await again.close()
    assert path.stat().st_mode & 0o777 == 0o600

    other = make(tmp_path / "other.db", clock)
    await other.open()
    assert other.epoch != epoch
    await other.close()


async def test_what_another_process_changes_is_counted(tmp_path: Path, clock: ManualClock) -> None:
    first = make(tmp_path / "outbox.db", clock, limit_items=2)
    second = make(tmp_path / "outbox.db", clock, limit_items=2)
    await first.open()
    await second.open()

    await first.add([item()])
    (data,) = await second.add([item()])

    assert data["meta"]["origin_seq"] == 1
    with pytest.raises(OutboxFullError):
        await first.add([item()])
    await first.close()
    await second.close()


async def test_a_damaged_file_is_named(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(os.urandom(8192))

    with pytest.raises(StoreError, match=r"broken\.db: the outbox is damaged"):
        await make(path, clock).open()


async def test_a_torn_page_is_found_on_opening(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "torn.db"
    outbox = make(path, clock)
    await outbox.open()
    await outbox.add([item(payload=b"x" * 2000) for _ in range(20)])
    await outbox.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))

    with pytest.raises(StoreError, match=r"torn\.db: the outbox is damaged"):
        await make(path, clock).open()


async def test_other_files_are_not_taken_for_an_outbox(tmp_path: Path, clock: ManualClock) -> None:
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE something (x)")
    connection.close()
    with pytest.raises(StoreError, match="not an outbox"):
        await make(database, clock).open()

    with pytest.raises(StoreError, match="cannot be opened"):
        await make(tmp_path / "missing" / "outbox.db", clock).open()

    foreign = Outbox(tmp_path / "foreign.db", agent="b@x", clock=clock, limit_items=1, limit_bytes=1)
    await foreign.open()
    await foreign.close()
    with pytest.raises(StoreError, match=r"the outbox of b@x"):
        await make(tmp_path / "foreign.db", clock).open()


async def test_a_closed_outbox_says_so(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(StoreError, match="not open"):
        await make(tmp_path / "outbox.db", clock).add([item()])


CRASHER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from registry.outbox import Outbox
from vedette.clock import SystemClock
import uuid

async def main():
    outbox = Outbox(
        Path(sys.argv[1]), agent="probe@localhost", clock=SystemClock(), limit_items=10**6, limit_bytes=10**9
    )
    await outbox.open()
    while True:
        made = [{"version": "1", "format": "t", "meta": {"uuid": str(uuid.uuid4()), "ts": 1, "type": "scan"},
                 "payload": {"raw": "eA=="}} for _ in range(7)]
        for data in await outbox.add(made):
            print(data["meta"]["origin_seq"], flush=True)

asyncio.run(main())
"""


def kill_while_adding(path: Path, *, after: int) -> int:
    """Kill a process that adds and prints what was acknowledged; returns the last acknowledged number."""
    command = [sys.executable, "-c", CRASHER, str(path), str(Path(__file__).parents[2])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= after:
                break
        child.send_signal(signal.SIGKILL)
        rest = [line for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    return max(after, *(int(line) for line in rest), after)


async def test_what_was_added_survives_kill_9(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "outbox.db"
    acknowledged = 0
    for _ in range(3):
        acknowledged = kill_while_adding(path, after=acknowledged + 50)

    outbox = make(path, clock)
    await outbox.open()
    stored = [entry.seq for entry in await outbox.next_batch(max_items=10**6, max_bytes=10**9)]
    assert stored == list(range(len(stored)))
    assert len(stored) > acknowledged
    assert len(stored) % 7 == 0
    assert (await outbox.status()).next_seq == len(stored)
    await outbox.close()
