"""Whether a graph is as its mentions and decisions say: what damage looks like, and that it is mended to what was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from registry.database import Database
from registry.graph_check import GraphCheck
from registry.graph_writing import GraphWriter
from tests.registry.graphs import AT, id_of, said, snapshot, vertex
from vedette.clock import ManualClock
from vedette.evidence.finding import Finding

NET, INSIDE, OUTSIDE = vertex("AddressRange", "10.0.0.0/8"), vertex("IP", "10.0.0.1"), vertex("IP", "192.0.2.1")
ZEUS = vertex("Malware", "Zeus", alias=("Zbot",), description=("steals",))
ZBOT = vertex("Malware", "Zbot")
CITADEL = vertex("Malware", "Citadel")


@pytest.fixture
async def graph(graph_store: Database) -> Database:
    """Two documents that say the same of some things, one that was taken back, and what a person decided."""
    write = GraphWriter(database=graph_store, clock=ManualClock(now=AT))
    await write.merge(
        [said("one", [NET, INSIDE, OUTSIDE, ZEUS], [(ZEUS, "UsesIP", INSIDE), (ZEUS, "UsesIP", OUTSIDE)])]
    )
    await write.merge([said("two", [ZEUS, ZBOT, CITADEL, INSIDE], [(ZEUS, "UsesIP", INSIDE)], at=AT + 5, sure=0.5)])
    await write.merge([said("three", [ZBOT, vertex("IP", "192.0.2.9")], [], at=AT + 9)])
    await write.decide(id_of("Malware", "Zeus"), id_of("Malware", "Citadel"), same=True, who="ann", why="known")
    await write.withdraw(item="three", who="ann", why="wrong")
    return graph_store


def checked(database: Database, *, mend: bool = False) -> list[Finding]:
    check = GraphCheck(database=database, clock=ManualClock(now=AT), mend=mend)
    return [finding for piece in check.pieces() for finding in piece.findings]


def do(statement: str) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(text(statement))


def test_a_sound_graph_is_found_sound_and_left_alone(graph: Database) -> None:
    before = graph.write_sync(snapshot)
    rows = "SELECT id, changed_at, merged_into FROM graph_node ORDER BY id"
    there = graph.read_sync(lambda connection: connection.execute(text(rows)).all())

    assert checked(graph) == checked(graph, mend=True) == []
    assert graph.write_sync(snapshot) == before
    assert graph.read_sync(lambda connection: connection.execute(text(rows)).all()) == there


DAMAGES = {
    "counts": ("UPDATE graph_node SET mentions = mentions + 1 WHERE name = 'Zeus'", {"name"}),
    "gone though mentioned": (
        "UPDATE graph_node SET mentions = 0, last_seen = 0 WHERE name = '10.0.0.1'",
        {"name", "range"},
    ),
    "there though withdrawn": ("UPDATE graph_node SET mentions = 1 WHERE name = '192.0.2.9'", {"name"}),
    "properties": ("UPDATE graph_node SET properties = '{}' WHERE name = 'Citadel'", {"name"}),
    "no address": ("UPDATE graph_node SET address = NULL WHERE name = '10.0.0.1'", {"name"}),
    "texts": ("DELETE FROM graph_text", {"name", "search"}),
    "another text": ("UPDATE graph_text SET text = 'nothing'", {"name", "search"}),
    "claims": ("DELETE FROM graph_claim", {"name"}),
    "ranges": ("DELETE FROM graph_prefix", {"name", "range"}),
    "edge's count": ("UPDATE graph_edge SET count = 7 WHERE count = 2", {"edge"}),
    "edge's times": ("UPDATE graph_edge SET first_seen = 1, last_seen = 2 WHERE count > 0", {"edge"}),
    "edges": ("DELETE FROM graph_edge", {"range", "edge"}),
    "edges that nobody states": (
        "INSERT INTO graph_edge (out_node, relation, in_node, count, first_seen, last_seen, confidence)"
        " SELECT in_node, relation, out_node, 1, 1, 1, 1.0 FROM graph_edge WHERE count = 2",
        {"edge"},
    ),
    "vertices": ("UPDATE graph_node SET merged_into = NULL", {"vertex"}),
    "a chain": (
        "UPDATE graph_node SET merged_into = (SELECT id FROM graph_node WHERE name = 'Zbot') WHERE type = 'IP'",
        {"vertex"},
    ),
}


def test_damage_is_found_and_mended(graph: Database) -> None:
    whole = graph.write_sync(snapshot)
    for damage, (statement, kinds) in DAMAGES.items():
        graph.write_sync(do(statement))

        found = checked(graph)
        # PostgreSQL sees to its own index.
        assert {finding.kind for finding in found} | {"search"} == kinds | {"search"}, (damage, found)
        assert all(finding.place and finding.text for finding in found)
        assert checked(graph, mend=True), damage
        assert checked(graph) == [], damage
        assert graph.write_sync(snapshot) == whole, damage


def test_what_is_lost_is_said_and_not_mended(graph: Database) -> None:
    graph.write_sync(do("DELETE FROM graph_said WHERE properties LIKE '%Citadel%'"))
    (lost,) = [finding for finding in checked(graph, mend=True) if finding.kind == "mention"]
    assert (lost.place, "vedette graph rebuild" in lost.text) == ("two", True)


async def test_a_check_between_two_merges_hinders_nobody(graph: Database) -> None:
    write = GraphWriter(database=graph, clock=ManualClock(now=AT + 20))
    pieces = GraphCheck(database=graph, clock=ManualClock(now=AT + 20), mend=True).pieces()
    findings = list(next(pieces).findings)
    await write.merge([said("four", [ZEUS, OUTSIDE, NET], [(OUTSIDE, "UsesIP", ZEUS)])])
    findings += [finding for piece in pieces for finding in piece.findings]
    assert findings == []
