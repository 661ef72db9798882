"""Records that come by themselves: lines sent to a syslog listener, and flows of a CSV file, committed to an outbox.

`python bench/records.py [--quick]` sends lines over TCP from a process of its own as fast as they are taken, and
reads a file of flows. All of it is on disk when it counts; delivering it is measured by `delivery.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say

from registry.source_outbox import SourceOutbox
from vedette import log
from vedette.clock import SystemClock
from vedette.collection.collectors.netflow import COLUMNS, Netflow
from vedette.collection.collectors.syslog import Syslog
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.courtesy import Courtesy
from vedette.collection.desk import Desk
from vedette.collection.doorman import Doorman
from vedette.collection.isolation import Isolation
from vedette.configuration.fetching import FetchingSection
from vedette.fetching.client import HttpFetcher

LINE = (
    '<165>1 2026-11-22T22:14:15.003Z host.example app {number} ID47 [ex@32473 n=\\"3\\"] An event of the application'
)
FLOW = "1373553586.136399, e s,6,10.10.10.1,56867,->,10.10.10.100,22,8,585,REQ"
SENDER = f"""
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as sender:
    count = int(sys.argv[2])
    for start in range(0, count, 1000):
        lines = ["{LINE}".format(number=number) for number in range(start, min(start + 1000, count))]
        sender.sendall(("\\n".join(lines) + "\\n").encode())
"""


class Place:
    """A collector's parts around one outbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.outbox = SourceOutbox(
            folder / "outbox.db", agent="c@localhost", clock=self.clock, limit_items=10**6, limit_bytes=10**11
        )
        fetching = FetchingSection()
        self.fetcher = HttpFetcher(policy=fetching.policy, limits=fetching.limits)
        self.courtesy = Courtesy(clock=self.clock)

    def desk(self, kind: str, uri: str, *, lasting: bool) -> Desk:
        """Return what a run of a source works with."""
        given = {"type": kind, "source-name": "bench", "source-URI": uri}
        return Desk(
            source=SourceConfiguration.model_validate(given),
            mode="new",
            clock=self.clock,
            fetcher=self.fetcher,
            doorman=Doorman(clock=self.clock, fetcher=self.fetcher, memory=self.outbox, courtesy=self.courtesy),
            memory=self.outbox,
            isolation=Isolation(workers=1),
            folder=self.folder,
            log=structlog.get_logger(),
            lasting=lasting,
        )


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Make a fresh one."""
    with tempfile.TemporaryDirectory() as folder:
        made = Place(Path(folder))
        await made.outbox.open()
        try:
            yield made
        finally:
            made.courtesy.close()
            await made.fetcher.aclose()
            await made.outbox.close()


async def measure_syslog(count: int) -> None:
    """Measure lines sent over one connection."""
    async with place() as made:
        desk = made.desk("SYSLOG", "tcp://127.0.0.1:0", lasting=True)
        running = asyncio.create_task(Syslog().collect(desk))
        while desk.report.uri.endswith(":0"):
            await asyncio.sleep(0.01)
        port = str(urlsplit(desk.report.uri).port)
        started, cpu = time.perf_counter(), time.process_time()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, port, str(count))
        await process.wait()
        while desk.report.counts["new"] < count:
            await asyncio.sleep(0.01)
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    say(f"{count} lines of syslog: {seconds:.1f} s")
    Figure(name="syslog over TCP, committed", value=count / seconds, unit="lines/s", target=20_000, cpu_s=used).emit()


async def measure_flows(count: int) -> None:
    """Measure flows of a file."""
    async with place() as made:
        (made.folder / "flows.csv").write_text("\n".join([",".join(COLUMNS), *([FLOW] * count)]) + "\n")
        desk = made.desk("NETFLOW", "flows.csv", lasting=False)
        started, cpu = time.perf_counter(), time.process_time()
        await Netflow().collect(desk)
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
        assert desk.report.counts["new"] == count
    say(f"{count} flows: {seconds:.1f} s")
    Figure(name="flows of CSV, committed", value=count / seconds, unit="flows/s", target=50_000, cpu_s=used).emit()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few records, for the tests")
    quick = parser.parse_args().quick
    log.configure(level="error")
    asyncio.run(measure_syslog(2_000 if quick else 400_000))
    asyncio.run(measure_flows(2_000 if quick else 1_000_000))


if __name__ == "__main__":
    main()
