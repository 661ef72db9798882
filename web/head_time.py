"""A time limit for the heads of requests, which aiohttp lacks: a client that dawdles would stay for ever."""

from __future__ import annotations

import asyncio

HEAD_TIME = 10.0
"""Seconds that a client may take for a request's line and headers, from connecting or from their first byte."""

_END = b"\r\n\r\n"


class HeadTime(asyncio.Protocol):
    """Passes a connection on to its protocol, and breaks it off when a head takes too long.

    For servers whose requests have no bodies: what follows a head is taken for the next one.
    """

    def __init__(self, protocol: asyncio.Protocol, *, seconds: float = HEAD_TIME) -> None:
        self._protocol = protocol
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the client its time for the first head."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._start()
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Start the time with the first byte of a head, and stop it with the last."""
        ended, _, rest = (self._tail + data).rpartition(_END)
        if ended or self._tail + data == _END:
            self._stop()
        if rest:
            self._start()
        self._tail = rest[-len(_END) + 1 :]
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the client's bytes on."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client reads slowly."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that it reads again."""
        self._protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass the end of the connection on."""
        self._stop()
        self._protocol.connection_lost(error)

    def _start(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._too_slow)

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _too_slow(self) -> None:
        self._timer = None
        if self._transport is not None:
            self._transport.abort()
