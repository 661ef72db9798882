"""Live events: each subscriber gets each event once, in order, wherever it went on; nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from registry.callers import Scope
from registry.directory import Directory
from registry.live_events import LiveEvents, Position
from tests.timing import PATIENCE
from tests.web.api.station import CLOCK, Station, a_station, an_item
from vedette.errors import RefusedError
from vedette.messages.card import Role
from web.api import event_stream, events
from web.api.event_stream import EventStream
from web.api.wire import ABORT

EVENTS = "/v1/events"


@pytest.fixture
async def station(migrated: Path, tmp_path: Path) -> AsyncIterator[Station]:
    async with a_station(migrated, tmp_path) as running:
        yield running


class Heard:
    """A connection to the stream of events, read as a browser does."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next event's kind and fields."""
        kind, data = "", ""
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    data = value
                elif not line and data:
                    return kind, json.loads(data)
        raise EOFError

    async def uuids(self, count: int) -> list[str]:
        """The uuids of the next items."""
        return [(await self.event())[1]["uuid"] for _ in range(count)]

    async def end(self) -> None:
        """Wait until the stream ends."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(httpx.RemoteProtocolError):
                async for _ in self._lines:
                    pass

    async def begin(self) -> None:
        """Wait until the stream has begun."""
        async for line in self._lines:
            if line.startswith("id: "):
                self.last_id = line[4:]
                return


@contextlib.asynccontextmanager
async def listening(client: httpx.AsyncClient, query: str = "", *, after: str = "") -> AsyncIterator[Heard]:
    """Listen to the events."""
    headers = {"Last-Event-ID": after} if after else {}
    async with client.stream("GET", EVENTS + query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = Heard(answer.aiter_lines())
        await heard.begin()
        yield heard


async def post(client: httpx.AsyncClient, count: int = 1) -> list[str]:
    """Post items and return their uuids."""
    items = [an_item() for _ in range(count)]
    for item in items:
        assert (await client.post("/items/", json=item)).status_code == 201
    return [item["meta"]["uuid"] for item in items]


async def test_items_tokens_and_presence_are_told(station: Station) -> None:
    directory = Directory(database=station.database, clock=CLOCK)
    await directory.enrol("probe@localhost", role=Role.PROBE, public_key=None, unsigned_allowed=True)
    async with station.client(Scope.INGEST, Scope.READ) as client, listening(client) as heard:
        (uuid,) = await post(client)
        kind, fields = await heard.event()
        assert (kind, fields["uuid"], fields["agent"], fields["log_index"]) == ("scan", uuid, "key test", 0)
        await station.stamp()
        kind, fields = await heard.event()
        assert (kind, fields["uuids"], fields["tsa"]) == ("tst", [uuid], "local")
        await directory.presence("probe@localhost", show="away", status="lunch", cause="presence")
        station.live.wake()
        kind, fields = await heard.event()
        assert (kind, fields["jid"], fields["show"]) == ("presence", "probe@localhost", "away")


async def test_only_what_was_asked_for_is_told(station: Station) -> None:
    async with station.client(Scope.INGEST, Scope.READ) as client, listening(client, "?topics=tst") as heard:
        await post(client, 3)
        await station.stamp()
        assert (await heard.event())[0] == "tst"


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(station: Station) -> None:
    async with station.client(Scope.INGEST, Scope.READ) as client:
        async with listening(client, "?topics=scan") as heard:
            first = await post(client, 3)
            assert await heard.uuids(3) == first
            left = heard.last_id
        missed = await post(client, 5)
        await station.stamp()
        async with listening(client, "?topics=scan", after=left) as heard:
            later = await post(client, 2)
            assert await heard.uuids(7) == missed + later


async def test_who_left_before_the_first_event_misses_nothing(station: Station) -> None:
    async with station.client(Scope.INGEST, Scope.READ) as client:
        async with listening(client) as heard:
            left = heard.last_id
        missed = await post(client)
        async with listening(client, f"?last_event_id={left}") as heard:
            assert await heard.uuids(1) == missed


async def test_who_falls_out_of_the_ring_reads_from_the_store(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = EventStream(events=LiveEvents(database=station.database), kept=4)
    monkeypatch.setattr(event_stream, "PAGE", 3)
    stream.start()
    async with station.client(Scope.INGEST) as client, stream.subscribe(["scan"]) as slow:
        async with stream.subscribe(["scan"]) as fast:
            posted = await post(client, 30)
            stream.wake()
            seen = [entry.event.fields["uuid"] for entry in await drain(fast, 30)]
        read = [entry.event.fields["uuid"] for entry in await drain(slow, 30)]
        posted_later = await post(client, 3)
        stream.wake()
        later = [entry.event.fields["uuid"] for entry in await drain(slow, 3)]
    assert seen == read == posted
    assert later == posted_later
    assert stream.counters["caught up"] >= 20
    await stream.stop()


async def drain(subscriber: event_stream.Subscriber, count: int) -> list[event_stream.Entry]:
    """Return the next events."""
    found: list[event_stream.Entry] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await subscriber.next()
    assert len(found) == count
    return found


async def test_many_race_with_commits_and_each_gets_each_event_once(station: Station) -> None:
    async with station.client(Scope.INGEST, Scope.READ) as client:
        await post(client)
        start = str(await LiveEvents(database=station.database).now())

        async def follow(number: int) -> list[str]:
            await asyncio.sleep(number / 100)
            async with listening(client, "?topics=scan", after=start) as heard:
                return await heard.uuids(40)

        followers = [asyncio.create_task(follow(number)) for number in range(12)]
        posted = await post(client, 40)
        assert await asyncio.gather(*followers) == [posted] * 12


async def test_a_position_of_another_store_is_said_so(station: Station) -> None:
    async with (
        station.client(Scope.INGEST, Scope.READ) as client,
        listening(client, after="0.0.0.0_1.999.5") as heard,
    ):
        assert (await heard.event())[0] == "reset"
        posted = await post(client)
        assert await heard.uuids(1) == posted


async def test_bad_questions_are_refused(station: Station) -> None:
    async with station.client(Scope.READ) as client:
        for query in ("topics=x", "topics=scan,", "topic=scan", "last_event_id=x", "last_event_id=1", "topics=%00"):
            assert (await client.get(f"{EVENTS}?{query}")).status_code == 422, query


def test_what_is_no_id_is_refused() -> None:
    for text in (
        "",
        "-1.0.0.0",
        "1.1.1",
        "1.1.1.1_",
        "1.1.1.1_1.1",
        "1" * 100,
        "1.1.1.1" + "_1.1.1" * 65,
        "1.1.1.1\n",
    ):
        with pytest.raises(RefusedError, match="Last-Event-ID"):
            Position.parse(text)
    assert str(Position.parse("1.2.9.4_3.4.5_6.7.8")) == "1.2.9.4_3.4.5_6.7.8"


async def test_a_revoked_key_ends_its_stream(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "CHECK_EVERY", 0.0)
    async with station.client(Scope.INGEST, name="source") as source:
        async with station.client(Scope.READ, agent="reader@localhost") as client, listening(client) as heard:
            posted = await post(source)
            assert await heard.uuids(1) == posted
            await station.keys.revoke_agent("reader@localhost")
            await post(source)
            await heard.end()
        await until(lambda: station.live.stream.subscribers == 0)


async def until(condition: Any) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_who_is_gone_is_forgotten_and_a_stopping_hub_ends_all(station: Station) -> None:
    async with station.client(Scope.READ) as client:
        async with listening(client):
            assert station.live.stream.subscribers == 1
        await until(lambda: station.live.stream.subscribers == 0)
        async with listening(client) as heard:
            await station.live.stop()
            await heard.end()
    await until(lambda: station.live.stream.subscribers == 0)


async def test_a_crowd_is_told_to_come_later(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station.live.stream, "_limit", 2)
    async with station.client(Scope.READ) as client, listening(client), listening(client):
        answer = await client.get(EVENTS)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"


async def test_a_subscriber_that_never_reads_is_broken_off_and_nobody_waits_for_it(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SLOW", 0.5)
    key = await station.key(Scope.READ)
    aborted, stuck, sent = asyncio.Event(), asyncio.Event(), list[Message]()

    async def receive() -> Message:
        if not sent:
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if b"event: scan" in message.get("body", b""):
            stuck.set()
            await asyncio.Event().wait()

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": EVENTS,
        "raw_path": EVENTS.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-api-key", key.encode())],
        "client": ("127.0.0.1", 1),
        "extensions": {ABORT: aborted.set},
        "state": {},
    }
    slow = asyncio.create_task(station.app(scope, receive, send))
    await until(lambda: station.live.stream.subscribers == 1)
    async with station.client(Scope.INGEST, Scope.READ) as client, listening(client) as heard:
        posted = await post(client)
        async with asyncio.timeout(PATIENCE):
            await stuck.wait()
        posted += await post(client)
        assert await heard.uuids(2) == posted
        async with asyncio.timeout(PATIENCE):
            await aborted.wait()
            await slow
    assert station.live.stream.counters["too slow"] == 1
