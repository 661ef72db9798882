"""Asking a store through its replica, alone and with many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlalchemy import Connection, text

from agents.store_making import graph_reads
from registry.callers import Scope
from registry.counters import count_up, read_counter
from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.intake import Intake
from registry.keys import Keys
from registry.reading import Reads
from registry.replica import Replica
from registry.replica_lag import Outcome
from tests.timing import PATIENCE
from vedette.clock import ManualClock, SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from web.api.live import Live
from web.api.people import open_access
from web.api.service import compose_api


def number(connection: Connection) -> int:
    """How often something was added."""
    return read_counter(connection, "n")


def add(connection: Connection) -> None:
    """Write something."""
    count_up(connection, "n")


def is_replica(connection: Connection) -> bool:
    """Whether a replica is asked."""
    return bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one())


class Asking:
    """A replica that is read, and what was read there."""

    def __init__(self, replica: Replica, store: Database, clock: ManualClock) -> None:
        self.replica = replica
        self.clock = clock
        self.reads: Reads = replica.reader(store)

    async def number(self) -> int:
        """How often something was added, for who only reads."""
        return await self.reads.read(number)

    def answered(self, outcome: Outcome) -> int:
        """How many questions came out so."""
        return self.replica.state().reads[outcome]

    async def until(self, fits: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not fits():
                await asyncio.sleep(0.01)

    async def until_used(self) -> None:
        """Wait until the replica answers."""
        async with asyncio.timeout(PATIENCE):
            while not await self.reads.read(is_replica):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def asking(url: str, store: Database) -> AsyncIterator[Asking]:
    """Look at a replica as long as the context lasts; by a clock that stands still, it may be 5 s behind."""
    clock = ManualClock()
    replica = Replica(url, store=store, most_lag=5.0, clock=clock, readers=3)
    replica.start()
    try:
        yield Asking(replica, store, clock)
    finally:
        await replica.stop()


@asynccontextmanager
async def hub(
    asked: Asking, store: Database, intake: Intake, *, url: str, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Compose a hub's API over a store with this URL, its graph and its replica, and ask it with a key."""
    configuration = FleetConfiguration(store=url, data=str(folder / "var"))
    paths, clock = FleetPaths(file=folder / "vedette.yml", configuration=configuration), SystemClock()
    paths.make()
    live = Live(database=store, clock=clock, intake=intake, roots={}, committed=lambda _count, _senders: None)
    with graph_database(paths.graph_url) as graph:
        app = await compose_api(
            configuration,
            paths,
            database=store,
            clock=clock,
            access=open_access(configuration.api, database=store, clock=clock),
            live=live,
            graph_store=graph,
            graph=GraphRead(database=graph_reads(paths, graph, replica=asked.replica)),
            replica=asked.replica,
        )
        headers = {"X-API-Key": await Keys(database=store, clock=clock).issue(name="test", scopes=(Scope.READ,))}
        served = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=served, base_url="http://hub", headers=headers) as client:
            yield client


class Visitors:
    """People that write and read until they are stopped; each must see what they wrote."""

    def __init__(self, asked: Asking, store: Database) -> None:
        self._asked = asked
        self._store = store
        self._stopped = False
        self.visits = 0

    async def visit(self) -> None:
        """Write and read again and again."""
        while not self._stopped:
            await self._store.write(add)
            least = await self._store.read(number)
            for _ in range(3):
                seen = await self._asked.number()
                assert seen >= least, "less than before"
                least = seen
            self.visits += 1

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Let four of them go on as long as the context lasts."""
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(self.visit())
            try:
                yield
            finally:
                self._stopped = True
