"""The clients of `bench/api.py`: a process of its own, told over its stdin what to ask.

They speak HTTP/1.1 over plain sockets: a library's client would take longer than the server that is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

from told import begin, obey

SIZE = 1024
"""Bytes of a payload."""


def an_item() -> dict[str, Any]:
    """Return an item as SCANDALE's external sources post it."""
    raw = base64.b64encode(os.urandom(SIZE)).decode()
    meta = {"uuid": str(uuid4()), "ts": int(time.time()), "type": "scan"}
    return {"version": "1", "format": "bench", "meta": meta, "payload": {"raw": raw}}


class Client:
    """One connection."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._basic = base64.b64encode(f"bench:{key}".encode())

    async def open(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection(self._host, self._port)
        return self

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request."""
        self.writer.write(
            b"%b %b HTTP/1.1\r\nHost: %b\r\nAuthorization: Basic %b\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (method.encode(), path.encode(), self._host.encode(), self._basic, len(body), body)
        )

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request and return status and body of the answer."""
        self.send(method, path, body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        place = lower.index(b"content-length:")
        length = int(lower[place + 15 : lower.index(b"\r\n", place)])
        return int(head[9:12]), await self.reader.readexactly(length)


class Script:
    """What the clients can be told to do."""

    def __init__(self) -> None:
        self._readers: list[Client] = []
        self._uuids: list[str] = []

    async def use(self, url: str, key: str) -> dict[str, Any]:
        """Ask this server from now on."""
        self._url, self._key = url, key
        return {}

    async def post(self, count: int, clients: int) -> dict[str, Any]:
        """Post items as fast as they are answered; answers with the seconds and how many were stored."""
        bodies = [json.dumps(an_item()).encode() for _ in range(count)]
        return await self._all(clients, iter(bodies), lambda client, body: client.ask("POST", "/items/", body))

    async def get(self, paths: list[str], clients: int = 1) -> dict[str, Any]:
        """Get these paths."""
        return await self._all(clients, iter(paths), lambda client, path: client.ask("GET", path))

    async def _all(
        self,
        clients: int,
        work: Iterator[Any],
        ask: Callable[[Client, Any], Awaitable[tuple[int, bytes]]],
    ) -> dict[str, Any]:
        times: list[float] = []
        statuses: dict[int, int] = {}
        wrong: list[str] = []

        async def one(client: Client) -> None:
            for piece in work:
                started = time.perf_counter()
                status, body = await ask(client, piece)
                times.append((time.perf_counter() - started) * 1000)
                statuses[status] = statuses.get(status, 0) + 1
                if status >= 300 or body == b'{"validity":false}':
                    wrong.append(body[:200].decode())

        opened = [await Client(self._url, self._key).open() for _ in range(clients)]
        cpu, started = time.process_time(), time.perf_counter()
        await asyncio.gather(*(one(client) for client in opened))
        seconds = time.perf_counter() - started
        for client in opened:
            client.writer.close()
        return {
            "seconds": seconds,
            "cpu_s": time.process_time() - cpu,
            "times": times,
            "statuses": statuses,
            "wrong": wrong[:3],
        }

    async def subscribe(self, count: int) -> dict[str, Any]:
        """Subscribe to the events many times."""
        for _ in range(count):
            client = await Client(self._url, self._key).open()
            client.send("GET", "/v1/events?topics=scan")
            self._readers.append(client)
        for client in self._readers:
            await client.reader.readuntil(b"\r\n\r\n")
            await client.reader.readuntil(b"id: ")
        return {}

    async def hear(self) -> dict[str, Any]:
        """Post an item; answers with the milliseconds from before the request until each subscriber knew of it."""
        item = an_item()
        uuid = item["meta"]["uuid"].encode()

        async def one(client: Client) -> float:
            await client.reader.readuntil(uuid)
            return time.perf_counter()

        waiting = [asyncio.create_task(one(client)) for client in self._readers]
        poster = await Client(self._url, self._key).open()
        await asyncio.sleep(0.2)
        started = time.perf_counter()
        await poster.ask("POST", "/items/", json.dumps(item).encode())
        times = [(moment - started) * 1000 for moment in await asyncio.gather(*waiting)]
        poster.writer.close()
        return {"times": times}

    async def leave(self) -> dict[str, Any]:
        """Close all subscriptions."""
        for client in self._readers:
            client.writer.close()
        self._readers = []
        return {}


def main() -> None:
    """Be the clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    begin(arguments.parent_pid)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    random.seed(1)
    asyncio.run(obey(Script()))


if __name__ == "__main__":
    main()
