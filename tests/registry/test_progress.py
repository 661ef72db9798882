"""How far a log is stamped, and what happened since a reader looked last; on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from registry import tables
from registry.database import Database
from registry.event_feed import EventFeed
from registry.intake import Intake
from registry.proof_progress import ProofProgress
from registry.proof_state import ProofState
from registry.proofs import Proofs
from vedette.clock import ManualClock

ENGINE = "engine@localhost"


@pytest.fixture
def proofs(database: Database, clock: ManualClock) -> Proofs:
    return Proofs(database=database, engine=ENGINE, clock=clock)


@pytest.fixture
def progress(database: Database) -> ProofProgress:
    return ProofProgress(database=database, engine=ENGINE)


async def stamp(database: Database, number: int, state: str) -> None:
    """Give a batch a state and a token, as if an authority had answered."""

    def work(connection: Connection) -> None:
        batch, token, chain = tables.batch, tables.token, tables.certificate_chain
        connection.execute(update(batch).where(batch.c.number == number).values(state=state))
        row = connection.execute(select(batch.c.id).where(batch.c.number == number)).one()
        if connection.execute(select(chain.c.sha256)).one_or_none() is None:
            connection.execute(insert(chain).values(sha256="c", pem=b""))
        values = {"batch_id": row.id, "tsa": "local", "external": False, "token": b"", "gen_time": 7, "policy": "1"}
        values |= {"serial": "1", "not_after": 9, "chain_sha256": "c", "obtained_at": 8}
        connection.execute(insert(token).values(values))

    await database.write(work)


async def test_a_stretch_ends_where_something_is_not_stamped(
    database: Database, intake: Intake, proofs: Proofs, progress: ProofProgress, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=10)])
    for _ in range(4):
        await proofs.close_batch(max_items=2)

    async def stretch(first: int, *, runs: int = 9) -> Any:
        found = await progress.stretch(epoch=intake.epoch, first=first, runs=runs)
        return None if found is None else (found.up_to, found.states)

    assert await stretch(0) is None
    await stamp(database, 1, "self-asserted")
    await stamp(database, 2, "strong")
    await stamp(database, 4, "strong")
    weak, strong = ProofState.SELF_ASSERTED, ProofState.STRONG
    assert await stretch(0) == (3, ((1, weak), (3, strong)))
    assert await stretch(1, runs=1) == (1, ((1, weak),))
    assert await stretch(4) is None
    assert await stretch(6) == (7, ((7, strong),))
    assert await stretch(8) is None
    await stamp(database, 3, "strong")
    assert await stretch(2) == (7, ((7, strong),))
    assert await progress.stretch(epoch="none", first=0, runs=9) is None
    other = ProofProgress(database=database, engine="other@localhost")
    assert await other.stretch(epoch=intake.epoch, first=0, runs=9) is None


async def test_a_reader_gets_what_follows_its_position(
    database: Database, intake: Intake, proofs: Proofs, sender: Any
) -> None:
    feed = EventFeed(database=database, engine=ENGINE)
    await intake.commit([sender.deliver(count=2)])
    position = await feed.now()
    assert await feed.scans(position, limit=10) == []
    items = [sender.item(target="t", verdict="deviates"), sender.item(), sender.item()]
    await intake.commit([sender.deliver(*items)])
    batch = await proofs.close_batch(max_items=100)
    assert batch is not None
    await stamp(database, 1, "self-asserted")

    scans = await feed.scans(position, limit=2)
    (stamped,) = await feed.stamps(position, limit=5, uuids=3)

    assert [scan.uuid for scan in scans] == [item.uuid for item in items[:2]]
    assert (scans[0].agent, scans[0].target, scans[0].verdict) == (sender.jid, "t", "deviates")
    assert (stamped.batch, stamped.count, stamped.state, stamped.gen_time) == (1, 5, "self-asserted", 7)
    assert (stamped.first_index, stamped.last_index, len(stamped.uuids)) == (0, 4, 3)
    after = await feed.now()
    assert (after.next_index, await feed.stamps(after, limit=5, uuids=3)) == (5, [])


async def test_another_engine_s_events_are_not_ours(database: Database, intake: Intake, sender: Any) -> None:
    other = EventFeed(database=database, engine="other@localhost")
    position = await other.now()
    await intake.commit([sender.deliver(count=2)])
    assert await other.scans(position, limit=10) == []
    assert (position.chain_id, position.next_index) == (0, 0)
