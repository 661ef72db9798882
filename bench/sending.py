"""The sender of benchmarks: a process of its own with an outbox, told over its stdin what to do."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import os
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

from told import Told, begin, obey, told

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.deliver import Deliver
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox
from vedette.clock import MICROSECONDS, SystemClock

SIZE = 1024
"""Bytes of a payload."""

TOGETHER = 100
"""Items that the sender commits to its outbox at once, where it goes as fast as it can."""

TICK = 0.01
"""Seconds between commits of a sender that goes at a given rate."""

ENOUGH = 4_000_000_000
"""Bytes that the outbox may hold: a benchmark measures no back-pressure."""


class Sender(BaseAgent):
    """An agent that only delivers."""

    def __init__(self, *, identity: Identity, outbox: Outbox) -> None:
        super().__init__(identity=identity, clock=SystemClock(), view_port=None)
        self.outbox = outbox
        self.delivering = Deliver(
            clock=self.clock,
            agent=self.identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=outbox,
            key=self.identity.key,
            target="aggregation",
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return deliver and register."""
        return [self.delivering, self.registering()]

    async def confirmed(self, count: int) -> None:
        """Wait until `count` items are confirmed since the start."""
        while self.delivering.counters["confirmed"] < count:
            await asyncio.sleep(0.005)


def make_item() -> dict[str, Any]:
    """Return an item with a random payload: it cannot be compressed away."""
    now = time.time_ns() // 1000
    payload = os.urandom(SIZE)
    return {
        "version": "1",
        "format": "bench",
        "meta": {
            "uuid": str(uuid4()),
            "ts": now // MICROSECONDS,
            "type": "scan",
            "source": "vedette.in.structured.bench.sender",
            "collected_at": now,
            "target": "127.0.0.1",
            "content_type": "application/octet-stream",
            "sha256": hashlib.sha256(payload).hexdigest(),
        },
        "payload": {"raw": base64.b64encode(payload).decode()},
    }


class Script:
    """What the sender can be told to do; items are made before the time is taken."""

    def __init__(self, agent: Sender) -> None:
        self._agent = agent
        self._items: list[dict[str, Any]] = []
        self._sent = 0

    async def make(self, count: int) -> dict[str, Any]:
        """Make the next items."""
        cpu = time.process_time()
        self._items = [make_item() for _ in range(count)]
        return {"cpu_s": time.process_time() - cpu}

    async def send(self) -> dict[str, Any]:
        """Commit the items as fast as the outbox takes them, and wait until all are confirmed."""
        started, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(self._items), TOGETHER):
            await self._commit(self._items[start : start + TOGETHER])
        added = time.perf_counter() - started
        await self._agent.confirmed(self._sent)
        return {"seconds": time.perf_counter() - started, "added_s": added, "cpu_s": time.process_time() - cpu}

    async def pace(self, rate: int) -> dict[str, Any]:
        """Commit the items at so many a second; answers when each was on disk (monotonic), by uuid."""
        stamps: dict[str, float] = {}
        started, place = time.monotonic(), 0
        while place < len(self._items):
            due = min(len(self._items), int((time.monotonic() - started) * rate) + 1)
            items = self._items[place:due]
            await self._commit(items)
            now = time.monotonic()
            stamps |= {item["meta"]["uuid"]: now for item in items}
            place = due
            await asyncio.sleep(TICK)
        seconds = time.monotonic() - started
        await self._agent.confirmed(self._sent)
        return {"seconds": seconds, "stamps": stamps}

    async def _commit(self, items: list[dict[str, Any]]) -> None:
        await self._agent.outbox.add(items)
        self._sent += len(items)
        self._agent.delivering.wake()


async def serve(credentials: Path, outbox: Path) -> None:
    """Start the agent and do what stdin says until it ends."""
    identity = Identity.load(credentials)
    agent = Sender(
        identity=identity,
        outbox=Outbox(outbox, agent=identity.jid, clock=SystemClock(), limit_items=10_000_000, limit_bytes=ENOUGH),
    )
    await agent.outbox.open()
    await agent.start()
    await obey(Script(agent))
    await agent.stop()
    await agent.outbox.close()


def a_sender(credentials: Path, outbox: Path) -> AbstractAsyncContextManager[Told]:
    """Start a sender."""
    return told(Path(__file__), "--credentials", str(credentials), "--outbox", str(outbox))


def main() -> None:
    """Be a sender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--outbox", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    begin(arguments.parent_pid)
    asyncio.run(serve(arguments.credentials, arguments.outbox))


if __name__ == "__main__":
    main()
