"""Several engines over one PostgreSQL: nothing lost, nothing twice, whoever dies when."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from registry import tables
from registry.batches import chain_ids
from registry.correlation import Correlation
from registry.database import Database
from registry.duties import Duties
from registry.finding_list import FindingList
from registry.intake import Intake
from registry.leases import Held
from registry.proofs import Proofs, ProofState
from registry.queues import Asker, Queues
from registry.tally_tables import item_tally
from tests.registry.conftest import RECEIVED_AT, Sender
from tests.registry.engine_worker import TOGETHER, item_of
from tests.registry.pool import DatabasePool
from tests.registry.test_intake import check_chains
from tests.registry.watched import MINUTE, Watched
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.correlation.finding import FindingKind
from vedette.correlation.policy import CorrelationPolicy
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.batch import ELSEWHERE

ONE, TWO = "one@localhost", "two@localhost"


@pytest.fixture
def shared_url(postgres_stores: DatabasePool) -> Iterator[str]:
    """The URL of a store that several processes may write to."""
    with postgres_stores.lend() as url:
        yield url


@pytest.fixture
def opened(shared_url: str) -> Iterator[Callable[[], Database]]:
    """Opens the store once more, as another engine's process does."""
    databases: list[Database] = []

    def one_more() -> Database:
        databases.append(Database(shared_url))
        databases[-1].open()
        return databases[-1]

    yield one_more
    for database in databases:
        database.close()


async def intake_of(database: Database, engine: str, clock: ManualClock) -> Intake:
    intake = Intake(database=database, engine=engine, clock=clock)
    await intake.open()
    return intake


def standing_in(engine: str, *others: str) -> Duties:
    """Return the duties of an engine that stands in for others."""
    duties = Duties(engine)
    duties.hold(Held(engines=(engine, *others), duties=frozenset()))
    return duties


async def test_the_same_items_at_two_engines_at_once_are_stored_once(
    opened: Callable[[], Database], clock: ManualClock
) -> None:
    first, second = [await intake_of(opened(), engine, clock) for engine in (ONE, TWO)]
    sender = Sender()
    for _ in range(10):
        items = [sender.item() for _ in range(20)]
        there, here = await asyncio.gather(
            first.commit([sender.deliver(*items)]), second.commit([sender.deliver(*reversed(items))])
        )
        assert {len(there[0].committed), len(here[0].committed)} == {20}
        assert there[0].duplicates + here[0].duplicates == 20
        elsewhere = [index for _, _, index in (*there[0].committed, *here[0].committed) if index == ELSEWHERE]
        assert len(elsewhere) == 20
    assert await opened().read(check_chains) == 200


async def test_engines_that_are_killed_at_any_moment_lose_nothing_and_store_nothing_twice(
    opened: Callable[[], Database], shared_url: str, clock: ManualClock
) -> None:
    pages = 30
    async with asyncio.TaskGroup() as running:
        # Both have every page: the second begins at another one and stores in the other order.
        killed = running.create_task(_run_and_kill(shared_url, ONE, first=0, count=pages * TOGETHER, after=7))
        running.create_task(_run_to_the_end(shared_url, TWO, first=1, step=2, count=pages * TOGETHER))
    told = killed.result()
    database, sender = opened(), Sender()
    stored = await database.read(check_chains)
    assert stored >= len(told) * TOGETHER
    # Its senders send again what it did not confirm, to whoever is left.
    left = await intake_of(database, TWO, clock)
    for page in range(pages):
        numbers = range(page * TOGETHER, (page + 1) * TOGETHER)
        (answer,) = await left.commit([sender.deliver(*(item_of(sender, number) for number in numbers))])
        assert (len(answer.committed), answer.refused) == (TOGETHER, [])
        assert page not in told or answer.duplicates == TOGETHER
    assert await database.read(check_chains) == pages * TOGETHER
    counted = select(func.sum(item_tally.c.number)).where(item_tally.c.kind == "all", item_tally.c.step == 0)
    assert await database.read(lambda connection: connection.execute(counted).scalar_one()) == pages * TOGETHER


async def _start(url: str, engine: str, *, first: int, step: int, count: int) -> Process:
    words = (url, engine, str(first), str(step), str(count))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.registry.engine_worker", *words, stdout=PIPE, cwd=Path(__file__).parents[2]
    )


async def _run_and_kill(url: str, engine: str, *, first: int, count: int, after: int) -> set[int]:
    """Return the pages that an engine said it had committed when it was killed."""
    process = await _start(url, engine, first=first, step=1, count=count)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        told = {int(await process.stdout.readline()) for _ in range(after)}
        process.send_signal(signal.SIGKILL)
        told |= {int(line) for line in (await process.stdout.read()).splitlines(keepends=True) if line[-1:] == b"\n"}
        await process.wait()
    return told


async def _run_to_the_end(url: str, engine: str, *, first: int, step: int, count: int) -> None:
    process = await _start(url, engine, first=first, step=step, count=count)
    async with asyncio.timeout(PATIENCE):
        await process.communicate()
    assert process.returncode == 0


async def test_a_dead_engines_log_is_proved_to_its_end_by_another_one(
    opened: Callable[[], Database], clock: ManualClock, tmp_path: Path
) -> None:
    dead, sender = await intake_of(opened(), ONE, clock), Sender()
    await dead.commit([sender.deliver(count=5)])
    database = opened()
    await intake_of(database, TWO, clock)
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)

    alone = Proofs(database=database, engine=TWO, clock=clock)
    assert (await alone.unbatched()).count == 0
    assert await alone.close_batch(max_items=100) is None

    duties = Duties(TWO)
    proofs = Proofs(database=database, engine=TWO, clock=clock, duties=duties)
    assert await proofs.pending_batches(tsa="local", limit=10) == []
    duties.hold(Held(engines=(TWO, ONE), duties=frozenset()))
    assert ((await proofs.unbatched()).count, (await proofs.unstamped()).count) == (5, 5)
    batch = await proofs.close_batch(max_items=100)
    assert batch is not None
    assert (await proofs.pending_batches(tsa="local", limit=10)) == [batch]
    token = await authority.stamp(batch.root)
    state = await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
    assert state is ProofState.SELF_ASSERTED
    assert (await proofs.unstamped()).count == 0

    # The engine is back and goes on where its log ends.
    back = Proofs(database=opened(), engine=ONE, clock=clock)
    await (await intake_of(opened(), ONE, clock)).commit([sender.deliver(count=2)])
    following = await back.close_batch(max_items=100)
    assert following is not None
    assert (following.number, following.first_index, following.last_index) == (2, 5, 6)


async def test_an_engine_that_is_back_and_its_stand_in_close_each_batch_once(
    opened: Callable[[], Database], clock: ManualClock
) -> None:
    intake, sender = await intake_of(opened(), ONE, clock), Sender()
    await intake.commit([sender.deliver(count=60)])
    own = Proofs(database=opened(), engine=ONE, clock=clock)
    other = Proofs(database=opened(), engine=TWO, clock=clock, duties=standing_in(TWO, ONE))
    closed = []
    while await own.unbatched() and (await own.unbatched()).count:
        closed += await asyncio.gather(own.close_batch(max_items=7), other.close_batch(max_items=7))
    assert sorted(batch.number for batch in closed if batch is not None) == list(range(1, 10))
    ids = await opened().read(lambda connection: chain_ids(connection, [ONE]))
    assert len(ids) == 1


async def test_two_engines_never_hand_the_same_out_twice(opened: Callable[[], Database], clock: ManualClock) -> None:
    database, sender = opened(), Sender()
    first, second = [Queues(database=one, clock=clock) for one in (database, opened())]
    readers = [Asker(jid="rt-1@localhost", role="rt"), Asker(jid="rt-2@localhost", role="rt")]
    await first.bind("rt", owner="rt", asker=readers[0], patterns=["#"])
    intakes = [await intake_of(opened(), engine, clock) for engine in (ONE, TWO)]
    await asyncio.gather(*(intake.commit([sender.deliver(count=60)]) for intake in intakes))

    async def take(queues: Queues, reader: Asker) -> list[str]:
        taken: list[str] = []
        wanted: dict[str, Any] = {"life": "a", "limit": 5, "max_bytes": 10**6, "lease_seconds": 60}
        while items := await queues.lease("rt", asker=reader, **wanted):
            taken += [item.uuid for item in items]
            # What one engine handed out may be acknowledged at the other.
            other = first if queues is second else second
            await other.acknowledge("rt", asker=reader, life="a", ids=[item.id for item in items])
        return taken

    taken = await asyncio.gather(take(first, readers[0]), take(second, readers[1]))
    assert len(taken[0]) + len(taken[1]) == len({*taken[0], *taken[1]}) == 120


async def test_a_check_that_moves_to_another_engine_goes_on_as_the_same(
    opened: Callable[[], Database], clock: ManualClock
) -> None:
    sender, watched = Sender(), list[Watched]()
    for engine in (ONE, TWO):
        database = opened()
        watched.append(Watched(database, await intake_of(database, engine, clock), clock))
        watched[-1].correlation = _correlation(database, engine, clock)
    for minute in range(6):
        here = watched[0 if minute < 3 else 1]
        await here.see(sender, "open" if minute == 4 else "closed", minute=minute)
        await here.findings()
    kinds = [found.kind for found in await watched[0].findings()]
    assert kinds == [FindingKind.FIRST_SEEN, FindingKind.CHANGED, FindingKind.CHANGED]


async def test_nothing_is_missing_that_waits_in_another_engines_log(
    opened: Callable[[], Database], clock: ManualClock
) -> None:
    sender, database, other = Sender(), opened(), opened()
    here = Watched(database, await intake_of(database, ONE, clock), clock)
    here.correlation = _correlation(database, ONE, clock)
    for minute in range(5):
        await here.see(sender, "open", minute=minute)
    await here.findings()
    there = Watched(other, await intake_of(other, TWO, clock), clock)
    # The engine of the newest item dies before it is correlated; a long time passes.
    for minute in (5, 6):
        await there.see(sender, "open", minute=minute)
    clock.advance(600 * 60)
    assert await here.correlation.look_for_absent(since=RECEIVED_AT, limit=10) == 0

    stand_in = _correlation(database, ONE, clock, duties=standing_in(ONE, TWO))
    while (await stand_in.advance(limit=10)).places:
        pass
    assert await stand_in.look_for_absent(since=RECEIVED_AT, limit=10) == 1
    (missing,) = [one for one in await FindingList(database=database).after(0, limit=10) if one.kind == "missing"]
    assert missing.at > RECEIVED_AT + 6 * MINUTE


def _correlation(database: Database, engine: str, clock: ManualClock, *, duties: Duties | None = None) -> Correlation:
    return Correlation(database=database, engine=engine, clock=clock, policy=CorrelationPolicy(), duties=duties)


async def test_who_waited_for_each_other_are_both_done(opened: Callable[[], Database], clock: ManualClock) -> None:
    database, other = opened(), opened()
    ids = []
    for engine in (ONE, TWO):
        await intake_of(database, engine, clock)
        ids += await database.read(lambda connection, engine=engine: chain_ids(connection, [engine]))  # type: ignore[misc]
    both = threading.Barrier(2)

    def work(order: list[int]) -> Callable[[Connection], int]:
        tries = 0

        def locking(connection: Connection) -> int:
            nonlocal tries
            tries += 1
            connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            lock = select(tables.chain.c.id).with_for_update()
            connection.execute(lock.where(tables.chain.c.id == order[0])).all()
            if tries == 1:
                both.wait(PATIENCE)
            connection.execute(lock.where(tables.chain.c.id == order[1])).all()
            return tries

        return locking

    tried = await asyncio.gather(database.write(work(ids)), other.write(work(ids[::-1])))
    assert sorted(tried) == [1, 2]
