"""Notices over PostgreSQL: what one process commits wakes another, and a lost connection hides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, insert, text

from registry import tables
from registry.database import Database
from registry.engines import LISTENER
from registry.intake import Intake
from registry.live_events import LiveEvents
from registry.notices import Notices, Topic
from tests.registry.conftest import ENGINE, Sender
from tests.registry.pool import DatabasePool
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from web.api import event_stream
from web.api.event_stream import Entry, EventStream, Subscriber

_END_LISTENERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = :name"
).bindparams(name=LISTENER)


@pytest.fixture
def store(postgres_stores: DatabasePool) -> Iterator[tuple[str, Database]]:
    with postgres_stores.lend() as url, Database(url) as database:
        yield url, database


class Hearing:
    """What was heard, and a way to wait for it."""

    def __init__(self) -> None:
        self.topics: list[Topic] = []
        self._news = asyncio.Event()

    def __call__(self, topic: Topic) -> None:
        self.topics.append(topic)
        self._news.set()

    async def hear(self, topic: Topic) -> None:
        async with asyncio.timeout(PATIENCE):
            while topic not in self.topics:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[Notices, Hearing]]:
    hearing = Hearing()
    notices = Notices(url, heard=hearing)
    notices.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await notices.listening.wait()
        hearing.topics.clear()
        yield notices, hearing
    finally:
        await notices.stop()


async def notify(database: Database, topic: str) -> None:
    words = text("SELECT pg_notify('vedette', :topic)").bindparams(topic=topic)
    await database.write(lambda connection: connection.execute(words))


async def test_a_commit_is_heard_once_by_whoever_listens(
    store: tuple[str, Database], sender: Sender, clock: ManualClock
) -> None:
    url, database = store
    intake = Intake(database=database, engine=ENGINE, clock=clock)
    await intake.open()
    async with listening(url) as (notices, hearing), listening(url) as (_, other):
        await intake.commit([sender.deliver(count=50), sender.deliver(count=50)])
        await hearing.hear(Topic.ITEMS)
        await other.hear(Topic.ITEMS)
        await intake.commit([sender.deliver(count=1)])
        async with asyncio.timeout(PATIENCE):
            while notices.counters["items"] < 2:
                await asyncio.sleep(0.01)
        assert hearing.topics == [Topic.ITEMS, Topic.ITEMS], "one notice a transaction, whatever is in it"


async def test_a_live_page_is_told_of_what_another_process_commits_without_looking(
    store: tuple[str, Database], sender: Sender, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, other = store
    # By looking alone, nothing would come within this test.
    monkeypatch.setattr(event_stream, "LOOK_EVERY", 100 * PATIENCE)
    intake = Intake(database=other, engine=ENGINE, clock=clock)
    await intake.open()
    with Database(url) as database:
        stream = EventStream(events=LiveEvents(database=database))
        notices = Notices(url, heard=lambda _: stream.wake())
        stream.start()
        notices.start()
        try:
            async with asyncio.timeout(PATIENCE), stream.subscribe(["scan"]) as page:
                await notices.listening.wait()
                await intake.commit([sender.deliver(count=2)])
                assert len(await _events(page, 2)) == 2
                # What is committed while nobody listens is found when the connection is back.
                await other.read(lambda connection: connection.execute(_END_LISTENERS))
                await intake.commit([sender.deliver(count=3)])
                assert len(await _events(page, 3)) == 3
        finally:
            await notices.stop()
            await stream.stop()
    state = notices.state()
    assert state is not None
    assert (state.listening, state.counted["lost"], state.counted["failed"]) == (False, 1, 0)
    assert state.counted["items"] >= 1


async def _events(page: Subscriber, count: int) -> list[Entry]:
    found: list[Entry] = []
    while len(found) < count:
        found += await page.next()
    return found


async def test_what_is_rolled_back_is_not_heard(store: tuple[str, Database]) -> None:
    url, database = store

    def change(connection: Connection, jid: str) -> None:
        values = {"jid": jid, "show": "available", "status": "", "at": 1, "cause": "presence"}
        connection.execute(insert(tables.presence_change).values(values))

    def fail(connection: Connection) -> None:
        change(connection, "never@localhost")
        raise ValueError("no")

    async with listening(url) as (notices, hearing):
        with pytest.raises(ValueError, match="no"):
            await database.write(fail)
        await database.write(lambda connection: change(connection, "probe@localhost"))
        await hearing.hear(Topic.PRESENCE)
        assert (notices.counters["presence"], hearing.topics) == (1, [Topic.PRESENCE])


async def test_after_a_lost_connection_everything_may_have_happened(store: tuple[str, Database]) -> None:
    url, database = store
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'vedette notices' AND datname = current_database()"
    )
    async with listening(url) as (notices, hearing):
        assert await database.write(lambda connection: connection.execute(end).scalars().all()) == [True]
        for topic in Topic:
            await hearing.hear(topic)
        assert notices.counters["lost"] == 1
        await notify(database, "weather")
        await notify(database, "tokens")
        async with asyncio.timeout(PATIENCE):
            while notices.counters["tokens"] < 1:
                await asyncio.sleep(0.01)
        assert notices.counters["unknown"] == 1


async def test_a_mistake_of_who_hears_does_not_end_the_listening(store: tuple[str, Database]) -> None:
    url, database = store
    hearing = Hearing()

    def heard(topic: Topic) -> None:
        if topic is Topic.TOKENS:
            raise ValueError("a mistake")
        hearing(topic)

    notices = Notices(url, heard=heard)
    notices.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await notices.listening.wait()
        await hearing.hear(Topic.REPAIRS)
        hearing.topics.clear()
        for topic in ("tokens", "tokens", "items"):
            await notify(database, topic)
        await hearing.hear(Topic.ITEMS)
        # At the beginning every topic is told, too.
        assert (notices.counters["tokens"], notices.counters["failed"], notices.counters["lost"]) == (2, 3, 0)
    finally:
        await notices.stop()


async def test_with_sqlite_there_is_nothing_to_hear(tmp_path: object) -> None:
    notices = Notices(f"sqlite:///{tmp_path}/store.db", heard=lambda topic: None)
    notices.start()
    assert not notices.listening.is_set()
    assert notices.state() is None
    await notices.stop()
