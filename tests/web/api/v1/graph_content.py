"""What the graph of the tests says: a few things in two documents, which merge, wait for a person, and stay apart."""

from __future__ import annotations

from functools import cache

from registry.graph_drafts import draft
from registry.graph_writing import GraphWriter
from vedette.extraction.subgraph import Edge, Position, Subgraph, Value, Vertex
from vedette.graph.identity import vertex_id
from vedette.graph.ontology import ontology
from vedette.graph.port import Origin, Said

OBSERVED_AT = 1_795_305_600_000_000
DAY = 86_400_000_000

ADDRESS, OTHER, RANGE = "192.0.2.7", "192.0.2.9", "192.0.2.0-192.0.2.255"
ZEUS, ZBOT, KRAKEN, HYDRA = "Zeus", "Zbot", "Kraken", "Hydra"
WEAKNESS = "CVE-2026-0001"
SCRIPT = "<script>window.ran=1</script>"

WORD = Position("row 1", 0, 7)
"""`payload`, of the items' payload."""


def a_vertex(name: str, type: str, observable_type: str = "", **more: Value) -> Vertex:
    """A vertex whose id is its name."""
    observable = {"observableType": observable_type} if observable_type else {}
    return Vertex(id=name, properties={"vertexType": type, "name": name, **observable, **more}, position=WORD)


def an_edge(out: str, into: str, relation: str, *, row: int = 1) -> Edge:
    """A relation, stated in the second word."""
    return Edge(out_id=out, in_id=into, relation=relation, position=Position(f"row {row}", 8, 9))


def said(item: str, *vertices: Vertex, edges: tuple[Edge, ...] = (), days: int = 0) -> Said:
    """What an item says, so many days after the first."""
    origin = Origin(
        item=item,
        sha256="0" * 64,
        source="vedette.in.structured.threats.daily",
        agent="probe1@localhost",
        extractor="threats",
        version="1",
        observed_at=OBSERVED_AT + days * DAY,
        confidence=0.9,
    )
    return Said(origin=origin, subgraph=Subgraph(vertices={one.id: one for one in vertices}, edges=edges))


def all_said() -> tuple[Said, Said]:
    """What two documents say, of items 3 and 4."""
    address = a_vertex(ADDRESS, "IP", "Address", description=("An address of a botnet.",))
    zeus = a_vertex(ZEUS, "Malware", alias=(ZBOT,), description=("A banking trojan.", SCRIPT))
    first = said(
        "00000000-0000-4000-8000-000000000003",
        address,
        zeus,
        a_vertex(OTHER, "IP", "Address"),
        a_vertex(RANGE, "AddressRange", startIP="192.0.2.0", endIP="192.0.2.255"),
        edges=(an_edge(ZEUS, ADDRESS, "Observable"), an_edge(ZEUS, OTHER, "Observable", row=2)),
    )
    second = said(
        "00000000-0000-4000-8000-000000000004",
        address,
        a_vertex(ZBOT, "Malware", score=5),
        a_vertex(KRAKEN, "Malware", alias=("The beast",)),
        a_vertex(HYDRA, "Malware", alias=("The beast",)),
        a_vertex(WEAKNESS, "Vulnerability", description=("Anybody may read the keys.",)),
        edges=(an_edge(ZBOT, ADDRESS, "Observable"), an_edge(ZBOT, WEAKNESS, "ExploitTarget")),
        days=3,
    )
    return first, second


@cache
def _ids() -> dict[str, str]:
    mentions = [(one, draft(one, ontology())) for one in all_said()]
    return {
        name: vertex_id(mention.node.kind.type, mention.node.uid)
        for one, drafted in mentions
        for name, mention in zip(one.subgraph.vertices, drafted.mentions, strict=True)
    }


def id_of(name: str) -> str:
    """Return the id of a vertex."""
    return _ids()[name]


async def fill_graph(writer: GraphWriter) -> None:
    """Let the two documents be merged."""
    await writer.merge(all_said())
