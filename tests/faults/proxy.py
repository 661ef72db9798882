"""A TCP proxy that does to a connection what bad networks do: delay, throttle, cut, swallow, corrupt.

It runs in a thread of its own. What it does can be changed at any moment and applies to the connections that
are open as well; `heal` makes it an honest proxy again.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from tests.timing import PATIENCE

PIECE = 4096
"""Bytes that are passed on together."""


class FaultProxy:
    """Listens on a free loopback port and passes everything on to the target, until it is told not to."""

    def __init__(self, target: str, *, chance: random.Random | None = None) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._chance = chance or random.Random(0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy")
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._delay = 0.0
        self._rate = 0.0
        self._corrupt = 0
        self._refusing = False
        self.connections = 0
        """Connections that were ever accepted."""
        self.corrupted = 0
        """Pieces in which a bit was turned."""
        self.passed = 0
        """Bytes that were passed on, both ways."""

    # Life ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """Host and port that clients connect to."""
        return f"127.0.0.1:{self._port}"

    # Faults --------------------------------------------------------------------------

    def slow_down(self, seconds: float) -> None:
        """Hold every byte for so long, each way."""
        self._delay = seconds

    def throttle(self, bytes_a_second: float) -> None:
        """Pass on at most so much on each connection, each way."""
        self._rate = bytes_a_second

    def corrupt(self, pieces: int) -> None:
        """Turn one bit in each of the next pieces."""
        self._corrupt = pieces

    def cut(self) -> None:
        """Reset every open connection; new ones are accepted."""
        self._do(self._reset())

    def refuse(self) -> None:
        """Reset every open connection and every new one."""
        self._refusing = True
        self.cut()

    def swallow(self) -> None:
        """Go half-open: nothing passes any more, and nobody is told (a cut cable, a dead firewall)."""
        self._do(self._set(self._honest.clear))

    def heal(self) -> None:
        """Be an honest proxy again."""
        self._delay = self._rate = 0.0
        self._corrupt = 0
        self._refusing = False
        self._do(self._set(self._honest.set))

    # Inside its thread ---------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _set(self, change: Callable[[], None]) -> None:
        change()

    async def _listen(self) -> None:
        self._honest = asyncio.Event()
        self._honest.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _reset(self) -> None:
        for writer in list(self._writers):
            _reset_at_close(writer)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._refusing:
            _reset_at_close(writer)
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self._honest.wait()
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(back)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(4096)
        writing = asyncio.create_task(self._pass_on(held, sink))
        try:
            with suppress(OSError):
                while data := await source.read(PIECE):
                    await held.put((self._loop.time() + self._delay, data))
            await held.put((self._loop.time() + self._delay, b""))
            await writing
        finally:
            writing.cancel()
            self._writers.discard(sink)
            sink.transport.abort()

    async def _pass_on(self, held: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            await self._honest.wait()
            if not data:
                return
            if self._rate:
                await asyncio.sleep(len(data) / self._rate)
            try:
                sink.write(self._damaged(data))
                await sink.drain()
            except OSError:
                return
            self.passed += len(data)

    def _damaged(self, data: bytes) -> bytes:
        if self._corrupt <= 0:
            return data
        self._corrupt -= 1
        self.corrupted += 1
        place = self._chance.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << self._chance.randrange(8)]) + data[place + 1 :]


def _reset_at_close(writer: asyncio.StreamWriter) -> None:
    # With linger 0 closing sends RST instead of FIN: what was not read yet is thrown away as well.
    opened: socket.socket | None = writer.get_extra_info("socket")
    if opened is not None:
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
