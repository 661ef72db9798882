"""A real streaming replica: read where it shows enough, and nobody notices when it does not, hangs, or dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

import registry.replica
import registry.replica_reading
from agents.store_making import graph_reads
from registry.database import Database
from registry.graph import graph_database
from registry.intake import Intake
from registry.item_list import ItemList, ItemsWanted
from registry.replica_lag import Outcome
from tests.registry.asking import Asking, Visitors, add, asking, hub, is_replica, number
from tests.registry.conftest import ENGINE, Sender
from tests.registry.postgresql import postgres_sql, postgres_url, running_postgres
from tests.registry.replica_server import ReplicaServer, running_replica
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import StoreError

STORE = "store"
PAUSE, RESUME = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"


@pytest.fixture(scope="module")
def primary() -> Iterator[Path]:
    """A server with an empty store and graph, which confirms what it has flushed."""
    with running_postgres("synchronous_commit=on") as folder:
        postgres_sql(folder, f"CREATE DATABASE {STORE}")
        for database in (Database(postgres_url(folder, STORE)), graph_database(postgres_url(folder, STORE))):
            database.migrate()
        yield folder


@pytest.fixture(scope="module")
def replica_server(primary: Path) -> Iterator[ReplicaServer]:
    """Its replica."""
    with running_replica(primary) as server:
        yield server


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on how fast a replica replays and answers: those that are about it say what they want."""
    monkeypatch.setattr(registry.replica, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(registry.replica, "ANSWER", PATIENCE)
    monkeypatch.setattr(registry.replica_reading, "WAIT", PATIENCE)


@pytest.fixture
def store(primary: Path) -> Iterator[Database]:
    """The store, open."""
    with Database(postgres_url(primary, STORE)) as database:
        yield database


@pytest.fixture
def elsewhere(primary: Path) -> Iterator[Database]:
    """The same store, as another process has it."""
    with Database(postgres_url(primary, STORE)) as database:
        yield database


@pytest.fixture
async def asked(replica_server: ReplicaServer, store: Database) -> AsyncIterator[Asking]:
    """A good replica."""
    async with asking(replica_server.url(STORE), store) as one:
        await one.until_used()
        yield one


async def test_lists_are_read_at_the_replica(asked: Asking) -> None:
    before = asked.answered(Outcome.REPLICA)
    await ItemList(database=asked.reads).page(wanted=ItemsWanted(), limit=10)
    await asyncio.gather(*(asked.number() for _ in range(20)))
    state = asked.replica.state()
    assert (state.used, state.reason, state.reads[Outcome.REPLICA]) == (True, "", before + 21)


async def test_who_has_written_sees_it(asked: Asking, store: Database) -> None:
    for _ in range(30):
        await store.write(add)
        here = await store.read(number)
        assert await asyncio.gather(*(asked.number() for _ in range(3))) == [here] * 3
    assert asked.answered(Outcome.REPLICA) >= 90


@pytest.mark.parametrize("known", ["a commit", "a commit beside", "a notice", "an event"])
async def test_a_replica_that_does_not_replay_shows_nobody_less(
    known: str,
    asked: Asking,
    store: Database,
    elsewhere: Database,
    replica_server: ReplicaServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry.replica_reading, "WAIT", 0.05)
    replica_server.sql(PAUSE)
    try:
        before = await asked.number()
        await elsewhere.write(add)
        # Nobody here knows of it, and it is not so far behind.
        assert await asked.number() == before
        if known == "a commit":
            await store.write(add)
        elif known == "a commit beside":
            await store.write_beside(add)
        elif known == "a notice":
            asked.replica.heard()
        else:
            await asked.replica.telling(elsewhere).read(number)
        now = await store.read(number)
        assert await asyncio.gather(*(asked.number() for _ in range(4))) == [now] * 4
        assert now > before
        assert asked.answered(Outcome.BEHIND) == 4
    finally:
        replica_server.sql(RESUME)
    await asked.until_used()
    assert await asked.number() == now


async def test_a_replica_that_is_too_far_behind_is_not_asked(
    replica_server: ReplicaServer, store: Database, elsewhere: Database
) -> None:
    with capture_logs() as lines:
        async with asking(replica_server.url(STORE), store) as asked:
            await asked.until_used()
            replica_server.sql(PAUSE)
            try:
                async with asyncio.timeout(PATIENCE):
                    while not asked.replica.state().reason:
                        await elsewhere.write(add)
                        # Nobody has looked for longer than it may be behind.
                        asked.clock.advance(6.0)
                        assert not asked.replica.state().used
                        assert await asked.number() == await elsewhere.read(number)
                        await asyncio.sleep(0.05)
                assert "s behind" in asked.replica.state().reason
                away = asked.answered(Outcome.AWAY)
                assert await asked.number() == await elsewhere.read(number)
                assert asked.answered(Outcome.AWAY) == away + 1
                assert not asked.replica.state().used
            finally:
                replica_server.sql(RESUME)
            await asked.until_used()
    events = [line["event"] for line in lines if "replica" in line["event"]]
    assert {one: events.count(one) > 0 for one in set(events)} == {
        "the replica answers": True,
        "the store answers for its replica": True,
    }


async def test_a_replica_that_dies_is_not_missed_and_comes_back(
    asked: Asking, store: Database, replica_server: ReplicaServer
) -> None:
    visitors = Visitors(asked, store)
    async with visitors.going():
        for _ in range(2):
            replica_server.end()
            try:
                await asked.until(lambda: not asked.replica.state().used)
                visits = visitors.visits
                await asked.until(lambda visits=visits: visitors.visits > visits + 8)  # type: ignore[misc]
            finally:
                replica_server.start()
            await asked.until(lambda: asked.replica.state().used)
    await asked.until_used()


async def test_a_replica_that_hangs_is_not_waited_for(
    asked: Asking, store: Database, replica_server: ReplicaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.replica, "ANSWER", 0.2)
    with replica_server.hanging():
        # More than there are connections: none may wait for the others.
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(asked.number() for _ in range(10)))
        await asked.until(lambda: not asked.replica.state().used)
        await store.write(add)
        assert await asked.number() == await store.read(number)
    monkeypatch.setattr(registry.replica, "ANSWER", PATIENCE)
    await asked.until_used()


async def test_what_a_replica_gives_up_is_asked_of_the_store(asked: Asking, store: Database) -> None:
    await store.write(lambda connection: connection.execute(text("CREATE TABLE gone AS SELECT 1 AS n")))
    await asked.until_used()
    loop, looking, removed = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    seen: list[bool] = []

    def count(connection: Connection) -> int:
        found: int = connection.execute(text("SELECT count(*) FROM gone")).scalar_one()
        seen.append(is_replica(connection))
        if seen == [True]:
            loop.call_soon_threadsafe(looking.set)
            assert removed.wait(PATIENCE)
            # What it saw is replayed away: PostgreSQL ends the one or the other.
            for _ in range(int(PATIENCE / 0.01)):
                connection.execute(text("SELECT count(*), pg_sleep(0.01) FROM gone"))
        return found

    def remove(connection: Connection) -> None:
        connection.execute(text("DROP TABLE gone"))
        connection.execute(text("CREATE TABLE gone (n integer)"))

    broken = asked.answered(Outcome.BROKEN)
    question = asyncio.create_task(asked.reads.read(count))
    async with asyncio.timeout(PATIENCE):
        await looking.wait()
        await store.write(remove)
        removed.set()
        assert await question == 0
    assert seen[0] is True
    assert seen[-1] is False
    assert asked.answered(Outcome.BROKEN) == broken + 1
    await store.write(lambda connection: connection.execute(text("DROP TABLE gone")))


async def test_what_a_question_itself_raises_is_raised_once(asked: Asking) -> None:
    asked_for: list[bool] = []

    def work(connection: Connection) -> None:
        asked_for.append(is_replica(connection))
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        await asked.reads.read(work)
    assert asked_for == [True]
    with pytest.raises(StoreError, match=r"read-?only"):
        await asked.reads.read(add)


async def test_what_is_no_replica_of_the_store_is_not_asked(
    primary: Path, replica_server: ReplicaServer, store: Database, tmp_path: Path
) -> None:
    for url, reason in (
        (postgres_url(primary, STORE), "is no replica of"),
        (replica_server.url("postgres"), "is no replica of"),
        (f"postgresql+psycopg://postgres:secret@/{STORE}?host={tmp_path}", "connection"),
    ):
        with capture_logs() as lines:
            async with asking(url, store) as asked:
                await asked.until(lambda reason=reason: reason in asked.replica.state().reason)  # type: ignore[misc]
                assert await asked.number() == await store.read(number)
                assert asked.answered(Outcome.AWAY) == 1
        warned: list[Any] = [line for line in lines if line["log_level"] == "warning"]
        assert len(warned) == 1
        assert "secret" not in str(lines)


async def test_the_hub_lists_at_the_replica_and_judges_at_the_store(
    asked: Asking, store: Database, primary: Path, sender: Sender, tmp_path: Path
) -> None:
    intake = Intake(database=store, engine=ENGINE, clock=SystemClock())
    await intake.open()
    async with hub(asked, store, intake, url=postgres_url(primary, STORE), folder=tmp_path) as client:

        async def get(place: str, of_the_replica: int) -> httpx.Response:
            await asked.until_used()
            before = asked.answered(Outcome.REPLICA)
            answer = await client.get(place)
            assert answer.status_code == 200, answer.text
            assert asked.answered(Outcome.REPLICA) - before == of_the_replica, place
            return answer

        # The key was used first, which is written down.
        before = len((await client.get("/v1/items")).json()["items"])
        for place in ("/v1/items", "/v1/findings", "/v1/batches", "/v1/graph/vertices"):
            await get(place, 1)
        for place in ("/v1/agents", "/v1/documents", "/v1/repairs", "/readyz"):
            await get(place, 0)
        await intake.commit([sender.deliver(count=2)])
        assert len((await client.get("/v1/items")).json()["items"]) == before + 2
        assert "vedette_replica_used 1.0" in (await client.get("/v1/metrics")).text


async def test_a_graph_elsewhere_is_read_there(asked: Asking, primary: Path, tmp_path: Path) -> None:
    url = postgres_url(primary, STORE)
    elsewhere = FleetConfiguration(store=url, graph=f"sqlite:///{tmp_path}/graph.db")
    graph = graph_database(url)
    paths = FleetPaths(file=tmp_path / "vedette.yml", configuration=elsewhere)
    assert graph_reads(paths, graph, replica=asked.replica) is graph
    assert graph_reads(paths, graph, replica=None) is graph
