"""How fast the knowledge graph answers: what lies around a vertex, searches, and shortest paths.

`python bench/graph_reading.py --url URL [--questions N]` asks a graph that is there already; with `--vertices N` it
makes one there first, row by row. `graph.py` asks the one that it merged. Half of the vertices are chosen at random,
half as ends of random edges, so that popular ones come up as often as they do in the graph.

`neighbours` is a page of 100 edges with the vertices at their ends, as a vertex' page and the API ask for it;
`neighbourhood` is all that is one step away, up to 500 edges; `picture` is three steps, up to 2,000 vertices.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, percentile, say
from graph_making import make
from sqlalchemy import Connection, func, select

from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.graph_reading_nodes import id_of
from registry.graph_tables import edge, node
from vedette.graph.port import VertexFilter, VertexView

HOPS = 4
"""Edges of a path at most."""

PAGE = 100
"""Edges of a page."""

TARGETS = {"neighbours": 20.0, "neighbourhood": 20.0, "picture": 300.0, "search": 50.0, "path": 200.0}
"""Milliseconds, 95th percentile."""

Ask = Callable[[], Awaitable[object]]


def chosen(connection: Connection, count: int) -> list[str]:
    """Return ids of vertices: half of them any, half by how many edges they have."""
    chance = random.Random(7)
    most = connection.execute(select(func.max(node.c.id))).scalar_one()
    columns = (node.c.uid, node.c.type)
    found = []
    while len(found) < count:
        number = chance.randrange(1, most + 1)
        query = select(*columns).where(node.c.id == number, node.c.mentions > 0)
        if len(found) % 2:
            ends = select(edge.c.in_node).where(edge.c.out_node >= number).limit(1)
            query = select(*columns).where(node.c.id.in_(ends), node.c.mentions > 0)
        row = connection.execute(query).first()
        if row is not None:
            found.append(id_of(row))
    return found


def searches(views: Sequence[VertexView]) -> list[VertexFilter]:
    """Return questions of all kinds about what is there."""
    found = []
    for number, view in enumerate(views):
        word = max(view.name.replace(".", " ").replace(":", " ").split(), key=len)
        kinds = (
            VertexFilter(name=view.name),
            VertexFilter(text=word),
            VertexFilter(text=word[:4]),
            VertexFilter(text=f"{word[:5]} {word[-4:]}", type=view.type),
            VertexFilter(type=view.type, observable_type=view.observable_type),
            VertexFilter(contains={"description": word[:6]}),
            VertexFilter(equals={"description": view.name}),
        )
        found.append(kinds[number % len(kinds)])
    return found


async def timed(asks: Sequence[Ask]) -> tuple[list[float], list[float]]:
    """Ask one question after the other; return how long each took, and its CPU time, in milliseconds."""
    taken, cpu = [], []
    for ask in asks:
        start, used = time.perf_counter(), time.process_time()
        await ask()
        taken.append((time.perf_counter() - start) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return taken, cpu


def report(name: str, taken: Sequence[float], cpu: Sequence[float]) -> None:
    """Print the median and the 95th percentile, and that of the CPU time: on a busy machine the others say little."""
    Figure(name=f"graph.read.{name}.p50", value=percentile(taken, 0.5), unit="ms").emit()
    Figure(
        name=f"graph.read.{name}.p95",
        value=percentile(taken, 0.95),
        unit="ms",
        target=TARGETS[name],
        at_most=True,
        cpu_s=sum(cpu) / 1000,
    ).emit()
    Figure(name=f"graph.read.{name}.cpu.p95", value=percentile(cpu, 0.95), unit="ms").emit()


async def reading(database: Database, *, questions: int) -> None:
    """Ask questions of each kind, and print how long they took."""
    graph = GraphRead(database=database)
    ids = await database.read(lambda connection: chosen(connection, questions))
    views = [view for id in ids[: min(questions, 400)] if (view := await graph.vertex(id)) is not None]
    pairs = list(zip(ids, ids[1:] + ids[:1], strict=True))
    kinds: dict[str, list[Ask]] = {
        "neighbours": [lambda id=id: graph.edges(id, limit=PAGE) for id in ids],
        "neighbourhood": [lambda id=id: graph.neighbourhood([id]) for id in ids],
        "picture": [lambda id=id: graph.neighbourhood([id], depth=3) for id in ids[: max(10, questions // 10)]],
        "search": [lambda wanted=wanted: graph.find(wanted, limit=20) for wanted in searches(views)],
        "path": [lambda pair=pair: graph.path(*pair, hops=HOPS) for pair in pairs],
    }
    for name, asks in kinds.items():
        say(f"{len(asks)} questions: {name}")
        # As in a hub that runs: what is built with the first question of a kind is there.
        await timed(asks[:5])
        report(name, *await timed(asks))


def main() -> None:
    """Ask a graph that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the graph's URL")
    parser.add_argument("--questions", type=int, default=500, help="of each kind")
    parser.add_argument("--vertices", type=int, default=0, help="make so many first, in a graph that is empty")
    arguments = parser.parse_args()
    database = graph_database(arguments.url)
    if arguments.vertices:
        database.migrate()
    with database:
        make(database, vertices=arguments.vertices)
        asyncio.run(reading(database, questions=arguments.questions))


if __name__ == "__main__":
    main()
