"""Writing the graph: what merging, withdrawing, deciding and undoing come to, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from registry.database import Database
from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from tests.registry.graphs import AT, id_of, now, rows, said, together, vertex
from vedette.clock import ManualClock
from vedette.graph.folding import values
from vedette.graph.port import Merged, UnknownVertexError

ZEUS = vertex("Malware", "Zeus", alias=("Zbot",))
ZBOT = vertex("Malware", "ZBOT")
HOST = vertex("IP", "10.0.0.1", description=("a host",))
NETWORK = vertex("AddressRange", "10.0.0.0 - 10.0.0.255")


@pytest.fixture
def writer(graph_store: Database, clock: ManualClock) -> GraphWriter:
    return GraphWriter(database=graph_store, clock=clock)


async def test_merging_says_what_it_did_and_again_does_nothing(writer: GraphWriter, graph_store: Database) -> None:
    document = said("i1", [ZEUS, HOST], [(ZEUS, "UsesIP", HOST), (ZEUS, "UsesIP", HOST)])

    assert await writer.merge([document]) == Merged(origins=1, mentions=2, vertices=2, edges=1)
    assert await writer.merge([document, document]) == Merged(unchanged=2)
    assert rows(graph_store, "SELECT count FROM graph_edge") == [(2,)]


async def test_each_mention_leads_to_its_item_and_position(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [ZEUS, HOST], [(ZEUS, "UsesIP", HOST)])])

    query = (
        "SELECT o.item, o.sha256, m.position, s.properties"
        " FROM graph_mention m JOIN graph_origin o ON o.id = m.origin"
        " JOIN graph_said s ON s.id = m.said ORDER BY m.number"
    )
    item, sha256, position, properties = rows(graph_store, query)[0]
    assert (item, sha256, position) == ("i1", "ab" * 32, "row Zeus")
    assert json.loads(properties) == {"alias": ["Zbot"], "name": "Zeus", "vertexType": "Malware"}
    assert rows(graph_store, "SELECT origin, number, position FROM graph_edge_mention") == [(1, 0, "row 0")]


async def test_properties_of_all_mentions_are_folded(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [vertex("Vulnerability", "cve-2026-1", description=("b",), score=5)], at=AT + 1)])
    await writer.merge([said("i2", [vertex("Vulnerability", "CVE-2026-0001", description=("a",), score=9)], at=AT)])

    ((name, first, last, count, state),) = rows(
        graph_store, "SELECT name, first_seen, last_seen, mentions, properties FROM graph_node"
    )
    assert (name, first, last, count) == ("CVE-2026-0001", AT, AT + 1, 2)
    assert values(json.loads(state)) == {"description": ("a", "b"), "score": 5}


async def test_a_name_that_is_anothers_alias_is_the_same(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [ZBOT])])
    await writer.merge([said("i2", [ZEUS])])
    assert together(graph_store) == {frozenset(("Zeus", "ZBOT"))}

    await writer.withdraw(item="i2", who="me", why="wrong")
    assert together(graph_store) == set()
    assert rows(graph_store, "SELECT * FROM graph_decision") == []


async def test_an_alias_of_two_waits_for_a_person(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [ZEUS, ZBOT])])
    done = await writer.merge([said("i2", [vertex("Malware", "Citadel", alias=("zbot",))])])

    assert done.reviews == 2
    assert together(graph_store) == set()

    await writer.decide(id_of("Malware", "zbot"), id_of("Malware", "zeus"), same=True, who="ann", why="the same code")
    assert together(graph_store) == {frozenset(("Zeus", "ZBOT"))}
    assert rows(graph_store, "SELECT rule, state FROM graph_decision ORDER BY id") == [
        ("alias", "same"),
        ("alias", "review"),
        ("person", "same"),
    ]


async def test_merge_and_undo_is_as_before(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [ZEUS, HOST], [(ZEUS, "UsesIP", HOST)]), said("i2", [vertex("Malware", "Gozi")])])
    before = now(graph_store)

    decision = await writer.decide(id_of("Malware", "Gozi"), id_of("Malware", "Zeus"), same=True, who="ann", why="x")
    assert together(graph_store) == {frozenset(("Zeus", "Gozi"))}
    await writer.undo(decision, who="ann", why="a mistake")

    assert now(graph_store) == before
    await writer.undo(decision, who="ann", why="twice does nothing")
    assert now(graph_store) == before


async def test_a_rules_decision_that_was_undone_stays_so(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [ZEUS, ZBOT])])
    ((decision,),) = rows(graph_store, "SELECT id FROM graph_decision")

    await writer.undo(decision, who="ann", why="they differ")
    assert together(graph_store) == set()
    await writer.merge([said("i2", [ZEUS, ZBOT]), said("i3", [vertex("Malware", "Zeus", alias=("Zbot", "Zb"))])])

    assert together(graph_store) == set()
    assert rows(graph_store, "SELECT state, withdrawn_by, withdrawn_why FROM graph_decision") == [
        ("withdrawn", "ann", "they differ")
    ]


async def test_what_a_person_tells_apart_is_apart_however_it_is_connected(
    writer: GraphWriter, graph_store: Database
) -> None:
    await writer.merge([said("i1", [ZEUS, ZBOT, vertex("Malware", "Zbot2", alias=("Zbot3",))])])
    await writer.decide(id_of("Malware", "zbot"), id_of("Malware", "zbot2"), same=True, who="ann", why="x")
    await writer.decide(id_of("Malware", "zeus"), id_of("Malware", "zbot2"), same=False, who="ann", why="y")

    assert together(graph_store) == {frozenset(("ZBOT", "Zbot2"))}
    with pytest.raises(UnknownVertexError):
        await writer.decide(id_of("Malware", "zeus"), id_of("Malware", "ZEUS"), same=True, who="ann", why="itself")


async def test_names_that_are_alike_are_the_same_and_doubtful_ones_are_reviewed(
    writer: GraphWriter, graph_store: Database
) -> None:
    names = ("Wizard Spider Locker", "WizardSpider Locker", "APT28", "APT29", "Agent.AA", "Agent.AB", "Gozi", "Goza")
    await writer.merge([said("i1", [vertex("Malware", name) for name in names])])

    assert together(graph_store) == {frozenset(names[:2])}


async def test_addresses_lie_in_ranges_whichever_comes_first(writer: GraphWriter, graph_store: Database) -> None:
    late, narrow = vertex("IP", "::ffff:10.0.0.2"), vertex("AddressRange", "2001:db8::/32")
    await writer.merge([said("i1", [HOST, vertex("IP", "10.0.1.1"), narrow])])
    await writer.merge([said("i2", [NETWORK, vertex("IP", "2001:DB8::5")])])
    await writer.merge(
        [said("i3", [late, vertex("IP", "2001:db9::5"), vertex("AddressRange", "10.0.0.7 - 10.0.0.9")])]
    )

    query = (
        "SELECT a.canonical, b.canonical FROM graph_edge e JOIN graph_node a ON a.id = e.out_node"
        " JOIN graph_node b ON b.id = e.in_node JOIN graph_relation r ON r.id = e.relation"
        " WHERE r.name = 'Contained_Within' AND e.derived = 1 ORDER BY a.canonical"
    )
    inside = [("10.0.0.1", "10.0.0.0-10.0.0.255"), ("10.0.0.2", "10.0.0.0-10.0.0.255")]
    inside += [("2001:db8::5", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]
    assert rows(graph_store, query) == inside
    await writer.withdraw(item="i2", who="me", why="x")
    assert rows(graph_store, query) == []


async def test_withdrawing_a_source_takes_out_only_what_it_alone_said(
    writer: GraphWriter, graph_store: Database
) -> None:
    await writer.merge([said("i1", [ZEUS, HOST], [(ZEUS, "UsesIP", HOST)])])
    before = now(graph_store)
    gozi = vertex("Malware", "Gozi")
    document = [ZEUS, HOST, ZBOT, gozi], [(ZEUS, "UsesIP", HOST), (gozi, "UsesIP", HOST)]
    await writer.merge([said(f"j{number}", *document, source="in.structured.bad") for number in range(3)])

    assert await writer.withdraw(source="in.structured.bad", who="me", why="it lies") == 3
    assert now(graph_store) == before
    assert await writer.withdraw(source="in.structured.bad", who="me", why="it lies") == 0
    # What was taken back does not come back, in whatever version.
    again = await writer.merge([said("j0", *document), said("j1", *document, version="2")])
    assert again == Merged(unchanged=2)
    assert now(graph_store) == before


async def test_versions_are_ordered_by_their_numbers(writer: GraphWriter, graph_store: Database) -> None:
    await writer.merge([said("i1", [HOST], version="1.9")])
    await writer.merge([said("i1", [ZEUS], version="1.10")])
    await writer.merge([said("i1", [ZBOT], version="1.2")])

    assert rows(graph_store, "SELECT name FROM graph_node WHERE mentions > 0") == [("Zeus",)]
    query = "SELECT version, withdrawn_by FROM graph_origin ORDER BY id"
    assert rows(graph_store, query) == [("1.9", "extractor"), ("1.10", "")]


async def test_changes_have_times_that_differ_and_grow(
    writer: GraphWriter, graph_store: Database, clock: ManualClock
) -> None:
    await writer.merge([said("i1", [HOST, ZEUS, ZBOT])])
    clock.advance(-60)
    await writer.merge([said("i2", [HOST, NETWORK])])

    changes = rows(graph_store, "SELECT canonical, changed_at FROM graph_node ORDER BY changed_at")
    assert [name for name, _ in changes][-2:] == ["10.0.0.1", "10.0.0.0-10.0.0.255"]
    assert len({at for _, at in changes}) == 4


@pytest.fixture
def second(graph_store_url: str) -> Iterator[Database]:
    """Another process' connection, as it were."""
    with graph_database(graph_store_url) as opened:
        yield opened


async def test_writers_beside_each_other_lose_nothing(
    writer: GraphWriter, graph_store: Database, second: Database, clock: ManualClock
) -> None:
    other = GraphWriter(database=second, clock=clock)
    documents = [said(f"i{number}", [HOST, ZEUS], [(ZEUS, "UsesIP", HOST)], at=AT + number) for number in range(20)]

    await asyncio.gather(*(one.merge([document]) for document in documents for one in (writer, other)))

    assert rows(graph_store, "SELECT mentions, first_seen, last_seen FROM graph_node") == [(20, AT, AT + 19)] * 2
    assert rows(graph_store, "SELECT count, first_seen, last_seen FROM graph_edge") == [(20, AT, AT + 19)]


async def test_a_hash_identifies_a_file_unless_its_name_is_of_several(
    writer: GraphWriter, graph_store: Database
) -> None:
    first, other = "ab" * 32, "cd" * 32
    evil, good = (
        vertex("Observable/File", "evil.exe", sha256=first),
        vertex("Observable/File", "good.exe", sha256=other),
    )
    await writer.merge([said("i1", [evil, good, vertex("Observable/File", "setup.exe", sha256=first.upper())])])
    assert together(graph_store) == {frozenset(("evil.exe", "setup.exe"))}

    await writer.merge([said("i2", [vertex("Observable/File", "setup.exe", sha256=other)])])
    assert together(graph_store) == set()

    await writer.withdraw(item="i1", who="me", why="x")
    await writer.merge([said("i3", [good])])
    assert together(graph_store) == {frozenset(("good.exe", "setup.exe"))}


async def test_a_vertex_shows_the_name_that_tells_most(writer: GraphWriter, graph_store: Database) -> None:
    flaws = [vertex("Vulnerability", f"BID-{number}", alias=(f"CVE-2026-{number}",)) for number in range(1000, 1004)]
    await writer.merge(
        [said("i1", flaws), said("i2", [vertex("Vulnerability", f"CVE-2026-{n}") for n in range(1000, 1004)])]
    )

    query = "SELECT name FROM graph_node WHERE merged_into IS NULL ORDER BY name"
    assert rows(graph_store, query) == [(f"CVE-2026-{number}",) for number in range(1000, 1004)]
