"""What holds for whatever documents say: the order does not matter, repeating changes nothing, taking back undoes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading_nodes import read_views
from registry.sharing_facts import fold_sayings
from registry.sharing_graph import said_by_items
from tests.registry.graphs import AT, Attempt, attempt, members, origin, said, vertex
from tests.registry.pool import DatabasePool
from vedette.extraction.subgraph import Value, Vertex
from vedette.graph.ontology import Kind, Ontology, Property, Relation
from vedette.graph.port import Said

RULES = Ontology(
    version=1,
    kinds={
        "IP": Kind(name="ip", observable_type="Address"),
        "AddressRange": Kind(name="range"),
        "Malware": Kind(alias=True, alike="malware"),
        "Observable/File": Kind(name="exact", keys=("sha256",)),
    },
    relations={"UsesIP": Relation()},
    properties={
        "alias": Property(merge="union"),
        "description": Property(merge="union"),
        "score": Property(merge="latest"),
        "first": Property(merge="earliest"),
        "best": Property(merge="surest"),
        "worst": Property(merge="least"),
        "most": Property(merge="greatest"),
    },
)
MALWARE = ("Zeus", "ZEUS", "Zbot", "Citadel", "Wizard Spider", "Wizard Spiders", "Wizzard Spider", "Wizzard Spiders")
ADDRESSES = ("10.0.0.1", "10.0.1.1", "2001:db8::1", "2001:DB8:0::1", "::ffff:10.0.0.1")
RANGES = ("10.0.0.0/24", "10.0.0.0 - 10.0.0.255", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0")
values: st.SearchStrategy[Value] = st.one_of(
    st.integers(-3, 3), st.sampled_from((1.0, 1.5, "1", "x", "é")), st.just(("x", "y"))
)
properties = st.dictionaries(
    st.sampled_from(("description", "score", "first", "best", "worst", "most", "odd")), values
)


@st.composite
def vertices(draw: st.DrawFn) -> Vertex:
    kind = draw(st.sampled_from(("Malware", "Malware", "IP", "AddressRange", "Observable/File", "Strange")))
    names = {"Malware": MALWARE, "IP": ADDRESSES, "AddressRange": RANGES}.get(kind, ("a", "b", "B"))
    said: dict[str, Value] = dict(draw(properties))
    if kind == "Malware":
        said["alias"] = tuple(draw(st.lists(st.sampled_from(MALWARE), max_size=2)))
    if kind == "Observable/File":
        said["sha256"] = draw(st.sampled_from(("00", "11")))
    return vertex(kind, draw(st.sampled_from(names)), **said)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Said, ...]:
    all_said = []
    for number in range(draw(st.integers(1, 5))):
        mentioned = draw(st.lists(vertices(), min_size=1, max_size=4))
        ends = st.sampled_from(mentioned)
        edges = draw(st.lists(st.tuples(ends, st.sampled_from(("UsesIP", "Contained_Within")), ends), max_size=4))
        where = origin(f"item-{number}", at=AT + draw(st.integers(0, 2)), sure=draw(st.sampled_from((0.5, 1.0))))
        all_said.append(said(where, mentioned, edges))
    return tuple(all_said)


@pytest.fixture(scope="module")
def sqlite_graph(migrated_graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("properties") / "graph.db"
    path.write_bytes(migrated_graph.read_bytes())
    with graph_database(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture(scope="module")
def postgres_graph(postgres_graphs: DatabasePool) -> Iterator[Database]:
    with postgres_graphs.lend() as url, graph_database(url) as opened:
        yield opened


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def merged(database: Database, *batches: tuple[Said, ...]) -> Any:
    def work(graph: Attempt) -> Any:
        for batch in batches:
            graph.merge(*batch)
        return graph.snapshot()

    return attempt(database, work, rules=RULES)


def check_order(database: Database, all_said: tuple[Said, ...], order: int) -> None:
    together = merged(database, all_said)
    orders = list(itertools.permutations(all_said))
    assert merged(database, *((one,) for one in orders[order % len(orders)])) == together


@given(all_said=documents(), order=st.integers(0, 200))
@few(30)
def test_order_does_not_matter(sqlite_graph: Database, all_said: tuple[Said, ...], order: int) -> None:
    check_order(sqlite_graph, all_said, order)


@given(all_said=documents(), order=st.integers(0, 200))
@few(5)
def test_order_does_not_matter_with_postgresql(
    postgres_graph: Database, all_said: tuple[Said, ...], order: int
) -> None:
    check_order(postgres_graph, all_said, order)


@given(all_said=documents())
@few(12)
def test_repeating_changes_nothing(sqlite_graph: Database, all_said: tuple[Said, ...]) -> None:
    def work(graph: Attempt) -> Any:
        graph.merge(*all_said)
        before = graph.connection.execute(text("SELECT * FROM graph_node")).all()
        again = graph.merge(*reversed(all_said))
        assert (again.unchanged, again.origins, again.mentions, again.edges) == (len(all_said), 0, 0, 0)
        assert graph.connection.execute(text("SELECT * FROM graph_node")).all() == before

    attempt(sqlite_graph, work, rules=RULES)


def check_withdrawing(database: Database, all_said: tuple[Said, ...], more: tuple[Said, ...]) -> None:
    others = tuple(Said(origin=origin(f"other-{one.origin.item}"), subgraph=one.subgraph) for one in more)

    def work(graph: Attempt) -> Any:
        graph.merge(*all_said, *others[:1])
        graph.merge(*others[1:])
        for one in others:
            graph.withdraw(one.origin.item)
        return graph.snapshot()

    assert attempt(database, work, rules=RULES) == merged(database, all_said)


@given(all_said=documents(), more=documents())
@few(20)
def test_what_is_withdrawn_is_as_never_said(
    sqlite_graph: Database, all_said: tuple[Said, ...], more: tuple[Said, ...]
) -> None:
    check_withdrawing(sqlite_graph, all_said, more)


@given(all_said=documents(), more=documents())
@few(4)
def test_what_is_withdrawn_is_as_never_said_with_postgresql(
    postgres_graph: Database, all_said: tuple[Said, ...], more: tuple[Said, ...]
) -> None:
    check_withdrawing(postgres_graph, all_said, more)


@given(all_said=documents(), older=documents())
@few(12)
def test_a_newer_version_replaces_the_older(
    sqlite_graph: Database, all_said: tuple[Said, ...], older: tuple[Said, ...]
) -> None:
    newer = tuple(
        Said(origin=origin(one.origin.item, at=one.origin.observed_at, version="10"), subgraph=one.subgraph)
        for one in all_said
    )
    replaced = {one.origin.item for one in newer}
    rest = tuple(one for one in older if one.origin.item not in replaced)

    assert merged(sqlite_graph, older, newer) == merged(sqlite_graph, newer, rest)
    # The older one is not taken back in when it comes late.
    assert merged(sqlite_graph, newer, older) == merged(sqlite_graph, newer, rest)


@given(all_said=documents())
@few(20)
def test_nothing_that_is_said_is_lost(sqlite_graph: Database, all_said: tuple[Said, ...]) -> None:
    def work(graph: Attempt) -> Any:
        done = graph.merge(*all_said)
        stated = sum(len(one.subgraph.edges) for one in all_said)
        mentioned = sum(len(one.subgraph.vertices) for one in all_said)
        count = graph.connection.execute(text("SELECT coalesce(sum(count), 0) FROM graph_edge")).scalar()
        assert count == graph.connection.execute(text("SELECT count(*) FROM graph_edge_mention")).scalar() == stated
        sums = "SELECT sum(mentions) FROM graph_node"
        assert graph.connection.execute(text(sums)).scalar() == done.mentions == mentioned

    attempt(sqlite_graph, work, rules=RULES)


@given(all_said=documents())
@few(12)
def test_no_vertex_is_of_two_kinds_and_each_stands_for_itself_or_for_another(
    sqlite_graph: Database, all_said: tuple[Said, ...]
) -> None:
    def work(graph: Attempt) -> Any:
        graph.merge(*all_said)
        chains = (
            "SELECT count(*) FROM graph_node a JOIN graph_node b ON b.id = a.merged_into"
            " WHERE b.merged_into IS NOT NULL OR a.type <> b.type OR b.mentions = 0"
        )
        assert graph.connection.execute(text(chains)).scalar() == 0
        return members(graph.connection)

    attempt(sqlite_graph, work, rules=RULES)


@given(all_said=documents(), some=st.integers(0, 31))
@few(30)
def test_what_all_items_say_folded_anew_is_what_the_graph_shows(
    sqlite_graph: Database, all_said: tuple[Said, ...], some: int
) -> None:
    """What is shared of some items is folded by `registry/sharing_facts.py`."""
    chosen = tuple(one for number, one in enumerate(all_said) if some >> number & 1)

    def shown(graph: Attempt) -> dict[str, Any]:
        graph.merge(*chosen)
        numbers = graph.connection.execute(text("SELECT id FROM graph_node WHERE merged_into IS NULL")).scalars()
        return {view.id: view for view in read_views(graph.connection, numbers).values()}

    def folded(graph: Attempt) -> dict[str, Any]:
        graph.merge(*all_said)
        sayings = said_by_items(graph.connection, [one.origin.item for one in all_said])
        known = fold_sayings(sayings, items=[one.origin.item for one in chosen], ontology=RULES)
        return {id: fact.vertex for id, fact in known.facts.items()}

    found, wanted = attempt(sqlite_graph, folded, rules=RULES), attempt(sqlite_graph, shown, rules=RULES)
    if len(chosen) == len(all_said):
        assert found == wanted
    # What other items say can join vertices, and choose who stands for them; it adds nothing to what is said of them.
    said_names = {str(one.properties["name"]).strip() for item in chosen for one in item.subgraph.vertices.values()}
    assert {one.name for one in found.values()} <= said_names
    assert sum(one.mentions for one in found.values()) == sum(one.mentions for one in wanted.values())
