"""The intake stores each item once, in a gapless chain, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from registry import chain as chains
from registry import tables
from registry.database import Database
from registry.intake import Intake
from registry.refusals import Refusal, Refusals, record_refusals
from vedette.clock import ManualClock
from vedette.errors import RefusedError, StoreError
from vedette.evidence.statement import read_statement
from vedette.messages.item import ReceivedItem

DAY = 86_400 * 1_000_000


def check_chains(connection: Connection) -> int:
    """Recompute every chain from its statements; returns how many items there are."""
    total = 0
    for chain in connection.execute(select(tables.chain)).all():
        query = select(tables.item.c.log_index, tables.item.c.uuid, tables.item.c.statement)
        rows = connection.execute(
            query.where(tables.item.c.chain_id == chain.id).order_by(tables.item.c.log_index)
        ).all()
        assert [row.log_index for row in rows] == list(range(chain.next_index))
        head = bytes(32)
        for row in rows:
            statement = read_statement(row.statement)
            place = (statement.engine, statement.epoch, statement.log_index, statement.uuid)
            assert place == (chain.engine, chain.epoch, row.log_index, row.uuid)
            head = hashlib.sha256(head + hashlib.sha256(row.statement).digest()).digest()
        assert head == chain.head
        total += len(rows)
    return total


async def test_items_get_consecutive_indexes_over_all_deliveries_of_a_commit(
    intake: Intake, database: Database, make_sender: Callable[[str], Any]
) -> None:
    first, second = make_sender("a@x").deliver(count=3), make_sender("b@x").deliver(count=2)

    one, two = await intake.commit([first, second])

    assert one.committed == [(item.uuid, item.digest.hex(), place) for place, item in enumerate(first.items)]
    assert [index for _, _, index in two.committed] == [3, 4]
    assert (one.log_index, two.log_index) == (2, 4)
    assert one.head != two.head
    assert await database.read(check_chains) == 5
    stored = await database.read(lambda connection: connection.execute(select(tables.chain.c.head)).scalar_one())
    assert two.head == stored.hex()


async def test_a_duplicate_is_confirmed_with_its_old_index_and_stored_once(
    intake: Intake, database: Database, sender: Any
) -> None:
    delivery = sender.deliver(count=2)
    (first,) = await intake.commit([delivery])

    again, twice = await intake.commit([delivery, delivery])

    assert again.committed == twice.committed == first.committed
    assert (again.duplicates, again.log_index, again.head) == (2, first.log_index, first.head)
    assert await database.read(check_chains) == 2


async def test_a_duplicate_inside_one_call_is_stored_once(intake: Intake, database: Database, sender: Any) -> None:
    item = sender.item()

    (result,) = await intake.commit([sender.deliver(item, item)])

    assert [index for _, _, index in result.committed] == [0, 0]
    assert result.duplicates == 1
    assert await database.read(check_chains) == 1


@pytest.mark.parametrize("earlier_call", [True, False])
async def test_the_same_uuid_with_another_content_is_refused_and_visible(
    intake: Intake, database: Database, sender: Any, earlier_call: bool
) -> None:
    item = sender.item()
    changed = sender.item(uuid=item.uuid, payload=b"nothing to see here")
    good = sender.item()
    first, second = sender.deliver(item), sender.deliver(changed, good)

    if earlier_call:
        await intake.commit([first])
        (result,) = await intake.commit([second])
    else:
        _, result = await intake.commit([first, second])

    ((uuid, field, reason),) = result.refused
    assert (uuid, field) == (item.uuid, "meta.uuid")
    assert "another content" in reason
    assert [uuid for uuid, _, _ in result.committed] == [good.uuid]
    (refusal,) = await Refusals(database=database).last()
    assert (refusal.sender, refusal.uuid, refusal.reason) == (sender.jid, item.uuid, reason)
    assert await database.read(check_chains) == 2


async def test_another_agents_uuid_is_a_conflict(
    intake: Intake, sender: Any, make_sender: Callable[[str], Any]
) -> None:
    item = sender.item()
    thief = make_sender("thief@x")
    stolen = thief.item(uuid=item.uuid)

    _, result = await intake.commit([sender.deliver(item), thief.deliver(stolen)])

    assert result.committed == []
    assert "another agent" in result.refused[0][2]


async def test_an_item_that_names_another_agent_is_refused(intake: Intake, sender: Any) -> None:
    (result,) = await intake.commit([sender.deliver(sender.item(agent="somebody@else"))])

    assert [(field, "somebody@else" in reason) for _, field, reason in result.refused] == [("meta.agent", True)]


async def test_an_unknown_document_is_refused(intake: Intake, sender: Any) -> None:
    data = sender.item().data | {"payload": {"document": "ab" * 32}}

    (result,) = await intake.commit([sender.deliver(ReceivedItem(data))])

    assert [field for _, field, _ in result.refused] == ["payload.document"]
    assert result.log_index == -1
    assert result.head == "00" * 32


@pytest.mark.parametrize("field", ["type", "target", "source", "check", "verdict"])
async def test_what_postgresql_cannot_keep_is_refused_on_both(intake: Intake, sender: Any, field: str) -> None:
    good = sender.item()

    (result,) = await intake.commit([sender.deliver(sender.item(**{field: "a\0b"}), good)])

    assert [name for _, name, _ in result.refused] == [f"meta.{field}"]
    assert [uuid for uuid, _, _ in result.committed] == [good.uuid]


async def test_an_unsigned_item_is_kept_and_marked(intake: Intake, database: Database, sender: Any) -> None:
    data = sender.item().data
    bare = ReceivedItem({**data, "meta": {name: data["meta"][name] for name in ("uuid", "ts", "type")}})

    await intake.commit([sender.send_unsigned(bare)])

    row = await database.read(lambda connection: connection.execute(select(tables.item)).one())
    assert (row.unsigned, row.agent, row.manifest_sha256) == (True, sender.jid, None)
    assert read_statement(row.statement).manifest_sha256 == ""


@pytest.mark.parametrize(
    ("meta", "skewed"),
    [
        ({}, False),
        ({"ts": 0}, True),
        ({"ts": 4_102_444_800}, True),
        ({"ts": 1_795_305_600 - 86_401}, True),
        ({"ts": 1_795_305_600 - 86_399}, False),
        ({"collected_at": 1_795_305_600_000_000 + DAY + 1}, True),
        ({"collected_at": 1_795_305_600_000_000 - DAY}, False),
        ({"ts": 2**53 - 1, "collected_at": -(2**53) + 1}, True),
    ],
)
async def test_a_wrong_clock_is_kept_and_marked(
    intake: Intake, database: Database, sender: Any, meta: dict[str, int], skewed: bool
) -> None:
    (result,) = await intake.commit([sender.deliver(sender.item(**meta))])

    assert len(result.committed) == 1
    assert (
        await database.read(lambda connection: connection.execute(select(tables.item.c.skew)).scalar_one()) is skewed
    )


async def test_concurrent_commits_leave_no_gap(
    intake: Intake, database: Database, make_sender: Callable[[str], Any]
) -> None:
    deliveries = [make_sender(f"p{place}@x").deliver(count=5) for place in range(20)]

    results = await asyncio.gather(*(intake.commit([delivery]) for delivery in deliveries + deliveries[:5]))

    indexes = {index for (result,) in results for _, _, index in result.committed}
    assert indexes == set(range(100))
    assert await database.read(check_chains) == 100


async def test_two_engines_on_one_store_keep_chains_apart_and_see_each_others_items(
    store_url: str, clock: ManualClock, make_sender: Callable[[str], Any]
) -> None:
    deliveries = [make_sender(f"p{place}@x").deliver(count=4) for place in range(10)]
    with Database(store_url) as one, Database(store_url) as two:
        engines = [
            Intake(database=database, engine=f"e{place}@x", clock=clock) for place, database in enumerate((one, two))
        ]
        for engine in engines:
            await engine.open()
        commits = [engine.commit([delivery]) for delivery in deliveries for engine in engines]

        results = await asyncio.gather(*commits)

        assert sum(result.duplicates for (result,) in results) == 40
        assert await one.read(check_chains) == 40


async def test_a_failing_transaction_moves_nothing(intake: Intake, database: Database, sender: Any) -> None:
    await intake.commit([sender.deliver(count=1)])
    damaged = sender.item()
    damaged.payload_sha256 = None

    with pytest.raises(AttributeError):
        await intake.commit([sender.deliver(count=3), sender.send_unsigned(damaged)])
    unstorable = sender.item()
    unstorable.payload = ["not", "bytes"]
    with pytest.raises((StoreError, TypeError)):
        await intake.commit([sender.deliver(count=3), sender.send_unsigned(unstorable)])

    (result,) = await intake.commit([sender.deliver(count=1)])
    assert result.log_index == 1
    assert await database.read(check_chains) == 2


async def test_the_last_chain_of_an_engine_is_continued(store_url: str, clock: ManualClock, sender: Any) -> None:
    epochs = []
    for _ in range(2):
        with Database(store_url) as database:
            intake = Intake(database=database, engine="e@x", clock=clock)
            await intake.open()
            await intake.commit([sender.deliver(count=2)])
            epochs.append(intake.epoch)
            total = await database.read(check_chains)
    assert epochs[0] == epochs[1]
    assert total == 4

    with Database(store_url) as database:
        await database.write(lambda connection: chains.start_chain(connection, engine="e@x", now=0))
        intake = Intake(database=database, engine="e@x", clock=clock)
        await intake.open()
        (result,) = await intake.commit([sender.deliver(count=1)])
        assert intake.epoch != epochs[0]
        assert result.log_index == 0


async def test_a_closed_intake_says_so(database: Database, clock: ManualClock, sender: Any) -> None:
    with pytest.raises(StoreError, match="not open"):
        await Intake(database=database, engine="e@x", clock=clock).commit([sender.deliver(count=1)])


async def test_old_refusals_are_pruned_but_counted(database: Database) -> None:
    rows = [Refusal(at=place, sender="a@x\0", uuid="", field="f", reason=f"{place}") for place in range(30)]
    for row in rows:
        await database.write(partial(record_refusals, refusals=[row], kept=10))

    refusals = Refusals(database=database)
    assert [row.at for row in await refusals.last()] == list(range(29, 19, -1))
    assert await refusals.count() == 30


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_valid_item_spoils_a_commit(data: st.DataObject, store_url: str, sender: Any) -> None:
    text = st.one_of(st.text(max_size=40), st.text(min_size=600, max_size=1024))
    number = st.integers(-(2**53) + 1, 2**53 - 1)
    fields = {
        "type": text.filter(bool),
        "target": text,
        "source": text,
        "check": text | number,
        "verdict": text,
        "ts": number,
        "collected_at": number,
        "exit_code": number,
        "priority": number,
        "unknown": st.recursive(
            text | number | st.floats(allow_nan=False), lambda inner: st.lists(inner, max_size=3)
        ),
    }
    meta = data.draw(st.fixed_dictionaries({}, optional=fields))
    try:
        item = sender.item(**meta)
    except RefusedError:
        return
    good = sender.item()
    with Database(store_url) as database:
        intake = Intake(database=database, engine="e@x", clock=ManualClock())

        async def commit() -> list[tuple[str, str, int]]:
            await intake.open()
            (result,) = await intake.commit([sender.deliver(item, good)])
            assert len(result.committed) + len(result.refused) == 2
            return result.committed

        committed = asyncio.run(commit())
    assert good.uuid in [uuid for uuid, _, _ in committed]


CRASHER = """
import asyncio, base64, sys, time, uuid
sys.path.insert(0, sys.argv[2])
from registry.database import Database
from registry.intake import Delivery, Intake
from vedette.clock import SystemClock
from vedette.messages.item import ReceivedItem

def item():
    meta = {"uuid": str(uuid.uuid4()), "ts": int(time.time()), "type": "scan"}
    return ReceivedItem({"version": "1", "format": "t", "meta": meta, "payload": {"raw": "eA=="}})

async def main():
    database = Database(sys.argv[1])
    database.open()
    intake = Intake(database=database, engine="e@x", clock=SystemClock())
    await intake.open()
    while True:
        items = tuple(item() for _ in range(20))
        one = Delivery(sender="p@x", signed=None, manifest=None, items=items, received_at=time.time_ns() // 1000)
        for result in await intake.commit([one]):
            print(result.log_index, result.head, flush=True)

asyncio.run(main())
"""


def kill_while_committing(url: str, *, after: int) -> tuple[int, str]:
    """Kill a process that commits after some commits; returns the last acknowledged index and head."""
    command = [sys.executable, "-c", CRASHER, url, str(Path(__file__).parents[2])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [next(child.stdout) for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        lines += [line for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    index, head = lines[-1].split()
    return int(index), head


def head_at(connection: Connection, index: int) -> str:
    """Recompute the head after the item at `index`."""
    query = select(tables.item.c.statement).order_by(tables.item.c.log_index).limit(index + 1)
    head = chains.GENESIS
    for statement in connection.execute(query).scalars():
        head = chains.next_head(head, hashlib.sha256(statement).digest())
    return head.hex()


def test_what_was_acknowledged_survives_kill_9(store_url: str) -> None:
    for _ in range(2):
        index, head = kill_while_committing(store_url, after=5 + secrets.randbelow(5))

        with Database(store_url) as database:
            assert database.read_sync(partial(head_at, index=index)) == head
            assert database.read_sync(check_chains) % 20 == 0
