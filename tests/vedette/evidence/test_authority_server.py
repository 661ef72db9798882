"""The local authority over HTTP, in this process: OpenSSL's requests, and HTTP that is not what it must be."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.timing import PATIENCE
from tests.vedette.evidence.oracle import OpenSsl
from vedette.clock import SystemClock
from vedette.errors import ConnectionFailedError
from vedette.evidence.authority import server as server_module
from vedette.evidence.authority.identity import AuthorityIdentity, create_identity
from vedette.evidence.authority.issuer import TokenIssuer
from vedette.evidence.authority.server import MAX_BODY, MAX_HEAD, AuthorityServer
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query, read_response
from vedette.evidence.timestamping import QUERY_TYPE, REPLY_TYPE, HttpAuthority

DATA = b"what was observed"
IMPRINT = hashlib.sha256(DATA).digest()
QUERY = build_query(IMPRINT, nonce=7)


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    server: AuthorityServer
    url: str
    identity: AuthorityIdentity

    async def raw(self, *pieces: bytes) -> bytes:
        """Send bytes in pieces; return all that comes back until the connection ends."""
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> AuthorityIdentity:
    return create_identity(tmp_path_factory.mktemp("authority") / "tsa", clock=SystemClock())


@pytest.fixture
async def running(identity: AuthorityIdentity) -> AsyncIterator[Running]:
    server = AuthorityServer(issuer=TokenIssuer(identity=identity, clock=SystemClock()), roots_pem=identity.roots_pem)
    url = await server.start(host="127.0.0.1", port=0)
    yield Running(server, url, identity)
    await server.stop()
    assert not server.connections


def post(body: bytes, *more: str, kind: str = QUERY_TYPE, version: str = "HTTP/1.1") -> bytes:
    lines = [f"POST / {version}", "Host: x", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_openssl_asks_over_http_and_verifies(running: Running, openssl: OpenSsl) -> None:
    query = openssl.query(DATA, "-sha256", "-cert")
    headers = {"Content-Type": QUERY_TYPE}
    async with aiohttp.ClientSession() as session, session.post(running.url, data=query, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, REPLY_TYPE)
        response = await answer.read()
    assert openssl.accepts(response=response, query=query, roots_pem=running.identity.roots_pem)


async def test_our_client_takes_its_tokens(running: Running) -> None:
    roots = TrustRoots.from_pem(running.identity.roots_pem, place="roots.pem")
    async with HttpAuthority(
        name="local", url=running.url, roots=roots, external=False, clock=SystemClock()
    ) as authority:
        tokens = await asyncio.gather(*(authority.stamp(IMPRINT) for _ in range(20)))
    assert len({token.serial for token in tokens}) == 20


async def test_what_it_cannot_stamp_is_a_response_too(running: Running) -> None:
    answer = await running.raw(post(b"<html>", "Connection: close"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read_response(body).failures == ("badDataFormat",)


async def test_its_root_can_be_fetched(running: Running) -> None:
    answer = await running.raw(b"GET /roots.pem HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n" + running.identity.roots_pem)


async def test_requests_may_come_together_or_in_pieces(running: Running) -> None:
    one, last = post(QUERY), post(QUERY, "Connection: close")
    together = await running.raw(one + one + last)
    assert together.count(b"HTTP/1.1 200 OK") == 3
    pieces = await running.raw(*(last[at : at + 7] for at in range(0, len(last), 7)))
    assert pieces.count(b"HTTP/1.1 200 OK") == 1


BAD_HTTP = {
    "no http": (b"\x16\x03\x01\x00\r\n\r\n", 400),
    "another version": (b"POST / HTTP/2.0\r\n\r\n", 400),
    "no length": (b"POST / HTTP/1.1\r\nContent-Type: application/timestamp-query\r\n\r\n", 411),
    "chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a signed length": (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
    "a space before the colon": (b"POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400),
    "a folded line": (b"POST / HTTP/1.1\r\nHost: x\r\n Content-Length: 1\r\n\r\n", 400),
    "too large": (f"POST / HTTP/1.1\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode(), 413),
    "a head without end": (b"POST / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD, 431),
    "another type": (post(QUERY, kind="text/plain"), 415),
    "another method": (b"DELETE / HTTP/1.1\r\n\r\n", 405),
    "another page": (b"GET /etc/passwd HTTP/1.1\r\n\r\n", 404),
}


@pytest.mark.parametrize("name", BAD_HTTP)
async def test_bad_http_is_answered_with_its_status_and_ends_the_connection(name: str, running: Running) -> None:
    request, status = BAD_HTTP[name]
    answer = await running.raw(request)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nConnection: close\r\n" in answer


async def test_a_client_that_sends_nothing_is_let_go(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "IDLE_LIMIT", 0.1)
    assert await running.raw(b"POST / HTTP/1.1\r\n") == b""


async def test_too_many_connections_are_turned_away(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 0)
    assert (await running.raw()).startswith(b"HTTP/1.1 503 ")


async def test_a_client_that_does_not_read_is_not_read_either(running: Running) -> None:
    parts = urlsplit(running.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1024)
    block = post(QUERY) * 200
    for _ in range(5_000):
        writer.write(block)
        try:
            await asyncio.wait_for(writer.drain(), 0.5)
        except TimeoutError:
            break
    else:
        pytest.fail("the server read all of it")
    assert (await running.raw(post(QUERY, "Connection: close"))).startswith(b"HTTP/1.1 200 ")
    assert not reader.at_eof()
    writer.transport.abort()


async def test_a_taken_port_is_told(running: Running) -> None:
    second = AuthorityServer(issuer=TokenIssuer(identity=running.identity, clock=SystemClock()), roots_pem=b"")
    with pytest.raises(ConnectionFailedError, match=r"cannot listen on 127\.0\.0\.1 port"):
        await second.start(host="127.0.0.1", port=urlsplit(running.url).port or 0)
    with pytest.raises(ConnectionFailedError, match="cannot listen on 127"):
        await second.start(host="127.0.0.1", port=99_999)
    await second.stop()
