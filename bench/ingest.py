"""Items from another process over XMPP until they are stored and stamped.

`python bench/ingest.py [--quick]` starts an embedded server, a hub and a local authority as processes, lets a
sender process commit items of 1 KiB to its outbox, and measures until every item has a token. The peer is
SCANDALE's way on the same authority in the same run: for each item one blocking RFC 3161 request and one commit.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import http.client
import os
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, cpu_seconds, percentile, say
from places import bench_folder, running_hub
from sending import SIZE, a_sender

from registry import tables
from vedette import log
from vedette.evidence.timestamping import build_query

TARGET = 240.0
"""Items a second: ten times SCANDALE's 24 on 2 cores."""


def latencies(connection: Connection) -> list[float]:
    """Return milliseconds from collection to the token, for every stamped item."""
    item, batch, token = tables.item, tables.batch, tables.token
    joined = item.join(
        batch,
        (batch.c.chain_id == item.c.chain_id)
        & (item.c.log_index >= batch.c.first_index)
        & (item.c.log_index <= batch.c.last_index),
    ).join(token, token.c.batch_id == batch.c.id)
    query = select(token.c.obtained_at - item.c.collected_at).select_from(joined)
    return [row[0] / 1000 for row in connection.execute(query)]


def stamped(connection: Connection) -> int:
    """Return how many items have a token."""
    batch, token = tables.batch, tables.token
    query = select(func.coalesce(func.sum(batch.c.count - batch.c.audit_count), 0)).where(
        batch.c.id.in_(select(token.c.batch_id))
    )
    return int(connection.execute(query).scalar_one())


def scandale_way(url: str, folder: Path, count: int) -> float:
    """Return items a second with one blocking request and one commit for each item."""
    where = urlsplit(url)
    database = sqlite3.connect(folder / "peer.db")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE item (payload BLOB, token BLOB)")
    started = time.perf_counter()
    for _ in range(count):
        payload = os.urandom(SIZE)
        query = build_query(
            hashlib.sha256(payload).digest(),
            digest_algorithm="sha256",
            nonce=int.from_bytes(os.urandom(8), "big"),
        )
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        connection.request("POST", where.path or "/", query, {"Content-Type": "application/timestamp-query"})
        token = connection.getresponse().read()
        connection.close()
        with database:
            database.execute("INSERT INTO item VALUES (?, ?)", (payload, token))
    database.close()
    return count / (time.perf_counter() - started)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run showed."""

    confirmed: float
    """Seconds until the last receipt."""
    stamped: float
    """Seconds until the last token."""
    cpu: float
    """CPU seconds of all processes."""
    hub_cpu: float
    """CPU seconds of the hub."""
    times: list[float]
    """Milliseconds from collection to the token, of each item."""
    peer: float
    """Items a second in SCANDALE's way."""


async def measure(folder: Path, count: int, peer_count: int) -> Result:
    """Start everything, send, wait until all is stamped."""
    say("starting server, hub and authority")
    async with running_hub(folder, batch={"items": 1000, "seconds": 1.0}) as hub:
        (credentials,) = await hub.enrol("sender")
        async with a_sender(credentials, folder / "sender.db") as sender:
            pids = [sender.pid, *hub.fleet.supervisor.pids.values()]
            await sender.do("make", count=count)
            cpu, hub_cpu = cpu_seconds(pids), cpu_seconds([hub.pids["hub"]])
            say(f"sending {count} items of {SIZE} bytes")
            started = time.perf_counter()
            answer = await sender.do("send")
            while await hub.database.read(stamped) < count:
                await asyncio.sleep(0.02)
            elapsed = time.perf_counter() - started
            cpu, hub_cpu = cpu_seconds(pids) - cpu, cpu_seconds([hub.pids["hub"]]) - hub_cpu
        url = str(hub.fleet.supervisor.report("tsa")["url"])
        return Result(
            confirmed=answer["seconds"],
            stamped=elapsed,
            cpu=cpu,
            hub_cpu=hub_cpu,
            times=await hub.database.read(latencies),
            peer=await asyncio.to_thread(scandale_way, url, folder, peer_count),
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few items, for the tests")
    parser.add_argument("--count", type=int, default=2000)
    arguments = parser.parse_args()
    log.configure(level="error")
    count = 200 if arguments.quick else arguments.count
    with bench_folder() as folder:
        show(asyncio.run(measure(folder, count, 30 if arguments.quick else 300)), count)


def show(result: Result, count: int) -> None:
    """Print the figures."""
    figures = [
        Figure(
            name="items stored and stamped",
            value=count / result.stamped,
            unit="items/s",
            target=TARGET,
            cpu_s=result.cpu,
            peer=result.peer,
        ),
        Figure(name="items confirmed", value=count / result.confirmed, unit="items/s", cpu_s=result.cpu),
        Figure(
            name="CPU of all processes", value=result.cpu / count * 1000, unit="ms/item", target=2.8, at_most=True
        ),
        Figure(name="CPU of the hub", value=result.hub_cpu / count * 1000, unit="ms/item"),
        Figure(name="collected to stamped, p50", value=percentile(result.times, 0.50), unit="ms"),
        Figure(name="collected to stamped, p99", value=percentile(result.times, 0.99), unit="ms"),
    ]
    for figure in figures:
        figure.emit()


if __name__ == "__main__":
    main()
