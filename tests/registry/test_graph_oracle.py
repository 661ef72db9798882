"""What the graph answers is what forty lines of looking at everything come to, whatever the graph: both databases."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.registry.graphs import AT, attempt, id_of, origin, said, vertex
from tests.registry.pool import DatabasePool
from vedette.clock import ManualClock
from vedette.extraction.subgraph import Vertex
from vedette.graph.port import Direction, Picture, Said, VertexFilter

THINGS: dict[str, tuple[str, ...]] = {
    "Strange": ("a", "b", "c", "d", "e"),
    "IP": ("10.0.0.1", "10.0.1.1", "192.0.2.7", "2001:db8::1"),
    "AddressRange": ("10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"),
}
IDS = {id_of(kind, name): (kind, name) for kind, names in THINGS.items() for name in names}
RELATIONS = ("knows", "eats", "Contained_Within")
Key = tuple[str, str, str]
"""Out-vertex, relation, in-vertex."""


@dataclass(frozen=True)
class Drawn:
    """A graph: what documents say, which names people said are the same, and which documents are taken back."""

    documents: tuple[Said, ...]
    same: tuple[tuple[str, str], ...]
    withdrawn: tuple[str, ...]


@dataclass
class Oracle:
    """The same graph as sets and counts; every question looks at all of it."""

    stands: dict[str, str] = field(default_factory=dict)
    mentions: Counter[str] = field(default_factory=Counter)
    edges: Counter[Key] = field(default_factory=Counter)

    @classmethod
    def of(cls, drawn: Drawn) -> Oracle:
        """Count what is said."""
        found = cls()
        stated: Counter[Key] = Counter()
        for one in drawn.documents:
            if one.origin.item not in drawn.withdrawn:
                found.mentions.update(_id(vertex) for vertex in one.subgraph.vertices.values())
                ends = {key: _id(vertex) for key, vertex in one.subgraph.vertices.items()}
                stated.update((ends[edge.out_id], edge.relation, ends[edge.in_id]) for edge in one.subgraph.edges)
        found.stands = {id: id for id in found.mentions}
        for first, second in drawn.same:
            if first in found.stands and second in found.stands:
                old, new = found.stands[first], found.stands[second]
                found.stands |= {id: new for id, place in found.stands.items() if place == old}
        for out, into in found._inside():
            found.edges[found.stands[out], "Contained_Within", found.stands[into]] += 0
        for (out, relation, into), count in stated.items():
            found.edges[found.stands[out], relation, found.stands[into]] += count
        found.edges = Counter({key: count for key, count in found.edges.items() if key[0] != key[2]})
        return found

    def _inside(self) -> Iterator[tuple[str, str]]:
        there = [(id, *IDS[id]) for id in self.mentions]
        for one, kind, address in there:
            for other, its_kind, network in there:
                if (kind, its_kind) == ("IP", "AddressRange") and ip_address(address) in ip_network(network):
                    yield one, other

    def around(self, vertices: set[str]) -> set[str]:
        """Return what is one step away from any of these."""
        return {end for out, _, into in self.edges if {out, into} & vertices for end in (out, into)}

    def within(self, start: str, steps: int) -> set[str]:
        """Return what is so many steps away at most."""
        found = {start}
        for _ in range(steps):
            found |= self.around(found)
        return found

    def distance(self, start: str, goal: str, most: int) -> int | None:
        """Return how many steps lead from one to the other."""
        return next((steps for steps in range(most + 1) if goal in self.within(start, steps)), None)


def _id(vertex: Vertex) -> str:
    return id_of(f"{vertex.type}/{vertex.observable_type}" if vertex.observable_type else vertex.type, vertex.name)


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    things = [vertex(kind, name) for kind, names in THINGS.items() for name in names]
    documents = []
    for number in range(draw(st.integers(1, 4))):
        mentioned = draw(st.lists(st.sampled_from(things), min_size=1, max_size=8, unique_by=lambda one: one.id))
        end = st.sampled_from(mentioned)
        edges = draw(st.lists(st.tuples(end, st.sampled_from(RELATIONS), end), max_size=8))
        documents.append(said(origin(f"item-{number}", at=AT + number), mentioned, edges))
    strange = st.sampled_from([id_of("Strange", name) for name in THINGS["Strange"]])
    items = st.sampled_from([one.origin.item for one in documents])
    return Drawn(
        documents=tuple(documents),
        same=tuple(draw(st.lists(st.tuples(strange, strange).filter(lambda two: two[0] != two[1]), max_size=3))),
        withdrawn=tuple(draw(st.lists(items, max_size=1))),
    )


class _Transaction:
    """What reads and writes within one transaction, in place of a database that opens one for each question."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        return work(self._connection)

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        return work(self._connection)


@pytest.fixture(scope="module")
def sqlite_graph(migrated_graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("oracle") / "graph.db"
    path.write_bytes(migrated_graph.read_bytes())
    with graph_database(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture(scope="module")
def postgres_graph(postgres_graphs: DatabasePool) -> Iterator[Database]:
    with postgres_graphs.lend() as url, graph_database(url) as opened:
        yield opened


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def check(store: Database, drawn: Drawn) -> None:
    """Compare each answer about a graph with the oracle's."""

    def work(connection: Connection) -> None:
        database = cast(Database, _Transaction(connection))
        writer = GraphWriter(database=database, clock=ManualClock(now=AT))
        asyncio.run(_compare(drawn, writer, GraphRead(database=database)))

    attempt(store, lambda graph: work(graph.connection))


async def _compare(drawn: Drawn, writer: GraphWriter, read: GraphRead) -> None:
    for document in drawn.documents:
        await writer.merge([document])
    known = Oracle.of(Drawn(drawn.documents, (), ()))
    for first, second in drawn.same:
        if {first, second} <= known.mentions.keys():
            await writer.decide(first, second, same=True, who="test", why="drawn")
    for item in drawn.withdrawn:
        await writer.withdraw(item=item, who="test", why="drawn")
    oracle = Oracle.of(drawn)
    named = {id: await read.vertex(id) for id in IDS}
    ids = {id: view.id for id, view in named.items() if view is not None}
    assert ids.keys() == oracle.mentions.keys(), "exactly what is said is there"
    clusters = {frozenset(id for id in ids if ids[id] == place) for place in ids.values()}
    stands = oracle.stands
    assert clusters == {frozenset(id for id in stands if stands[id] == place) for place in stands.values()}
    oracle.edges = Counter({(ids[out], name, ids[into]): count for (out, name, into), count in oracle.edges.items()})
    for id, view in named.items():
        if view is not None:
            assert view.mentions == sum(oracle.mentions[other] for other in ids if ids[other] == view.id), id
    await _compare_lists(oracle, read, set(ids.values()))
    await _compare_walks(oracle, read, sorted(set(ids.values())))


async def _compare_lists(oracle: Oracle, read: GraphRead, vertices: set[str]) -> None:
    found = await read.find(VertexFilter())
    assert {one.id for one in found.vertices} == vertices
    assert len(found.vertices) == found.count == len(vertices)
    assert (await read.counts()).mentions == oracle.mentions.total()
    ways: tuple[tuple[Direction, int], ...] = (("out", 0), ("in", 2))
    for one in vertices:
        for direction, end in ways:
            edges = (await read.edges(one, direction=direction)).edges
            listed = {(edge.out_id, edge.relation, edge.in_id): edge.count for edge in edges}
            assert len(listed) == len(edges)
            assert listed == {key: count for key, count in oracle.edges.items() if key[end] == one}
            for edge in edges:
                statements = await read.edge_mentions(edge.out_id, edge.in_id, edge.relation)
                assert sum(not statement.withdrawn for statement in statements) == edge.count


async def _compare_walks(oracle: Oracle, read: GraphRead, vertices: Sequence[str]) -> None:
    for start in vertices[:3]:
        for depth in (0, 1, 2, 3):
            shown = await read.neighbourhood([start], depth=depth)
            assert {one.id for one in shown.vertices} == oracle.within(start, depth)
            inner = oracle.within(start, depth - 1) if depth else set()
            keys = [(edge.out_id, edge.relation, edge.in_id) for edge in shown.edges]
            assert sorted(keys) == sorted(key for key in oracle.edges if {key[0], key[2]} & inner)
            assert not shown.cut
        limited = await read.neighbourhood([start], depth=2, limit=3, fan_out=2)
        assert len(limited.vertices) <= 3
        assert {one.id for one in limited.vertices} <= oracle.within(start, 2)
        if {one.id for one in limited.vertices} != oracle.within(start, 2):
            assert limited.cut, "what is left out is said"
        full = await read.neighbourhood([start], depth=2, limit=3)
        there = {one.id for one in full.vertices}
        shown_keys = {(edge.out_id, edge.relation, edge.in_id) for edge in full.edges}
        own = {key for key in oracle.edges if start in key}
        assert shown_keys <= {key for key in oracle.edges if {key[0], key[2]} <= there}
        assert own & shown_keys == {key for key in own if {key[0], key[2]} <= there}, "of the middle all are shown"
        assert (start in full.cut) == (own - shown_keys != set())
        for goal in vertices:
            path = await read.path(start, goal)
            _check_path(oracle, start, goal, path)


def _check_path(oracle: Oracle, start: str, goal: str, path: Picture | None) -> None:
    distance = oracle.distance(start, goal, 6)
    assert (path is None) == (distance is None)
    if path is not None:
        way = [one.id for one in path.vertices]
        assert (way[0], way[-1], len(way)) == (start, goal, (distance or 0) + 1)
        between = {frozenset((edge.out_id, edge.in_id)) for edge in path.edges}
        assert between == {frozenset(step) for step in pairwise(way)}


@given(drawn=graphs())
@few(10)
def test_answers_are_those_of_looking_at_everything(sqlite_graph: Database, drawn: Drawn) -> None:
    check(sqlite_graph, drawn)


@given(drawn=graphs())
@few(2)
def test_answers_are_those_of_looking_at_everything_with_postgresql(postgres_graph: Database, drawn: Drawn) -> None:
    check(postgres_graph, drawn)


@pytest.mark.long
@given(drawn=graphs())
@few(500)
def test_many_answers_are_those_of_looking_at_everything(sqlite_graph: Database, drawn: Drawn) -> None:
    check(sqlite_graph, drawn)
