"""A time-stamping authority that misbehaves in a chosen way, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum

from tests.vedette.evidence.forge import ROOT, UNIT, Chain, Order, chain, token
from vedette.evidence import der
from vedette.evidence.exchange import Failure, read_query, rejection

REPLY = "application/timestamp-reply"
OTHER_POLICY = "1.3.6.1.4.1.32473.99"
ENDLESS = 10 * 1024**3


class Lie(Enum):
    """What the authority does instead of its duty."""

    NONE = "answers as it should"
    GRANTED_WITH_MODS = "answers as it should, status grantedWithMods"
    SILENT = "accepts and never answers"
    DRIPPING = "sends one byte in a while"
    REFUSING = "rejects each request"
    UNAVAILABLE = "answers 503"
    BUSY = "answers 429 and when to come again"
    CLOSING = "closes without an answer"
    WRONG_NONCE = "repeats another nonce"
    NO_NONCE = "leaves the nonce out"
    WRONG_IMPRINT = "stamps something else"
    HTML = "answers a page"
    HTML_AS_REPLY = "answers a page and calls it a reply"
    REDIRECT = "sends elsewhere"
    ENDLESS = "streams 10 GB"
    ENDLESS_CHUNKED = "streams chunks without end"
    NOTHING = "answers with an empty body"
    GARBAGE = "answers random bytes"
    COMPRESSED = "answers with a content encoding"
    EXPIRED = "signs with an expired certificate"
    STRANGER = "signs under a root that nobody trusts, embedded"
    OTHER_POLICY = "stamps under another policy"
    BACKDATED = "stamps an hour ago"
    FUTURE = "stamps an hour ahead"
    REPLAY = "repeats its first answer"


def live_chain(*, ended: bool = False, stranger: bool = False) -> Chain:
    """A chain valid now, or ended yesterday, or under another root of the same name."""
    start = datetime.now(UTC) - timedelta(days=10)
    return chain(UNIT.but(start=start, days=9 if ended else 20), ROOT.but(start=start, number=66 if stranger else 1))


class LyingAuthority:
    """Answers RFC 3161 requests over HTTP, or lies as `lie` says."""

    def __init__(self) -> None:
        self.lie = Lie.NONE
        self.chain = live_chain()
        self.requests: list[bytes] = []
        self.heads: list[dict[bytes, bytes]] = []
        self.sent = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._first = b""

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/tsr"

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()

    @property
    def nonces(self) -> list[int | None]:
        """The nonces that were sent to it."""
        return [read_query(request).nonce for request in self.requests]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                self.heads.append(fields)
                request = await reader.readexactly(int(fields[b"content-length"]))
                self.requests.append(request)
                if not await self._answer(request, writer):
                    break
        writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection stays."""
        if self.lie is Lie.CLOSING:
            return False
        if self.lie is Lie.SILENT:
            await asyncio.Event().wait()
        if self.lie is Lie.DRIPPING:
            return await self._drip(writer)
        if self.lie in {Lie.ENDLESS, Lie.ENDLESS_CHUNKED}:
            return await self._stream(writer)
        status, content_type, more, body = self._plain(request)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()
        return True

    def _plain(self, request: bytes) -> tuple[str, str, str, bytes]:
        """Status, content type, further headers and body."""
        page = b"<html><body>Please log in</body></html>"
        plain: dict[Lie, tuple[str, str, str, bytes]] = {
            Lie.HTML: ("200 OK", "text/html; charset=utf-8", "", page),
            Lie.HTML_AS_REPLY: ("200 OK", REPLY, "", page),
            Lie.REDIRECT: ("302 Found", REPLY, f"Location: {self.url}/elsewhere\r\n", b""),
            Lie.NOTHING: ("200 OK", REPLY, "", b""),
            Lie.GARBAGE: ("200 OK", REPLY, "", bytes(range(256)) * 4),
            Lie.UNAVAILABLE: ("503 Service Unavailable", "text/plain", "", b"busy"),
            Lie.BUSY: ("429 Too Many Requests", "text/plain", "Retry-After: 15\r\n", b"slowly"),
            Lie.REFUSING: ("200 OK", REPLY, "", rejection(Failure.badAlg, "we do not like it")),
        }
        if self.lie in plain:
            return plain[self.lie]
        more = "Content-Encoding: gzip\r\n" if self.lie is Lie.COMPRESSED else ""
        return "200 OK", REPLY, more, self._stamped(request)

    def _stamped(self, request: bytes) -> bytes:
        """A signed response, with whatever lie inside."""
        query = read_query(request)
        nonce = 0 if query.nonce is None else query.nonce
        moment = datetime.now(UTC)
        order = Order(imprint=query.imprint, imprint_digest=query.digest_algorithm, nonce=query.nonce)
        order = order.but(gen_time=_time(moment), policy=query.policy or order.policy)
        lies: dict[Lie, Callable[[], Order]] = {
            Lie.WRONG_NONCE: lambda: order.but(nonce=nonce ^ 1),
            Lie.NO_NONCE: lambda: order.but(nonce=None),
            Lie.WRONG_IMPRINT: lambda: order.but(imprint=bytes(len(query.imprint))),
            Lie.OTHER_POLICY: lambda: order.but(policy=OTHER_POLICY),
            Lie.BACKDATED: lambda: order.but(gen_time=_time(moment - timedelta(hours=1))),
            Lie.FUTURE: lambda: order.but(gen_time=_time(moment + timedelta(hours=1))),
        }
        order = lies.get(self.lie, lambda: order)()
        by = self.chain
        if self.lie is Lie.EXPIRED:
            by = self.chain = live_chain(ended=True)
        if self.lie is Lie.STRANGER:
            by = live_chain(stranger=True)
            order = order.but(embed=tuple(sorted(issued.der for issued in by.issued)))
        status = 1 if self.lie is Lie.GRANTED_WITH_MODS else 0
        made = der.sequence(der.sequence(der.integer(status)), token(by, order))
        self._first = self._first or made
        return self._first if self.lie is Lie.REPLAY else made

    async def _drip(self, writer: asyncio.StreamWriter) -> bool:
        """Send bytes too slowly ever to end."""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {REPLY}\r\nContent-Length: 1000\r\n\r\n".encode())
        while True:
            writer.write(b"0")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _stream(self, writer: asyncio.StreamWriter) -> bool:
        """Send for as long as somebody reads."""
        chunked = self.lie is Lie.ENDLESS_CHUNKED
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {ENDLESS}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {REPLY}\r\n{length}\r\n\r\n".encode())
        block = bytes(65_536)
        while self.sent < ENDLESS:
            writer.write(b"10000\r\n" + block + b"\r\n" if chunked else block)
            await writer.drain()
            self.sent += len(block)
        return False


def _time(moment: datetime) -> bytes:
    return moment.strftime("%Y%m%d%H%M%SZ").encode()
