"""A web server over real sockets that answers each path as a test wants, well or badly."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from vedette.fetching.names import NameResolver

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    fields: dict[str, str]
    body: bytes
    place: str
    """Address that it came to."""


def reply(body: bytes = b"", *, status: str = "200 OK", **fields: str) -> Answer:
    """An answer with a body of known length; `content_type` and the like become headers."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return reply(status=status, Location=location)


def raw(data: bytes) -> Answer:
    """Bytes as they are, then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        raise ConnectionResetError

    return answer


def dripping(data: bytes) -> Answer:
    """One byte in a while, and never the end."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for byte in data:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0.02)
        await asyncio.Event().wait()

    return answer


@dataclass
class Origin:
    """Answers what `answers` has for a path."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    port: int = 0
    sent: int = 0
    _servers: list[asyncio.Server] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def start(self, *addresses: str, tls: ssl.SSLContext | None = None) -> None:
        """Listen on the same free port of each address."""
        for address in addresses or ("127.0.0.1",):
            server = await asyncio.start_server(self._connected, address, self.port, ssl=tls)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    def streaming(self, head: bytes, block: bytes) -> Answer:
        """An answer without end, counted."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            while True:
                writer.write(block)
                await writer.drain()
                self.sent += len(block)

        return answer

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            while True:
                asked = await _request(reader, writer)
                self.requests.append(asked)
                await self.answers.get(asked.path, reply(b"not here", status="404 Not Found"))(writer)
                await writer.drain()
        writer.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    method, path, _ = first.split(" ")
    return Asked(method=method, path=path, fields=fields, body=body, place=writer.get_extra_info("sockname")[0])


class KnownNames(NameResolver):
    """Names as a test wants them; with several answers, each look gets the next."""

    def __init__(self, **names: list[list[str]]) -> None:
        self._names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.looks: list[str] = []

    async def addresses(self, host: str, port: int) -> list[str]:
        self.looks.append(host)
        answers = self._names.get(host)
        if answers is None:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]
