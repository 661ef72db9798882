"""The local authority over HTTP (RFC 3161 section 3.4), on a small part of HTTP/1.1 (RFC 9112).

A server of our own, because this one job needs a tenth of a web framework's memory and time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vedette.errors import ConnectionFailedError
from vedette.evidence.authority.issuer import TokenIssuer

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
PEM_TYPE = "application/x-pem-file"

MAX_HEAD = 8_192
"""Largest request head, bytes."""

MAX_BODY = 16_384
"""Largest request body, bytes; a query has about 60."""

MAX_CONNECTIONS = 512
IDLE_LIMIT = 30.0
"""Seconds in which a whole request must arrive, and that a kept connection may rest."""

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class _RequestError(Exception):
    """A request that HTTP itself refuses; answered with `status`, then the connection ends."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(_REASONS[status])


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What matters of a request's head."""

    method: str
    path: str
    content_type: str
    length: int
    keep: bool


def _read_head(data: bytes) -> _Head:
    """Return a request's head (RFC 9112 sections 3 to 6)."""
    try:
        first, *lines = data.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ")
    except ValueError as error:
        raise _RequestError(400) from error
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise _RequestError(400)
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        # Two lengths, or a length beside chunks, is how requests get smuggled (RFC 9112 section 6.3).
        if not colon or name != name.strip() or (key == "content-length" and key in fields):
            raise _RequestError(400)
        fields[key] = value.strip()
    if "transfer-encoding" in fields:
        raise _RequestError(411)
    connection = fields.get("connection", "").lower()
    return _Head(
        method=method,
        path=path,
        content_type=fields.get("content-type", "").partition(";")[0].strip().lower(),
        length=_length(fields.get("content-length"), method),
        keep=connection != "close" and (version == "HTTP/1.1" or connection == "keep-alive"),
    )


def _length(text: str | None, method: str) -> int:
    """Return the announced length of the body."""
    if text is None:
        if method == "POST":
            raise _RequestError(411)
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _RequestError(400)
    if int(text) > MAX_BODY:
        raise _RequestError(413)
    return int(text)


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: AuthorityServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        if len(self._server.connections) >= MAX_CONNECTIONS:
            self._answer(503, "text/plain", b"too many connections", keep=False)
            return
        self._server.connections.add(self)
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every whole request that has arrived."""
        self._buffer += data
        try:
            while self._take_request():
                self._rest()
        except _RequestError as error:
            self._answer(error.status, "text/plain", str(error).encode(), keep=False)

    def pause_writing(self) -> None:
        """Read no more from a client that does not read its answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def end(self) -> None:
        """End the connection now: one whose client does not read would never finish sending."""
        if self._transport is not None:
            self._transport.abort()

    def _rest(self) -> None:
        """Start the time limit of the next request."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_LIMIT, self.end)

    def _take_request(self) -> bool:
        """Answer one request from the buffer; tell whether there was one."""
        if self._transport is None or self._transport.is_closing():
            return False
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD:
                raise _RequestError(431)
            return False
        head = _read_head(self._buffer[:end])
        start = end + 4
        if len(self._buffer) < start + head.length:
            return False
        body = self._buffer[start : start + head.length]
        self._buffer = self._buffer[start + head.length :]
        content_type, content = self._server.answer(head.method, head.path, head.content_type, body)
        self._answer(200, content_type, content, keep=head.keep)
        return True

    def _answer(self, status: int, content_type: str, content: bytes, *, keep: bool) -> None:
        """Write a response."""
        if self._transport is None:
            return
        lines = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(content)}\r\n" + ("" if keep else "Connection: close\r\n") + "\r\n"
        )
        self._transport.write(lines.encode("ascii") + content)
        if not keep:
            self._transport.close()


class AuthorityServer:
    """Listens and answers: `POST` a query to any path, `GET /roots.pem` for the root."""

    def __init__(self, *, issuer: TokenIssuer, roots_pem: bytes) -> None:
        self._issuer = issuer
        self._roots_pem = roots_pem
        self._server: asyncio.Server | None = None
        self.connections: set[_Connection] = set()
        """Open connections."""

    async def start(self, *, host: str, port: int) -> str:
        """Listen and return the URL; port 0 takes a free one.

        Raises:
            ConnectionFailedError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=512)
        except (OSError, OverflowError) as error:
            raise ConnectionFailedError(f"cannot listen on {host} port {port}: {error}") from error
        address, taken = self._server.sockets[0].getsockname()[:2]
        return f"http://[{address}]:{taken}/" if ":" in address else f"http://{address}:{taken}/"

    async def stop(self) -> None:
        """Stop listening and end the connections."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self.connections):
                connection.end()
            self.connections.clear()
            await self._server.wait_closed()
            self._server = None

    def answer(self, method: str, path: str, content_type: str, body: bytes) -> tuple[str, bytes]:
        """Return content type and content of the answer to a request."""
        if method == "GET":
            if path == "/roots.pem":
                return PEM_TYPE, self._roots_pem
            raise _RequestError(404)
        if method != "POST":
            raise _RequestError(405)
        if content_type != QUERY_TYPE:
            raise _RequestError(415)
        return REPLY_TYPE, self._issuer.respond(body)
