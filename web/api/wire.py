"""uvicorn's protocols with the bounds that they lack: what a request sends besides its body, and its head's time.

A stream that nobody reads is broken off by the application through the ASGI extension `ABORT`: to close it
properly would wait for the reader.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

ABORT = "vedette.abort"
"""Name of the ASGI extension: a function that breaks the connection off at once."""

MAX_HEAD = 16 * 1024
"""Bytes of a request's line and headers; the same of what comes without any body, such as trailers."""

MAX_FRAGMENTS = 1024
"""Frames of one message over a WebSocket: their bytes are bounded elsewhere, but empty ones have none."""

HEAD_TIME = 10.0
"""Seconds that a client may take for them, from its first byte or from when it connected."""

_TOO_LARGE = "The request's line and headers are too long."
_NO_HANDSHAKE = b"This is no WebSocket handshake."


class _HeadTooLargeError(Exception):
    """Stops the parser, which does not bound a head by itself."""


class _AmbiguousHostError(Exception):
    """Stops the parser: RFC 9112, 3.2, wants exactly one Host."""


class BoundedHttp(HttpToolsProtocol):
    """HTTP/1.1 with httptools, whose heads are bounded in bytes and time, and trailers in bytes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._idle_bytes = 0
        self._too_large = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time that runs."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that does not end."""
        if self._in_head:
            self._head_bytes += len(data)
            self._start_timer()
        self._idle_bytes += len(data)
        super().data_received(data)
        # A header that goes on and on is kept by the parser, which tells nobody before it ends.
        if self._in_head and self._head_bytes > MAX_HEAD and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response(_TOO_LARGE)
        elif not self._in_head and self._idle_bytes > MAX_HEAD:
            # Trailers or a chunk's extensions without end; an answer may be on its way already.
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is none (RFC 9110, 6.5.1), and no proxy looked at it."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Start the request, if its head is not too long."""
        self._in_head = False
        self._idle_bytes = 0
        self._stop_timer()
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD:
            self._too_large = True
            raise _HeadTooLargeError
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise _AmbiguousHostError
        self.scope["extensions"] = cast(Any, {ABORT: self.transport.abort})
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, or 431 (RFC 6585 section 5) a head that is too long, and close."""
        self._stop_timer()
        if not self._too_large:
            super().send_400_response(msg)
            return
        body = _TOO_LARGE.encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
            body
        )
        self.transport.write(STATUS_LINE[431] + head + body)
        self.transport.close()

    def _start_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIME, self._too_slow)

    def _stop_timer(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.abort()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """WebSockets that the application can break off, and whose handshake is refused if it is none."""

    def data_received(self, data: bytes) -> None:
        """Read what came, the whole handshake at first; of a wrong one the library tells nobody."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[400] + head % len(_NO_HANDSHAKE) + _NO_HANDSHAKE)
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Keep a fragment, unless there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.transport.abort()

    def handle_connect(self, event: Request) -> None:
        """Offer the extension to the application."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast(Any, self.scope)["extensions"][ABORT] = self.transport.abort
