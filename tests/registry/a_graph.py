"""A graph to read from: subgraphs in a few words, merged by the real writer into a real database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from vedette.clock import ManualClock
from vedette.extraction.subgraph import Edge, Position, Subgraph, Vertex
from vedette.graph.port import Origin, Said, VertexFilter, VertexView

NOW = 1_795_305_600_000_000
DAY = 86_400_000_000
SOURCE = "vedette.in.structured.test"


def uuid_of(number: int) -> str:
    """The uuid of the number-th item."""
    return str(UUID(int=number, version=4))


def vertex(type: str, name: str, **properties: Any) -> dict[str, Any]:
    """The properties of a vertex; `Observable/Port` is both types."""
    kind, _, observable = type.partition("/")
    return {"vertexType": kind, "name": name, **({"observableType": observable} if observable else {}), **properties}


def said(
    number: int,
    vertices: Mapping[str, Mapping[str, Any]],
    edges: Iterable[tuple[str, str, str]] = (),
    *,
    at: int = NOW,
    source: str = SOURCE,
    confidence: float = 1.0,
) -> Said:
    """What the number-th item says; edges are (from, relation, to)."""
    subgraph = Subgraph(
        vertices={
            id: Vertex(id=id, properties=properties, position=Position(f"row {place}", place, place + 1))
            for place, (id, properties) in enumerate(vertices.items())
        },
        edges=tuple(
            Edge(out_id=out, in_id=into, relation=relation, position=Position(f"line {place}"))
            for place, (out, relation, into) in enumerate(edges)
        ),
    )
    origin = Origin(
        item=uuid_of(number),
        sha256=f"{number:064x}",
        source=source,
        agent="probe@localhost",
        extractor="test",
        version="1",
        observed_at=at,
        confidence=confidence,
    )
    return Said(origin=origin, subgraph=subgraph)


@dataclass(kw_only=True)
class Graph:
    """A graph's reader and writer over one database."""

    database: Database
    read: GraphRead
    write: GraphWriter

    @classmethod
    def over(cls, database: Database) -> Graph:
        """The graph in an open database."""
        clock = ManualClock(now=NOW)
        return cls(
            database=database, read=GraphRead(database=database), write=GraphWriter(database=database, clock=clock)
        )

    async def named(self, name: str, type: str = "") -> VertexView:
        """The one vertex of a name."""
        found = await self.read.find(VertexFilter(name=name, type=type))
        (one,) = found.vertices
        return one

    async def names(self, **wanted: Any) -> list[str]:
        """The names that a search finds."""
        return [one.name for one in (await self.read.find(VertexFilter(**wanted))).vertices]


@pytest.fixture
def graph(graph_store_url: str) -> Iterator[Graph]:
    """An empty graph, on both databases."""
    with graph_database(graph_store_url) as database:
        yield Graph.over(database)


THINGS = {
    "ip": vertex("IP", "10.0.0.1", observableType="Address", ipInt=167772161, description=("a bad host",)),
    "range": vertex("AddressRange", "10.0.0.0 - 10.0.0.255", startIP="10.0.0.0", endIP="10.0.0.255"),
    "domain": vertex("Observable/Domain Name", "Evil.Example."),
    "zeus": vertex("Malware", "Zeus", alias=("Zeus", "Zbot"), description=("steals 100% of the money_",)),
    "zbot": vertex("Malware", "Zbot"),
    "port": vertex("Observable/Port", "80"),
}
LINKS = [
    ("domain", "Sub-Observable", "ip"),
    ("zeus", "UsesIP", "ip"),
    ("zbot", "UsesIP", "ip"),
    ("ip", "Sub-Observable", "port"),
]


async def fill(graph: Graph) -> None:
    """Two days' items that say what is above, the second one only a part of it."""
    await graph.write.merge([said(1, THINGS, LINKS, at=NOW)])
    later = {"ip": vertex("IP", "10.0.0.1", observableType="Address", description=("seen again",))}
    await graph.write.merge([said(2, later, at=NOW + DAY, source=f"{SOURCE}.other")])
