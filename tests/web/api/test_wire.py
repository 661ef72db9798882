"""What comes before a route: heads are bounded in bytes and time, and what is not HTTP is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.timing import PATIENCE
from web.api import wire
from web.api.concurrency import Concurrency
from web.api.server import ApiServer


@asynccontextmanager
async def served(app: ASGIApp | None = None) -> AsyncIterator[tuple[str, int]]:
    """A server, without an application one of nothing: every path is 404."""
    server = ApiServer(app=app or FastAPI(docs_url=None, redoc_url=None, openapi_url=None))
    await server.start()
    address = urlsplit(server.url)
    try:
        yield address.hostname or "", address.port or 0
    finally:
        await server.stop()


async def answer_to(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send pieces and return all that comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*address)
    async with asyncio.timeout(PATIENCE):
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
        except ConnectionError:
            return b"reset"
        finally:
            writer.close()


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def test_a_usual_request_is_answered() -> None:
    async with served() as address:
        answer = await answer_to(address, GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "head",
    [
        [GET + b"X: " + b"x" * 17_000 + b"\r\n\r\n"],
        [GET + b"X: ", *[b"x" * 5_000] * 5],
        [GET, *[b"X-%d: %b\r\n" % (number, b"x" * 1000) for number in range(20)]],
        [b"GET /" + b"x" * 20_000],
        [GET + b"X: y\r\n" * 3_000 + b"\r\n"],
    ],
    ids=["one-header", "a-header-without-end", "many-headers", "a-path-without-end", "many-small-ones"],
)
async def test_a_long_head_is_431(head: list[bytes]) -> None:
    async with served() as address:
        assert (await answer_to(address, *head)).startswith((b"HTTP/1.1 431 ", b"reset"))


@pytest.mark.parametrize("text", [b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\x00\r\n"])
async def test_what_is_not_http_is_400(text: bytes) -> None:
    async with served() as address:
        assert (await answer_to(address, text + b"\r\n\r\n")).startswith((b"HTTP/1.1 400 ", b"reset"))


@pytest.mark.parametrize("head", [b"", b"GET", GET])
async def test_a_head_that_does_not_come_ends_the_connection(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_TIME", 0.2)
    async with served() as address:
        assert await answer_to(address, head) in (b"", b"reset")


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.mark.parametrize(
    "endless",
    [b"0\r\nX: " + b"x" * 1_000_000, b"0\r\n" + b"X: y\r\n" * 150_000, b"5;" + b"x" * 1_000_000],
    ids=["one-trailer", "many-trailers", "a-chunk-extension"],
)
async def test_what_goes_on_without_any_body_is_cut_off(endless: bytes) -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        release.set()

    async with served(app) as address:
        assert await answer_to(address, CHUNKED, endless) in (b"", b"reset")
        await asyncio.wait_for(release.wait(), PATIENCE)


async def test_a_long_body_in_small_chunks_is_not() -> None:
    body = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    taken = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        while (message := await receive()).get("more_body"):
            taken += len(message["body"])
        taken += len(message["body"])
        await send({"type": "http.response.start", "status": 204, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body"})

    async with served(app) as address:
        assert (await answer_to(address, CHUNKED + body)).startswith(b"HTTP/1.1 204 ")
    assert taken == 20_005


async def test_a_trailer_is_no_header() -> None:
    seen: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body"})

    async with served(app) as address:
        whole = CHUNKED + b"0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        assert (await answer_to(address, whole)).startswith(b"HTTP/1.1 204 ")
    assert seen == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"], ids=["none", "two"])
async def test_one_host_is_needed(hosts: bytes) -> None:
    async with served() as address:
        assert (await answer_to(address, b"GET / HTTP/1.1\r\n" + hosts + b"\r\n")).startswith(b"HTTP/1.1 400 ")


UPGRADE = b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"X: y\r\n" * 500 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"X: " + b"y" * 10_000 + b"\r\n\r\n",
    ],
    ids=["a-post", "many-headers", "a-long-header"],
)
async def test_a_wrong_handshake_is_refused_and_keeps_no_connection(head: bytes) -> None:
    async with served() as address:
        assert (await answer_to(address, head)).startswith(b"HTTP/1.1 400 ")


async def test_fragments_without_end_end_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    text, empty = b"\x01\x80\x00\x00\x00\x00", b"\x00\x80\x00\x00\x00\x00"
    async with served(app) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\n" + UPGRADE + key)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(text + empty * 2_000)
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()


async def test_a_crowd_of_requests_is_told_to_wait_and_streams_are_not_counted() -> None:
    release, running = asyncio.Event(), 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal running
        running += 1
        await release.wait()

    crowd = Concurrency(app, streams={"/stream"}, limit=2)
    statuses: list[int] = []

    async def ask(path: str) -> None:
        async def send(message: dict[str, object]) -> None:
            statuses.append(int(str(message.get("status", 0))))

        await crowd({"type": "http", "path": path, "method": "GET"}, None, send)  # type: ignore[arg-type]

    tasks = [asyncio.create_task(ask(path)) for path in ("/", "/", "/stream", "/stream", "/stream")]
    while running < 5:
        await asyncio.sleep(0)
    await ask("/")
    assert statuses[0] == 503
    release.set()
    await asyncio.gather(*tasks)
    statuses.clear()
    await ask("/")
    assert statuses == []
