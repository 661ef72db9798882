"""How it grows: engines over one PostgreSQL, items that are stored already, and agents that are merely there.

`python bench/scale.py [--quick] [--only engines|stored|presence] [--stored N] [--agents N]`. Engines: a fleet with
ejabberd and a PostgreSQL that keeps its promises (fsync), six senders of signed items of 1 KiB, with one, two and
three engines: on a few cores the rate says little, and the CPU of an item is what must stay flat. Stored: the CPU of
a commit and the time of the console's questions as the store fills, by items that SQL makes. Presence: light agents,
one stream of XMPP each, registered on one ejabberd. `docs/scaling.md` computes from these what a large fleet needs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1]))

import scale_stored
from compare import with_schema
from figures import say
from places import bench_folder, has_ejabberd
from scale_engines import Cost, run_engines, show
from scale_presence import measure_presence

from tests.registry.postgresql import postgres_sql, postgres_url, running_postgres
from vedette import log

DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "autovacuum=on", "shared_buffers=256MB")
"""Settings of the server."""

ENGINES = (1, 2, 3)

PARTS = ("engines", "stored", "presence")


def empty_database(server: Path, name: str) -> str:
    """Make a database with this release's schema, and return its URL."""
    postgres_sql(server, f"CREATE DATABASE {name}")
    url = postgres_url(server, name)
    with_schema(url)
    return url


def measure_engines(folder: Path, count: int) -> None:
    """Measure one, two and three engines, each with an empty database."""
    costs: list[Cost] = []
    with running_postgres(*DURABLE) as server:
        pid = int((server / "data" / "postmaster.pid").read_text().split()[0])
        for engines in ENGINES:
            name = f"with{engines}"
            url = empty_database(server, name)
            place = folder / name
            place.mkdir(mode=0o711)
            costs.append(asyncio.run(run_engines(place, engines=engines, count=count, store=url, postgres=pid)))
            show(engines, costs[-1], costs[0])


def measure_stored(folder: Path, most: int) -> None:
    """Measure at ten thousand items and each power of ten above, each with a database of its own."""
    sizes = [10**power for power in range(4, 9) if 10**power <= most] or [most]
    first: scale_stored.Full | None = None
    with running_postgres(*DURABLE) as server:
        pid = int((server / "data" / "postmaster.pid").read_text().split()[0])
        for stored in sizes:
            name = f"holds{stored}"
            url = empty_database(server, name)
            place = folder / name
            place.mkdir()
            full = scale_stored.run(place, stored=stored, store=url, postgres=pid)
            first = first or full
            scale_stored.show(full, first)
            postgres_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of everything, for the tests")
    parser.add_argument("--only", choices=PARTS, help="only this part")
    parser.add_argument("--items", type=int, default=12_000, help="items that are sent")
    parser.add_argument("--stored", type=int, default=10_000_000, help="items that are stored at most")
    parser.add_argument("--agents", type=int, default=2_000, help="light agents")
    arguments = parser.parse_args()
    log.configure(level="error")
    if not has_ejabberd("nothing can be measured"):
        return
    parts = PARTS if arguments.only is None else (arguments.only,)
    with bench_folder() as folder:
        if "engines" in parts:
            say("engines")
            measure_engines(folder, 300 if arguments.quick else arguments.items)
        if "stored" in parts:
            say("stored")
            measure_stored(folder, 1_000 if arguments.quick else arguments.stored)
        if "presence" in parts:
            say("presence")
            agents = 10 if arguments.quick else arguments.agents
            asyncio.run(measure_presence(folder / "presence", agents, seconds=3 if arguments.quick else 30))


if __name__ == "__main__":
    main()
