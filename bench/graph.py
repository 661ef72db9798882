"""The knowledge graph: how fast subgraphs are aligned, small and large, as it grows; and how fast it answers.

`python bench/graph.py [--quick] [--vertices N] [--url URL]` makes graphs with realistic skew (a tenth of the vertices
has half of all mentions) with five edges for each vertex, in an SQLite file or where `--url` says. What is timed is
merging with everything that belongs to it: canonical names, provenance of each mention and edge, decisions, the
index of texts, the commit to the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say
from graph_reading import reading
from graph_shapes import flows, items, vulnerabilities

from registry.database import Database
from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from vedette.clock import SystemClock
from vedette.graph.port import Merged, Said

TOGETHER = 100
"""Items that are merged at a time, as an RT agent does that has as many waiting."""

ENTRIES = 72_000
"""Entries of the NVD-like feed, 100 of them an item."""

STEPS = (10_000, 100_000, 1_000_000)
"""Vertices at which growth is printed."""

TARGETS = {"bulk": 5_000.0, "small": 500.0, "feed": 900.0, "memory": 1_024.0}


@dataclass(slots=True)
class Run:
    """What merging took, without making the items."""

    items: int = 0
    mentions: int = 0
    edges: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def merge(database: Database, all_said: Iterable[Said], *, together: int) -> Run:
    """Merge items, so many at a time."""
    writer, run = GraphWriter(database=database, clock=SystemClock()), Run()
    waiting = iter(all_said)
    while batch := list(itertools.islice(waiting, together)):
        start, cpu = time.monotonic(), time.process_time()
        done: Merged = asyncio.run(writer.merge(batch))
        run.seconds += time.monotonic() - start
        run.cpu += time.process_time() - cpu
        run.items += done.origins
        run.mentions += done.mentions
        run.edges += sum(len(one.subgraph.edges) for one in batch)
    return run


@contextlib.contextmanager
def opened(folder: Path, name: str, url: str) -> Iterator[Database]:
    """Open a new graph: a file, or the database that the URL names, which must be empty."""
    database = graph_database(url or f"sqlite:///{folder / name}.db")
    database.migrate()
    with database:
        yield database


def small(folder: Path, url: str, *, count: int) -> None:
    """Time small items: flows, of seven mentions and six edges each."""
    say(f"{count} small items")
    with opened(folder, "small", url) as database:
        run = merge(database, flows(count), together=TOGETHER)
    speed = run.items / run.seconds
    Figure(name="graph.align.small", value=speed, unit="items/s", target=TARGETS["small"], cpu_s=run.cpu).emit()


def growth(database: Database, *, vertices: int) -> None:
    """Let a graph grow, and print how fast it does so between the steps."""
    steps = [step for step in STEPS if step < vertices] + [vertices]
    for before, step in itertools.pairwise([0, *steps]):
        say(f"from {before} to {step} vertices")
        run = merge(database, items(step - before, start=before), together=TOGETHER)
        target = TARGETS["bulk"] if step == vertices else None
        speed = run.mentions / run.seconds
        Figure(name=f"graph.align.bulk.{step}", value=speed, unit="mentions/s", target=target, cpu_s=run.cpu).emit()
        Figure(name=f"graph.align.edges.{step}", value=run.edges / run.seconds, unit="statements/s").emit()
        _print_size(database, step)


def _print_size(database: Database, step: int) -> None:
    if database.dialect == "sqlite":
        size = (Path(database.place).stat().st_size + database.write_ahead_bytes) / 2**20
        Figure(name=f"graph.size.{step}", value=size, unit="MiB").emit()


def feed(folder: Path, url: str, *, entries: int) -> None:
    """Time a feed of vulnerabilities: a median of 10 products and a mean of 30 for each entry."""
    say(f"{entries} vulnerabilities")
    with opened(folder, "feed", url) as database:
        run = merge(database, vulnerabilities(entries), together=4)
    target = TARGETS["feed"] if entries == ENTRIES else None
    Figure(name="graph.align.feed", value=run.seconds, unit="s", target=target, at_most=True, cpu_s=run.cpu).emit()
    Figure(name="graph.align.feed.mentions", value=run.mentions / run.seconds, unit="mentions/s").emit()


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, on a small graph")
    parser.add_argument("--vertices", type=int, default=STEPS[-1], help="how large the graph becomes")
    parser.add_argument("--url", default="", help="an empty graph's URL instead of an SQLite file")
    arguments = parser.parse_args()
    vertices = 1_000 if arguments.quick else arguments.vertices
    with tempfile.TemporaryDirectory(prefix="vedette-graph-") as name:
        folder = Path(name)
        if not arguments.url:
            small(folder, "", count=200 if arguments.quick else 20_000)
            feed(folder, "", entries=100 if arguments.quick else ENTRIES)
        with opened(folder, "large", arguments.url) as database:
            growth(database, vertices=vertices)
            asyncio.run(reading(database, questions=20 if arguments.quick else 500))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Figure(name="graph.memory", value=peak, unit="MiB", target=TARGETS["memory"], at_most=True).emit()


if __name__ == "__main__":
    main()
