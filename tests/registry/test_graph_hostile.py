"""Writing the graph: what hostile or broken documents come to, on both databases."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from registry import graph_names
from registry.database import Database
from registry.graph_writing import GraphWriter
from tests.registry.graphs import id_of, now, origin, rows, said, together, vertex
from vedette.clock import ManualClock
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Edge, Subgraph
from vedette.graph.folding import values
from vedette.graph.port import Merged, Said, UnknownVertexError

ZEUS = vertex("Malware", "Zeus", alias=("Zbot",))
HOST = vertex("IP", "10.0.0.1", description=("a host",))


@pytest.fixture
def writer(graph_store: Database, clock: ManualClock) -> GraphWriter:
    return GraphWriter(database=graph_store, clock=clock)


async def test_hostile_texts_are_kept_as_both_databases_can(writer: GraphWriter, graph_store: Database) -> None:
    nasty = (
        "nul\0nul",
        "lone \ud800 half",
        "'; DROP TABLE graph_node; --",
        "x" * 5000,
        "é" * 1900,
        "💥",
        "100% ?",
        '"',
    )
    vertices = [
        vertex(kind, text, description=(text,), alias=(text,)) for text in nasty for kind in ("Malware", text)
    ]
    edges = [(vertices[0], text, one) for one, text in zip(vertices, nasty * 2, strict=True)]
    document = said(origin("i1", source="nul\0", version="\0"), vertices, edges)

    done = await writer.merge([document])

    assert (done.mentions, done.edges) == (16, 16)
    assert await writer.merge([document]) == Merged(unchanged=1)
    assert len(rows(graph_store, "SELECT id FROM graph_node")) == 16
    assert await writer.withdraw(item="i1", who="\0", why="\ud800") == 1
    assert now(graph_store)["nodes"] == []


async def test_numbers_beyond_64_bits_are_kept_exactly(writer: GraphWriter, graph_store: Database) -> None:
    number = 2**128 - 1
    await writer.merge(
        [said("i1", [vertex("IP", "2001:db8::1", ipInt=number, odd=float("nan"), flag=True, whole=2.0)])]
    )

    ((state,),) = rows(graph_store, "SELECT properties FROM graph_node")
    assert values(json.loads(state)) == {"ipInt": str(number), "odd": "nan", "flag": "True", "whole": 2}


async def test_an_edge_to_nowhere_is_refused_and_nothing_is_merged(
    writer: GraphWriter, graph_store: Database
) -> None:
    broken = Said(
        origin=origin("i2"),
        subgraph=Subgraph(vertices={ZEUS.id: ZEUS}, edges=(Edge(out_id=ZEUS.id, in_id="x", relation="r"),)),
    )
    with pytest.raises(ExtractionError, match="not both in the subgraph"):
        await writer.merge([said("i1", [HOST]), broken])

    assert rows(graph_store, "SELECT * FROM graph_origin") == []


async def test_unknown_vertices_and_decisions_are_named(writer: GraphWriter) -> None:
    await writer.merge([said("i1", [HOST])])

    for unknown in ("nonsense", id_of("Malware", "nobody")):
        with pytest.raises(UnknownVertexError, match="no vertex"):
            await writer.decide(id_of("IP", "10.0.0.1"), unknown, same=True, who="ann", why="x")
    with pytest.raises(UnknownVertexError, match="no decision 77"):
        await writer.undo(77, who="ann", why="x")
    with pytest.raises(ValueError, match="either an item or a source"):
        await writer.withdraw(who="ann", why="x")


async def test_an_origin_without_sense_is_kept_within_bounds(writer: GraphWriter, graph_store: Database) -> None:
    strange = origin("i" * 5000, at=2**80, source="s" * 5000, version="v" * 5000, sure=float("nan"))
    early = origin("i2", at=-5, sure=7.0)

    await writer.merge([said(strange, [HOST]), said(early, [HOST])])

    assert rows(graph_store, "SELECT first_seen, last_seen FROM graph_node") == [(1, 2**62)]
    assert rows(graph_store, "SELECT confidence FROM graph_origin ORDER BY id") == [(0.0,), (1.0,)]
    assert await writer.withdraw(source="s" * 5000, who="me", why="x") == 1


async def test_names_that_a_machine_made_are_not_all_compared(
    writer: GraphWriter, graph_store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_names, "MOST_SHARING", 5)
    names = [f"stealer{letter}locker" for letter in "abcdefgh"]

    with capture_logs() as logs:
        done = await writer.merge([said("i1", [vertex("Malware", name) for name in names])])

    assert (done.vertices, done.reviews) == (8, 0)
    assert together(graph_store) == set()
    assert [entry["blocks"] for entry in logs if entry["event"].startswith("too many names")] == [1]
