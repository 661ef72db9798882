"""One file of indicators through IntelMQ and through Vedette: parsed, each indicator once, stored; ours with proofs.

`python bench/compare.py [--quick] [--count N] [--peer FOLDER]` makes a CSV file in ThreatFox' columns: addresses,
names and URLs of malware, a fifth of the rows said before. IntelMQ comes from PyPI into FOLDER, with a Redis of its
own: collector, parser, deduplicator and SQL output, each a process; it starts before the clock does. Ours is a
fleet as `vedette up` starts it and a `vedette collect`, whose start counts: the file's lines are records of signed
items, committed, confirmed, time-stamped, read by RT and aligned into the knowledge graph with the line of each fact.
The clock ends when all is stored, and ours is stamped. Both with SQLite and with a PostgreSQL that keeps its promises
(fsync).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1]))

from figures import Figure, say
from intelmq_peer import PeerMissingError, environment, running_intelmq
from places import Hub, bench_folder, running_hub
from sqlalchemy import Connection, func, select
from watching import Taken, watched

from registry import tables
from registry.database import Database
from registry.graph import graph_database
from registry.graph_tables import node
from registry.queue_tables import queue_item
from vedette import log
from vedette.messages.card import Role

TARGET = 10.0
"""Times IntelMQ's events a second."""

SAID_BEFORE = 0.2
"""Share of the rows."""

FAMILIES = 40
"""Of malware."""

_HEADER = (
    '# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias",'
    '"malware_printable","last_seen_utc","confidence_level","is_compromised","reference","tags","anonymous","reporter"'
)


@dataclass(frozen=True, kw_only=True)
class Indicators:
    """The file."""

    file: Path
    rows: int
    different: int
    """How many different indicators its rows name."""
    vertices: int
    """How many that are in a graph, where the name in a URL is one, too."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run took."""

    seconds: float
    taken: Taken


def make_indicators(folder: Path, rows: int) -> Indicators:
    """Write the file."""
    chance = random.Random(11)
    different = max(1, round(rows * (1 - SAID_BEFORE)))
    named: dict[str, str] = {}
    while len(named) < different:
        value, kind = _indicator(chance)
        named[value] = kind
    values = list(named)
    values += chance.choices(values, k=rows - different)
    chance.shuffle(values)
    # Whoever says it again says the same of it: the malware follows from the indicator.
    lines = [_line(number, value, named[value]) for number, value in enumerate(values)]
    file = folder / "indicators.csv"
    file.write_text("\n".join([_HEADER, *lines]) + "\n")
    names = {value.split("/")[2] for value, kind in named.items() if kind == "url"} - named.keys()
    return Indicators(file=file, rows=rows, different=different, vertices=different + len(names))


def _indicator(chance: random.Random) -> tuple[str, str]:
    kind = chance.choices(("ip", "domain", "url"), weights=(60, 30, 10))[0]
    name = f"host{chance.randrange(10**9)}.example{chance.randrange(5_000)}.com"
    if kind == "ip":
        return (
            f"{chance.randrange(11, 100)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}",
            kind,
        )
    return (name, kind) if kind == "domain" else (f"http://{name}/{chance.randrange(10**6)}/a.php", kind)


def _line(number: int, value: str, kind: str) -> str:
    family = sum(value.encode()) % FAMILIES
    cells = (
        "2026-11-01 00:00:00",
        str(number),
        value,
        kind,
        "botnet_cc",
        f"win.family{family}",
        "",
        f"Family{family}",
    )
    rest = ("", "75", "False", "", "c2", "0", "abuse_ch")
    return ",".join(f'"{cell}"' for cell in (*cells, *rest))


# IntelMQ ---------------------------------------------------------------------------------


async def run_intelmq(
    binaries: Path, folder: Path, given: Indicators, *, store: str, servers: Sequence[int]
) -> Result:
    """Have IntelMQ store the file's indicators."""
    with running_intelmq(binaries, folder, store=store) as peer:
        roots = [*peer.pids, *servers]
        async with watched(lambda: roots) as taken:
            started = time.perf_counter()
            await asyncio.to_thread(peer.give, given.file)
            stored, moved = 0, started
            while stored < given.different:
                await asyncio.sleep(0.2)
                now = await asyncio.to_thread(peer.stored)
                if now > stored:
                    stored, moved = now, time.perf_counter()
                elif time.perf_counter() - moved > 120:
                    raise RuntimeError(f"IntelMQ stopped at {stored} of {given.different}: {peer.said()}")
            seconds = time.perf_counter() - started
    return Result(seconds=seconds, taken=taken)


# Vedette ---------------------------------------------------------------------------------


async def run_vedette(folder: Path, given: Indicators, *, store: str, servers: Sequence[int]) -> Result:
    """Have Vedette collect, prove and align the file's indicators."""
    settings = {"store": store, "batch": {"items": 1000, "seconds": 1.0}, "rt": {"agents": 2, "process": "own"}}
    async with running_hub(folder, **settings) as hub:
        await hub.enrol("reader", role=Role.COLLECTOR)
        source = {
            "type": "FILEBYLINE",
            "source-name": "threatfox",
            "source-URI": str(given.file),
            "data-type": "structured",
            "content-type": "text/csv",
        }
        (folder / "sources.json").write_text(json.dumps({"bench": {"collectors": [source]}}))
        roots = [*hub.fleet.supervisor.pids.values(), *servers]
        children: list[int] = []
        async with watched(lambda: [*roots, *children]) as taken:
            started = time.perf_counter()
            await _collect(folder, children)
            collected = time.perf_counter() - started
            await _wait_until_known(hub, given)
            seconds = time.perf_counter() - started
        say(f"collected and confirmed after {collected:.1f} s, all of it known after {seconds:.1f} s")
    return Result(seconds=seconds, taken=taken)


async def _collect(folder: Path, children: list[int]) -> None:
    argv = ["-m", "vedette.cli.main", "collect", "--once", "--all", "--json", "--wait", "3600"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        "--file",
        "sources.json",
        "--name",
        "reader",
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    children.append(process.pid)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"vedette collect ended with {process.returncode}: {said.decode()[-2000:]}")


async def _wait_until_known(hub: Hub, given: Indicators) -> None:
    """Wait until every item is stamped and read, and see that every indicator is a vertex, once."""
    with graph_database(hub.fleet.paths.graph_url) as graph:
        while not await hub.database.read(_is_done):
            await asyncio.sleep(0.2)
        found = await graph.read(_vertices)
    if found != given.vertices:
        raise RuntimeError(f"the graph has {found} indicators of {given.vertices}")


def _is_done(connection: Connection) -> bool:
    """Tell whether all items are stamped and nothing waits for RT."""
    batch, token = tables.batch, tables.token
    items = connection.execute(select(func.count()).select_from(tables.item)).scalar_one()
    stamped = select(func.coalesce(func.sum(batch.c.count - batch.c.audit_count), 0))
    stamped = stamped.where(batch.c.id.in_(select(token.c.batch_id)))
    waiting = connection.execute(select(func.count()).select_from(queue_item)).scalar_one()
    return bool(items == connection.execute(stamped).scalar_one() and not waiting)


def _vertices(connection: Connection) -> int:
    """Return how many indicators the graph has."""
    query = select(func.count()).select_from(node).where(node.c.type != "Malware")
    return int(connection.execute(query).scalar_one())


# Both ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where a pair of runs stores: a file, or a database, of each one's own."""

    name: str
    theirs: str
    ours: str
    server: int | None = None
    """Process of the server, which works for both."""


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    """Name two files."""
    for name in ("theirs", "ours"):
        (folder / name).mkdir()
    yield Stores(
        name="SQLite", theirs=f"sqlite:///{folder}/theirs/events.db", ours=f"sqlite:///{folder}/ours/store.db"
    )


def with_schema(url: str) -> None:
    """Bring a database to this release's schema."""
    for database in (Database(url), graph_database(url)):
        database.migrate()


@contextmanager
def postgresql_stores() -> Iterator[Stores]:
    """Start a server that keeps its promises, and make two databases."""
    from tests.registry.postgresql import postgres_sql, postgres_url, running_postgres

    with running_postgres("fsync=on", "full_page_writes=on", "synchronous_commit=on", "autovacuum=on") as server:
        # IntelMQ's bots are somebody else's processes.
        server.chmod(0o711)
        for name in ("theirs", "ours"):
            postgres_sql(server, f"CREATE DATABASE {name}")
        with_schema(postgres_url(server, "ours"))
        pid = int((server / "data" / "postmaster.pid").read_text().split()[0])
        yield Stores(
            name="PostgreSQL", theirs=postgres_url(server, "theirs"), ours=postgres_url(server, "ours"), server=pid
        )


def compare(given: Indicators, folder: Path, stores: Stores, binaries: Path | None) -> None:
    """Run both on the same kind of store and print the figures."""
    servers = [] if stores.server is None else [stores.server]
    theirs: Result | None = None
    if binaries is not None:
        place = folder / f"intelmq-{stores.name}"
        place.mkdir(mode=0o711)
        theirs = asyncio.run(run_intelmq(binaries, place, given, store=stores.theirs, servers=servers))
        say(f"IntelMQ, {stores.name}: {_described(theirs, given)}")
    ours = asyncio.run(run_vedette(folder / f"vedette-{stores.name}", given, store=stores.ours, servers=servers))
    say(f"Vedette, {stores.name}: {_described(ours, given)}")
    _show(stores.name, given, ours, theirs)


def _described(result: Result, given: Indicators) -> str:
    rate, cpu, memory = given.rows / result.seconds, result.taken.cpu, result.taken.memory
    return f"{result.seconds:.1f} s, {rate:.0f} events/s, CPU {cpu:.1f} s, {memory:.0f} MiB"


def _show(store: str, given: Indicators, ours: Result, theirs: Result | None) -> None:
    rows = given.rows
    Figure(
        name=f"events stored, {store}",
        value=rows / ours.seconds,
        unit="events/s",
        target=None if theirs is None else TARGET * rows / theirs.seconds,
        cpu_s=ours.taken.cpu,
        peer=None if theirs is None else rows / theirs.seconds,
    ).emit()
    Figure(
        name=f"CPU of an event, {store}",
        value=ours.taken.cpu / rows * 1000,
        unit="ms",
        peer=None if theirs is None else theirs.taken.cpu / rows * 1000,
    ).emit()
    Figure(
        name=f"memory, {store}",
        value=ours.taken.memory,
        unit="MiB",
        peer=None if theirs is None else theirs.taken.memory,
    ).emit()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few indicators, for the tests")
    parser.add_argument("--count", type=int, default=200_000, help="rows of the file")
    parser.add_argument(
        "--peer", type=Path, help="folder of IntelMQ's environment, kept; else a new one for this run"
    )
    parser.add_argument("--store", choices=("sqlite", "postgresql"), help="only with this one")
    arguments = parser.parse_args()
    log.configure(level="error")
    with bench_folder() as folder:
        try:
            binaries = environment((arguments.peer or folder / "intelmq").resolve())
        except PeerMissingError as missing:
            say(f"without IntelMQ: {missing}")
            binaries = None
        given = make_indicators(folder, 1_000 if arguments.quick else arguments.count)
        if arguments.store != "postgresql":
            with sqlite_stores(folder) as stores:
                compare(given, folder, stores, binaries)
        if arguments.store != "sqlite" and not arguments.quick:
            with postgresql_stores() as stores:
                compare(given, folder, stores, binaries)


if __name__ == "__main__":
    main()
