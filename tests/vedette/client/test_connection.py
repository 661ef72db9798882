"""The client against servers that are wrong: gone, silent, redirecting, endless, or no hub at all."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ejabberd.authority import Authority
from vedette.client import ApiError, UnexpectedAnswerError, VedetteClient, connection
from vedette.errors import ConfigurationError, ConnectionFailedError

KEY = "vdt_a-secret-that-nobody-repeats"
UUID = "00000000-0000-4000-8000-000000000001"
PAGE = b'{"items": [], "next": "again", "previous": null}'

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each connection's first request with what comes next in a list, the last again and again."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer; None breaks the connection off."""
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@asynccontextmanager
async def talking(*answers: bytes | None) -> AsyncIterator[tuple[VedetteClient, Server]]:
    """A client and the server that it asks."""
    server = Server(*answers)
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with VedetteClient(url=f"http://127.0.0.1:{port}/", api_key=KEY) as client:
            yield client, server


async def agents_of(client: VedetteClient) -> list[str]:
    return [agent.jid async for agent in client.agents.list()]


def nothing_in(folder: Path) -> bool:
    return not list(folder.iterdir())


EMPTY = reply(b'{"items": [], "next": null, "previous": null}')


async def test_a_reading_is_tried_again_and_a_change_is_not() -> None:
    async with talking(None, None, EMPTY) as (client, server):
        assert await agents_of(client) == []
        assert len(server.requests) == 3
    async with talking(None) as (client, server):
        with pytest.raises(ConnectionFailedError, match="does not answer"):
            await agents_of(client)
        assert len(server.requests) == 3
        with pytest.raises(ConnectionFailedError):
            await client.alarms.acknowledge(1)
        with pytest.raises(ConnectionFailedError):
            await client.keys.revoke("0" * 16)
        assert len(server.requests) == 5


async def test_a_redirect_takes_the_key_nowhere() -> None:
    async with talking(EMPTY) as (_, elsewhere_server):
        moved = reply(b"", "302 Found", "Location: http://127.0.0.1:1/v1/agents")
        async with talking(moved) as (client, _):
            with pytest.raises(ApiError, match="302"):
                await agents_of(client)
        assert elsewhere_server.requests == []


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", b'{"items": [{"jid": 1}], "next": null}', b'{"items": {}, "next": null}', b"\xff"],
)
async def test_what_is_no_hub_is_told_from_one(body: bytes) -> None:
    async with talking(reply(body)) as (client, _):
        with pytest.raises(UnexpectedAnswerError):
            await agents_of(client)


async def test_a_list_that_goes_in_a_circle_ends() -> None:
    async with talking(reply(PAGE)) as (client, server):
        with pytest.raises(UnexpectedAnswerError, match="does not go on"):
            await agents_of(client)
        assert len(server.requests) == 2


async def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER", 1000)
    async with talking(reply(b" " * 1001)) as (client, _):
        with pytest.raises(UnexpectedAnswerError, match="more than 1000 bytes"):
            await agents_of(client)
    async with talking(reply(b"x" * 5000)) as (client, _):
        with pytest.raises(UnexpectedAnswerError, match="more than 100 bytes"):
            await client.items.bundle(UUID, tmp_path / "bundle.zip", most=100)
    assert nothing_in(tmp_path)


async def test_half_an_answer_is_none(tmp_path: Path) -> None:
    half = reply(b"x" * 5000)[:-1000]
    async with talking(half) as (client, _):
        with pytest.raises(ConnectionFailedError):
            await client.items.bundle(UUID, tmp_path / "bundle.zip")
    assert nothing_in(tmp_path)


async def test_damaged_bytes_are_not_kept(tmp_path: Path) -> None:
    known = (
        b'{"sha256": "%b", "size": 1, "content_type": "a/b", "created_at": 1, "created_by": "x", "description": {}}'
        % (b"0" * 64)
    )
    async with talking(reply(known), reply(b"damaged")) as (client, _):
        with pytest.raises(ConfigurationError, match="SHA-256 differs"):
            await client.documents.get("0" * 64, tmp_path / "document")
    assert nothing_in(tmp_path)


async def test_a_refusal_of_whatever_form_is_one_line_and_bounded() -> None:
    for body in (b"", b"<html>", b"[1]", b'{"detail": ["x"]}', b'{"detail": "' + b"y" * 100_000 + b'"}'):
        async with talking(reply(body, "503 Service Unavailable")) as (client, _):
            with pytest.raises(ApiError) as refused:
                await agents_of(client)
            assert refused.value.status == 503
            assert len(str(refused.value)) < 1200


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIME", 0.3)
    gone = asyncio.Event()

    async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with VedetteClient(url=f"http://localhost:{port}", api_key=KEY) as client:
            with pytest.raises(ConnectionFailedError):
                await agents_of(client)
            gone.set()


async def test_nobody_is_believed_without_a_certificate(tmp_path: Path) -> None:
    ours, others = (Authority(tmp_path / name) for name in ("ours", "others"))
    ours.server("localhost", names=["127.0.0.1"])
    certificate, key = others.server("localhost", names=["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = Server(EMPTY)
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=context) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with VedetteClient(url=url, api_key=KEY, ca=ours.ca_file) as client:
            with pytest.raises(ConnectionFailedError, match="certificate"):
                await agents_of(client)
        assert server.requests == []
        async with VedetteClient(url=url, api_key=KEY, ca=others.ca_file) as client:
            assert await agents_of(client) == []
    (tmp_path / "text").write_text("no certificate")
    for file in (tmp_path / "text", tmp_path / "missing"):
        async with VedetteClient(url="https://127.0.0.1:1", api_key=KEY, ca=file) as client:
            with pytest.raises(ConfigurationError, match="PEM"):
                await agents_of(client)


async def test_the_key_is_in_no_message_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with talking(None) as (client, server):
        with pytest.raises(ConnectionFailedError) as failed:
            await agents_of(client)
        assert KEY.encode() in server.requests[0]
        assert KEY not in f"{failed.value!r} {failed.value.__cause__!r} {caplog.text} {client!r} {vars(client)!r}"
