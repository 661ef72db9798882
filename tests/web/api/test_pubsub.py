"""`/pubsub` with the unmodified client from PyPI, and with clients that are up to no good."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi_websocket_pubsub import PubSubClient  # type: ignore[import-untyped]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from registry.callers import Scope
from tests.timing import PATIENCE
from tests.web.api.station import Station, a_station, an_item
from tests.web.api.test_events import post, until
from vedette.evidence.token import read_token
from web.api import events, pubsub


@pytest.fixture
async def station(migrated: Path, tmp_path: Path) -> AsyncIterator[Station]:
    async with a_station(migrated, tmp_path) as running:
        yield running


def address_of(station: Station, key: str = "") -> str:
    return station.server.url.replace("http", "ws", 1) + "/pubsub" + (f"?token={key}" if key else "")


class Callback:
    """What a client of SCANDALE does with what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    async def __call__(self, data: Any, topic: str) -> None:
        self.heard.append((topic, data))

    async def until(self, count: int) -> list[tuple[str, Any]]:
        """Wait for so many notifications and return them."""
        await until(lambda: len(self.heard) >= count)
        assert len(self.heard) == count
        return self.heard


@asynccontextmanager
async def subscribed(station: Station, *topics: str, by_header: bool = False) -> AsyncIterator[Callback]:
    """The library's client, connected."""
    callback, key = Callback(), await station.key(Scope.READ)
    headers = {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()}
    more = {"additional_headers": headers} if by_header else {}
    client = PubSubClient(list(topics), callback=callback, **more)
    client.start_client(address_of(station, "" if by_header else key))
    try:
        async with asyncio.timeout(PATIENCE):
            await client.wait_until_ready()
        yield callback
    finally:
        await client.disconnect()


@pytest.mark.parametrize("by_header", [False, True])
async def test_scandales_client_hears_items_and_tokens(station: Station, by_header: bool) -> None:
    async with subscribed(station, "scan", "tst", by_header=by_header) as callback:
        item = an_item()
        async with station.client(Scope.INGEST) as source:
            await source.post("/items/", json=item)
            await callback.until(1)
            uuids = [item["meta"]["uuid"], *(await post(source, 2))]
        await callback.until(3)
        await station.stamp()
        heard = await callback.until(6)
    topic, scan = heard[0]
    assert (topic, scan["version"], scan["format"], scan["payload"]) == ("scan", "1", "nmap", item["payload"])
    assert [topic for topic, _ in heard] == ["scan"] * 3 + ["tst"] * 3
    assert [data["scan_uuid"] for _, data in heard[3:]] == uuids
    assert read_token(base64.b64decode(heard[3][1]["tst"])).info.gen_time


async def test_all_topics_and_one_topic(station: Station) -> None:
    async with (
        subscribed(station, pubsub.ALL_TOPICS) as everything,
        subscribed(station, "tst") as tokens,
        station.client(Scope.INGEST) as source,
    ):
        await post(source)
        await everything.until(1)
        await station.stamp()
        await everything.until(2)
        await tokens.until(1)


async def test_subscribers_cannot_publish(station: Station) -> None:
    async with subscribed(station, "scan") as callback, talking(station, await station.key(Scope.READ)) as other:
        answer = await other.call("publish", topics=["scan"], data={"forged": True})
        assert answer["result"] is False
        async with station.client(Scope.INGEST) as source:
            (uuid,) = await post(source)
        ((_, scan),) = await callback.until(1)
        assert scan["meta"]["uuid"] == uuid


class Talk:
    """A connection on which anything can be said."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method and return the response."""
        request = {"method": method, "arguments": arguments, "call_id": "1"}
        await self.socket.send(json.dumps({"request": request, "response": None}))
        async with asyncio.timeout(PATIENCE):
            response: dict[str, Any] = json.loads(await self.socket.recv())["response"]
        return response

    async def closed(self) -> int:
        """Wait until the connection is closed and return the code."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as error:
                return error.rcvd.code if error.rcvd is not None else 1006


@asynccontextmanager
async def talking(station: Station, key: str) -> AsyncIterator[Talk]:
    """Connect without the library."""
    async with connect(address_of(station, key), proxy=None, max_size=None) as socket:
        yield Talk(socket)


async def test_the_protocols_small_methods(station: Station) -> None:
    async with talking(station, await station.key(Scope.READ)) as talk:
        assert (await talk.call("_ping_"))["result"] == "pong"
        assert (await talk.call("ping"))["result"] == "pong"
        assert len((await talk.call("_get_channel_id_"))["result"]) == 32
        assert (await talk.call("subscribe", topics=["scan"]))["result"] is True
        assert (await talk.call("subscribe", topics=["scan", "nothing"]))["result"] is False
        assert (await talk.call("unsubscribe", topics=["scan"]))["result"] is True


WRONG: tuple[str | bytes, ...] = (
    "",
    "x",
    "[]",
    "{}",
    '{"request": {}}',
    '{"request": {"method": "get_process_details", "arguments": {}}}',
    '{"request": {"method": "subscribe", "arguments": {"topics": "scan"}}}',
    '{"request": {"method": "subscribe", "arguments": {"topics": [1]}}}',
    '{"request": {"method": "subscribe", "arguments": {"topics": ' + json.dumps(["scan"] * 17) + "}}}",
    "[" * 60_000,
    "x" * 100_000,
    b"binary",
)


async def test_what_is_not_the_protocol_closes_the_connection(station: Station) -> None:
    key = await station.key(Scope.READ)
    for text in WRONG:
        async with talking(station, key) as talk:
            await talk.socket.send(text)
            assert await talk.closed() in (1000, 1006, 1008, 1009), text[:50]
    await until(lambda: station.live.stream.subscribers == 0)


async def test_strangers_and_wrong_scopes_stay_outside(station: Station) -> None:
    for key, status in (("", 401), ("wrong", 401), (await station.key(Scope.INGEST), 403)):
        with pytest.raises(InvalidStatus) as refused:
            await connect(address_of(station, key), proxy=None)
        assert refused.value.response.status_code == status
        assert b"detail" in (refused.value.response.body or b"")
    assert station.live.stream.subscribers == 0


async def test_a_page_of_another_site_stays_outside(station: Station) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(address_of(station, await station.key(Scope.READ)), proxy=None, origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


async def test_there_is_room_for_so_many(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub, "MOST", 1)
    key = await station.key(Scope.READ)
    async with talking(station, key):
        with pytest.raises(InvalidStatus) as refused:
            await connect(address_of(station, key), proxy=None)
        assert refused.value.response.status_code == 503


async def test_a_revoked_key_and_a_stopping_hub_close_it(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub, "CHECK_EVERY", 0.0)
    revoked, other = await station.key(Scope.READ, agent="reader@localhost"), await station.key(Scope.READ)
    async with (
        station.client(Scope.INGEST) as source,
        talking(station, revoked) as one,
        talking(station, other) as two,
    ):
        await one.call("subscribe", topics=["scan"])
        await station.keys.revoke_agent("reader@localhost")
        await post(source)
        assert await one.closed() == 1008
        await station.live.stop()
        assert await two.closed() == 1012


async def test_who_does_not_read_is_broken_off(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW", 1.0)
    async with connect(address_of(station, await station.key(Scope.READ)), proxy=None, max_queue=1) as socket:
        await Talk(socket).call("subscribe", topics=["scan"])
        socket.transport.pause_reading()
        async with station.client(Scope.INGEST) as source, subscribed(station, "scan") as callback:
            for number in range(60):
                item = an_item(payload=bytes(200_000))
                assert (await source.post("/items/", json=item)).status_code == 201
                await until(lambda: len(callback.heard) == number + 1)  # noqa: B023
                if station.live.stream.subscribers == 1:
                    break
            await until(lambda: station.live.stream.subscribers == 1)
        socket.transport.abort()
