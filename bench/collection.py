"""Pages and feeds of local hosts, collected with everything on: robots.txt, state, items confirmed by an engine.

`python bench/collection.py [--quick]` starts 50 local hosts, a hub with its server and authority, and runs
`vedette collect --once` on lists that name 10,000 pages; then once more, when nothing has changed; then pages asked
for one by one, twice; then 1,000 feeds of 50 known entries. The peer is Scrapy on the same hosts in the same run,
with the same limits, writing its items to SQLite. Times are those of whole commands, start and end included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say
from local_sites import ENTRIES, host
from places import Hub, bench_folder, running_hub

from agents.probe import OUTBOX_BYTES, OUTBOX_ITEMS
from registry.source_outbox import SourceOutbox
from vedette import log
from vedette.clock import SystemClock
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.memory import Changes
from vedette.collection.page_memory import PageMemory
from vedette.messages.card import Role

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured."""

    hosts: int
    pages: int
    """Of each host."""
    single: int
    """Pages that are sources of their own."""
    feeds: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ran to its end."""

    seconds: float
    cpu: float
    """CPU seconds, those of its own processes included."""
    counts: dict[str, int]
    """What it counted, all sources together."""


@contextmanager
def sites(size: Size) -> Iterator[int]:
    """Start the local hosts; yield their port."""
    argv = [sys.executable, str(HERE / "local_sites.py"), "--hosts", str(size.hosts), "--pages", str(size.pages)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]


def measured(argv: Sequence[str], folder: Path) -> Done:
    """Run a command and return what it took."""
    out = folder / "out.json"
    with out.open("wb") as stdout:
        started = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv[:6])} … ended with {process.returncode}: {out.read_text()[-2000:]}")
    counts: dict[str, int] = {}
    if text := out.read_text():
        for source in json.loads(text)["sources"]:
            for name, value in source.items():
                if isinstance(value, int):
                    counts[name] = counts.get(name, 0) + value
    return Done(seconds=seconds, cpu=usage.ru_utime + usage.ru_stime, counts=counts)


def source(kind: str, name: str, url: str, **keys: str | int) -> dict[str, str | int]:
    """Return a source as it is written in a file."""
    return {"type": kind, "source-name": name, "source-URI": url, **keys}


class Bench:
    """The hosts and the hub of one run."""

    def __init__(self, hub: Hub, *, port: int, size: Size) -> None:
        self._hub = hub
        self._port = port
        self._size = size
        self._written: set[str] = set()

    def lists(self) -> list[dict[str, Any]]:
        """Return one list of pages a host."""
        return [
            source("PSEUDO_RSS", f"host{number}", self._url(number, "/list"), **{"entry-regex": r'href="(/p/\d+)"'})
            for number in range(self._size.hosts)
        ]

    def singles(self) -> list[dict[str, Any]]:
        """Return pages that are sources of their own."""
        hosts = self._size.hosts
        return [
            source("WEB", f"page{number}", self._url(number % hosts, f"/p/{number // hosts}"))
            for number in range(self._size.single)
        ]

    def feeds(self) -> list[dict[str, Any]]:
        """Return feeds."""
        hosts = self._size.hosts
        return [
            source("RSS", f"feed{number}", self._url(number % hosts, f"/feed/{number}"))
            for number in range(self._size.feeds)
        ]

    async def collect(self, name: str, sources: list[dict[str, Any]]) -> Done:
        """Collect sources once, as a collector of that name."""
        folder = self._hub.folder
        if name not in self._written:
            self._written.add(name)
            await self._hub.enrol(name, role=Role.COLLECTOR)
            (folder / f"{name}.json").write_text(json.dumps({"bench": {"collectors": sources}}))
        argv = [sys.executable, "-m", "vedette.cli.main", "collect", "--once", "--json", "--wait", "600"]
        done = await asyncio.to_thread(measured, [*argv, "--file", f"{name}.json", "--name", name], folder)
        say(f"{name}: {done.seconds:.1f} s, CPU {done.cpu:.1f} s, {done.counts}")
        return done

    async def know_entries(self, name: str, sources: list[dict[str, Any]]) -> None:
        """Remember all entries of feeds, as if they had been collected before."""
        path = self._hub.fleet.paths.outbox_of(name)
        clock = SystemClock()
        outbox = SourceOutbox(
            path, agent=f"{name}@localhost", clock=clock, limit_items=OUTBOX_ITEMS, limit_bytes=OUTBOX_BYTES
        )
        await outbox.open()
        for number, one in enumerate(sources):
            base = self._url(number % self._size.hosts, f"/e/{number}")
            pages = [PageMemory(url=f"{base}/{entry}", sha256="0" * 64) for entry in range(ENTRIES)]
            await outbox.commit(Changes(source=SourceConfiguration.model_validate(one).identity, pages=pages))
        await outbox.close()

    async def scrapy(self) -> Done:
        """Have Scrapy read the same lists."""
        urls = [str(one["source-URI"]) for one in self.lists()]
        argv = [
            sys.executable,
            str(HERE / "scrapy_peer.py"),
            "--database",
            str(self._hub.folder / "scrapy.db"),
            *urls,
        ]
        done = await asyncio.to_thread(measured, argv, self._hub.folder)
        say(f"Scrapy: {done.seconds:.1f} s, CPU {done.cpu:.1f} s")
        return done

    def _url(self, number: int, path: str) -> str:
        return f"http://{host(number)}:{self._port}{path}"


async def measure(folder: Path, size: Size) -> None:
    """Measure everything, and print the figures."""
    os.environ["PYTHONPATH"] = str(HERE.parent)
    with sites(size) as port:
        fetching = {"allow": ["127.0.0.0/8"], "ports": [port]}
        async with running_hub(folder, fetching=fetching) as hub:
            bench = Bench(hub, port=port, size=size)
            await measure_pages(bench, size)
            await measure_singles(bench, size)
            await measure_feeds(bench, size)


async def measure_pages(bench: Bench, size: Size) -> None:
    """Measure lists and their pages beside Scrapy, and a second look when nothing has changed."""
    count = size.hosts * size.pages
    peer = await bench.scrapy()
    first = await bench.collect("lists", bench.lists())
    second = await bench.collect("lists", bench.lists())
    assert (first.counts["items"], second.counts["items"]) == (count, 0)
    Figure(
        name="pages collected, confirmed",
        value=count / first.seconds,
        unit="pages/s",
        target=count / peer.seconds,
        cpu_s=first.cpu,
        peer=count / peer.seconds,
    ).emit()
    Figure(
        name="CPU of the collector",
        value=first.cpu / count * 1000,
        unit="ms/page",
        target=peer.cpu / count * 1000,
        at_most=True,
        peer=peer.cpu / count * 1000,
    ).emit()
    Figure(
        name="second look at unchanged lists, faster by",
        value=first.seconds / second.seconds,
        unit="times",
        target=5.0,
    ).emit()
    Figure(name="CPU of it, less by", value=first.cpu / second.cpu, unit="times").emit()


async def measure_singles(bench: Bench, size: Size) -> None:
    """Measure pages asked for one by one, then conditionally."""
    first = await bench.collect("singles", bench.singles())
    second = await bench.collect("singles", bench.singles())
    assert (first.counts["items"], second.counts["unchanged"]) == (size.single, size.single)
    Figure(
        name="pages as sources, confirmed", value=size.single / first.seconds, unit="pages/s", cpu_s=first.cpu
    ).emit()
    Figure(
        name="the same, unchanged (304)",
        value=size.single / second.seconds,
        unit="pages/s",
        cpu_s=second.cpu,
    ).emit()


async def measure_feeds(bench: Bench, size: Size) -> None:
    """Measure feeds whose entries are known, parsed; then once more, unchanged."""
    sources = bench.feeds()
    await bench.know_entries("feeds", sources)
    first = await bench.collect("feeds", sources)
    assert (first.counts["errors"], first.counts["unchanged"]) == (0, size.feeds * ENTRIES)
    name = f"{size.feeds} feeds of {ENTRIES} known entries polled"
    Figure(name=name, value=first.seconds, unit="s", target=60.0, at_most=True, cpu_s=first.cpu).emit()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pages, for the tests")
    quick = parser.parse_args().quick
    log.configure(level="error")
    size = (
        Size(hosts=5, pages=20, single=20, feeds=10)
        if quick
        else Size(hosts=50, pages=200, single=2_000, feeds=1_000)
    )
    with bench_folder() as folder:
        asyncio.run(measure(folder, size))


if __name__ == "__main__":
    main()
