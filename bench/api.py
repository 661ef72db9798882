"""The HTTP API of a running hub, asked by clients in a process of their own.

`python bench/api.py [--quick]` measures durable posts, reads and token checks with many items stored (committed
through the intake and stamped, in bulk), and how fast an event reaches all subscribers. The peer of posts and reads
is SCANDALE's way in the same run (`bench/scandale_peer.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, cpu_seconds, percentile, say
from places import Hub, bench_folder, running_hub
from told import Told, told

from registry.callers import Scope
from registry.delivery import Delivery
from registry.intake import Intake
from registry.keys import Keys
from registry.proofs import Proofs
from vedette import log
from vedette.clock import SystemClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.item import ReceivedItem

HERE = Path(__file__).parent
CLIENTS = 8
BATCH = 1000
SIZE = 1024
TARGETS = {"one item": 3.0, "100 items": 8.0, "token check": 5.0}


def make_item() -> ReceivedItem:
    """Return an item as it is after validation."""
    raw = base64.b64encode(os.urandom(SIZE)).decode()
    meta = {"uuid": str(uuid4()), "ts": int(time.time()), "type": "scan", "agent": "filler"}
    return ReceivedItem({"version": "1", "format": "bench", "meta": meta, "payload": {"raw": raw}})


class Filler:
    """Another engine of the same store, which commits and stamps in bulk."""

    def __init__(self, hub: Hub) -> None:
        clock = SystemClock()
        self._clock = clock
        self._intake = Intake(database=hub.database, engine="filler@localhost", clock=clock)
        self._proofs = Proofs(database=hub.database, engine="filler@localhost", clock=clock)
        self._authority = LocalAuthority.open(hub.fleet.paths.tsa, clock=clock)
        self.uuids: list[str] = []

    async def fill(self, total: int) -> None:
        """Commit and stamp until there are so many items."""
        await self._intake.open()
        while len(self.uuids) < total:
            items = tuple(make_item() for _ in range(min(BATCH, total - len(self.uuids))))
            now = self._clock.now()
            delivery = Delivery(sender="filler", signed=None, manifest=None, items=items, received_at=now)
            (result,) = await self._intake.commit([delivery])
            assert len(result.committed) == len(items)
            batch = await self._proofs.close_batch(max_items=BATCH)
            assert batch is not None
            token = await self._authority.stamp(batch.root)
            await self._proofs.store_token(batch=batch, tsa="local", external=False, token=token)
            self.uuids += [item.uuid for item in items]
            if len(self.uuids) % 100_000 == 0:
                say(f"{len(self.uuids)} items stored and stamped")


@asynccontextmanager
async def peer(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Start SCANDALE's way; yields its URL and process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.set_inheritable(True)
        argv = [sys.executable, str(HERE / "scandale_peer.py"), "--database", str(folder / "peer.db")]
        argv += ["--fd", str(listener.fileno()), "--parent-pid", str(os.getpid())]
        with subprocess.Popen(argv, pass_fds=[listener.fileno()]) as process:
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid
            finally:
                process.kill()


class Measuring:
    """The clients, pointed at one server."""

    def __init__(self, clients: Told, *, url: str, key: str, pid: int) -> None:
        self._clients = clients
        self._url = url
        self._key = key
        self._pid = pid

    async def do(self, command: str, **arguments: Any) -> tuple[dict[str, Any], float]:
        """Let the clients do something; returns their answer and the server's CPU seconds."""
        await self._clients.do("use", url=self._url, key=self._key)
        cpu = cpu_seconds([self._pid])
        answer = await self._clients.do(command, **arguments)
        if answer.get("wrong"):
            raise RuntimeError(f"{command}: {answer['statuses']}: {answer['wrong']}")
        return answer, cpu_seconds([self._pid]) - cpu


async def measure_posts(ours: Measuring, theirs: Measuring, count: int) -> None:
    """Durable posts by concurrent clients."""
    await ours.do("post", count=50, clients=CLIENTS)
    await theirs.do("post", count=50, clients=CLIENTS)
    answer, cpu = await ours.do("post", count=count, clients=CLIENTS)
    few = max(100, count // 10)
    other, other_cpu = await theirs.do("post", count=few, clients=CLIENTS)
    Figure(
        name="POST /items/, 8 clients",
        value=count / answer["seconds"],
        unit="requests/s",
        target=1500,
        cpu_s=cpu,
        peer=few / other["seconds"],
    ).emit()
    Figure(name="CPU of a POST /items/", value=cpu / count * 1000, unit="ms", peer=other_cpu / few * 1000).emit()
    Figure(name="POST /items/, p50", value=percentile(answer["times"], 0.5), unit="ms").emit()
    Figure(name="POST /items/, p99", value=percentile(answer["times"], 0.99), unit="ms").emit()


async def measure_reads(ours: Measuring, uuids: list[str], *, count: int, theirs: Measuring | None) -> None:
    """Reads by one client, one after the other, of items drawn at random."""
    chosen = random.Random(1).choices(uuids, k=count)
    paths = {
        "one item": [f"/items/{uuid}" for uuid in chosen],
        "100 items": ["/items/?limit=100"] * (count // 4),
        "token check": [f"/TimeStampTokens/check/{uuid}" for uuid in chosen],
    }
    for name, asked in paths.items():
        answer, cpu = await ours.do("get", paths=asked)
        compared = None
        if theirs is not None and name != "token check":
            other = ["/items/1"] * count if name == "one item" else asked
            compared = percentile((await theirs.do("get", paths=other))[0]["times"], 0.5)
        Figure(
            name=f"GET {name}, {len(uuids)} items stored, p50",
            value=percentile(answer["times"], 0.5),
            unit="ms",
            target=TARGETS[name],
            at_most=True,
            cpu_s=cpu,
            peer=compared,
        ).emit()


async def measure_events(ours: Measuring, *, subscribers: int, rounds: int) -> None:
    """How long an event takes until all subscribers have it."""
    await ours.do("subscribe", count=subscribers)
    slowest, total = [], 0.0
    for _ in range(rounds):
        answer, cpu = await ours.do("hear")
        slowest.append(max(answer["times"]))
        total += cpu
    await ours.do("leave")
    Figure(
        name=f"an event reaches {subscribers} subscribers",
        value=max(slowest),
        unit="ms",
        target=500,
        at_most=True,
        cpu_s=total / rounds,
    ).emit()


async def measure(folder: Path, *, quick: bool, stored: list[int], count: int) -> None:
    """Start everything and measure."""
    say("starting the hub")
    async with running_hub(folder, batch={"items": BATCH, "seconds": 1.0}) as hub, peer(folder) as (url, pid):
        keys = Keys(database=hub.database, clock=SystemClock())
        key = await keys.issue(name="bench", scopes=[Scope.READ, Scope.INGEST])
        filler = Filler(hub)
        async with told(HERE / "api_clients.py") as clients:
            ours = Measuring(
                clients, url=str(hub.fleet.supervisor.report("hub")["api"]), key=key, pid=hub.pids["hub"]
            )
            theirs = Measuring(clients, url=url, key="", pid=pid)
            await measure_posts(ours, theirs, count)
            for place, total in enumerate(stored):
                say(f"filling up to {total} items")
                await filler.fill(total)
                await measure_reads(
                    ours, filler.uuids, count=40 if quick else 1000, theirs=theirs if place == 0 else None
                )
            await measure_events(ours, subscribers=50 if quick else 1000, rounds=2 if quick else 10)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few items, for the tests")
    parser.add_argument("--count", type=int, default=10_000, help="items that are posted")
    parser.add_argument("--stored", type=int, nargs="+", default=[50_000, 1_000_000], help="items that are stored")
    arguments = parser.parse_args()
    log.configure(level="error")
    stored = [2000] if arguments.quick else arguments.stored
    count = 400 if arguments.quick else arguments.count
    with bench_folder() as folder:
        asyncio.run(measure(folder, quick=arguments.quick, stored=stored, count=count))


if __name__ == "__main__":
    main()
