"""How PostgreSQL finds what is read from the graph: whatever is asked, an index can answer it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, text

from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.registry.explained import first_columns, plans, unled, watched
from tests.registry.graphs import id_of, said, vertex
from tests.registry.pool import DatabasePool
from vedette.clock import ManualClock
from vedette.graph.port import VertexFilter

ZEUS, HOST = id_of("Malware", "Zeus"), id_of("IP", "10.0.0.1")

ASKED: dict[str, Callable[[GraphRead], Awaitable[Any]]] = {
    "a vertex": lambda graph: graph.vertex(ZEUS),
    "by name": lambda graph: graph.find(VertexFilter(name="Zeus")),
    "by a part": lambda graph: graph.find(VertexFilter(text="zeu")),
    "by type": lambda graph: graph.find(VertexFilter(type="Malware")),
    "edges": lambda graph: graph.edges(ZEUS),
    "edges of a relation": lambda graph: graph.edges(ZEUS, relation="UsesIP", direction="out"),
    "its neighbourhood": lambda graph: graph.neighbourhood([ZEUS], depth=2),
    "a path": lambda graph: graph.path(ZEUS, HOST),
    "changes": lambda graph: graph.changes(0),
    "a timeline": lambda graph: graph.timeline(ZEUS),
    "mentions": lambda graph: graph.mentions(ZEUS),
    "mentions of an edge": lambda graph: graph.edge_mentions(ZEUS, HOST, "UsesIP"),
    "what an item said": lambda graph: graph.said_by("i1"),
    "an annotation": lambda graph: graph.annotation("i1"),
    "why alike": lambda graph: graph.explain(ZEUS, id_of("Malware", "Zbot")),
    "reviews": lambda graph: graph.reviews(),
}

SMALL = re.compile(r"Seq Scan on graph_relation\b")
"""Tables that are read as a whole by intention: there are some tens of relations."""


async def test_an_index_can_answer_whatever_is_asked(postgres_graphs: DatabasePool) -> None:
    zeus, zbot = vertex("Malware", "Zeus", alias=("Zbot",)), vertex("Malware", "Zbot", description=("new",))
    host, network = vertex("IP", "10.0.0.1"), vertex("AddressRange", "10.0.0.0/24")
    edges = [(zeus, "UsesIP", host)]
    wrong: dict[str, list[str]] = {}
    with postgres_graphs.lend() as url, graph_database(url) as database:
        writer = GraphWriter(database=database, clock=ManualClock())
        await writer.merge([said(item, [zeus, zbot, host, network], edges, source=item) for item in ("i1", "i2")])
        for name, ask in ASKED.items():
            with watched() as seen:
                await ask(GraphRead(database=database))
            assert seen, name
            flaws = await database.read(lambda connection, seen=seen: _flaws(connection, seen))
            wrong |= {f"{name}: {sql}": lines for sql, lines in flaws.items()}
    assert not wrong, "\n\n".join(f"{name}\n{lines}" for name, lines in wrong.items())


def _flaws(connection: Connection, seen: dict[str, Any]) -> dict[str, list[str]]:
    # In a small table reading all of it is cheapest: what counts is whether it can be done without.
    for way in ("seqscan", "hashjoin", "mergejoin"):
        connection.execute(text(f"SET LOCAL enable_{way} = off"))
    first, found = first_columns(connection), {}
    for sql, plan in plans(connection, seen).items():
        if lines := [line for line in unled(plan, first) if not SMALL.search(line)]:
            found[sql] = lines
    return found
