"""What a safety copy costs the engine: how fast items are committed with and without one being written.

`python bench/backup.py [--quick]` fills a store, lets a process commit items of 1 KiB as fast as it can, and writes
safety copies meanwhile with `vedette backup`. The peer is the same process just before, without a safety copy.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

import psutil
from figures import Figure, say

from registry.database import Database
from registry.delivery import Delivery
from registry.intake import Intake
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.messages.batch import Manifest, Signed
from vedette.messages.item import ReceivedItem
from vedette.signing import SigningKey

SIZE = 1024
"""Bytes of a payload."""

TOGETHER = 200
"""Items in a delivery."""

AGENT = "probe1@localhost"

KEPT = 0.5
"""Part of the rate that must be left while a safety copy is written, on two cores."""

SLOWEST = 60.0
"""Seconds that a safety copy of 200,000 items may take beside the ingest."""


class Ingest:
    """Commits deliveries."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.clock = SystemClock()
        self.intake = Intake(database=self.database, engine="aggregation@localhost", clock=self.clock)
        self.key = SigningKey.generate()
        self.number = 0

    async def open(self) -> None:
        self.database.open()
        await self.intake.open()

    async def commit(self) -> int:
        """Commit one delivery; returns how many items it had."""
        items = [self._item() for _ in range(TOGETHER)]
        manifest = Manifest(
            agent=AGENT,
            epoch="bench",
            first=self.number - TOGETHER,
            last=self.number - 1,
            items=[(item.uuid, item.digest.hex()) for item in items],
        )
        delivery = Delivery(
            sender=AGENT,
            signed=Signed.seal(manifest, self.key),
            manifest=manifest,
            items=tuple(items),
            received_at=self.clock.now(),
        )
        await self.intake.commit([delivery])
        return len(items)

    def _item(self) -> ReceivedItem:
        meta = {"uuid": str(uuid4()), "ts": self.clock.now() // 1_000_000, "type": "scan", "agent": AGENT}
        meta["origin_seq"] = self.number
        self.number += 1
        raw = base64.b64encode(os.urandom(SIZE)).decode()
        return ReceivedItem({"version": "1", "format": "bench", "meta": meta, "payload": {"raw": raw}})


def ingest(url: str, count: Synchronized[int], stop: Event) -> None:
    """Commit until told to stop; the process that a hub would be."""

    async def work() -> None:
        ingesting = Ingest(url)
        await ingesting.open()
        while not stop.is_set():
            count.value += await ingesting.commit()
        ingesting.database.close()

    asyncio.run(work())


def fill(url: str, count: int) -> None:
    async def work() -> None:
        ingesting = Ingest(url)
        await ingesting.open()
        for done in range(0, count, TOGETHER):
            await ingesting.commit()
            if done % 50_000 == 0:
                say(f"{done} of {count} items")
        ingesting.database.close()

    asyncio.run(work())


def rate(count: Synchronized[int], seconds: float) -> float:
    """Return items a second over some seconds."""
    before, started = count.value, time.perf_counter()
    time.sleep(seconds)
    return (count.value - before) / (time.perf_counter() - started)


def during_backup(count: Synchronized[int], target: Path, file: Path) -> tuple[float, float, float]:
    """Return items a second while a safety copy is written, how long that took, and its CPU seconds."""
    command = [sys.executable, "-m", "vedette.cli.main", "backup", str(target), "-c", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    before, started = count.value, time.perf_counter()
    used = sum(psutil.Process().cpu_times()[2:4])
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - started
    return (count.value - before) / took, took, sum(psutil.Process().cpu_times()[2:4]) - used


def measure(folder: Path, *, items: int, seconds: float) -> None:
    (folder / "vedette.yml").write_text("data: var\n")
    _, paths = load_fleet(folder / "vedette.yml")
    paths.make()
    database = Database(paths.store_url)
    database.migrate()
    database.close()
    fill(paths.store_url, items)
    context = multiprocessing.get_context("spawn")
    count, stop = context.Value("q", 0), context.Event()
    process = context.Process(target=ingest, args=(paths.store_url, count, stop))
    process.start()
    try:
        while count.value < TOGETHER * 5:
            time.sleep(0.05)
        for name, target in (("folder", folder / "copy"), ("file", folder / "copy.tar.zst")):
            alone = rate(count, seconds)
            kept, took, cpu = during_backup(count, target, paths.file)
            Figure(
                name=f"ingest while a safety copy is written to a {name}", value=kept, unit="items/s", peer=alone
            ).emit()
            part = kept / alone if alone else 0.0
            Figure(name=f"ingest that is left, {name}", value=part, unit="of 1", target=KEPT).emit()
            figure = Figure(
                name=f"safety copy, {name}", value=took, unit="s", target=SLOWEST, at_most=True, cpu_s=cpu
            )
            figure.emit()
    finally:
        stop.set()
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small store")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), items=1_000 if quick else 200_000, seconds=0.3 if quick else 10.0)


if __name__ == "__main__":
    main()
