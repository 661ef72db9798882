"""Who says what in the graph, when, and why two are one: every such question of the port, on both databases."""

from __future__ import annotations

import pytest

from tests.registry.a_graph import DAY, NOW, SOURCE, Graph, fill, graph, said, uuid_of, vertex
from vedette.extraction.subgraph import Position
from vedette.graph.port import Change, UnknownVertexError, VertexFilter

__all__ = ["graph"]

UNKNOWN = "stucco:IP-00000000-0000-5000-8000-000000000000"


async def test_changes_come_in_the_order_in_which_the_graph_learned_of_them(graph: Graph) -> None:
    await fill(graph)
    changes: list[Change] = []
    since = 0
    while page := await graph.read.changes(since, limit=2):
        changes += page
        since = page[-1].changed_at
    assert len({change.changed_at for change in changes}) == len(changes)
    assert {change.vertex.name for change in changes} == {
        "Evil.Example.",
        "Zeus",
        "80",
        "10.0.0.1",
        "10.0.0.0 - 10.0.0.255",
    }
    assert changes[-1].vertex.name == "10.0.0.1"


async def test_mentions_say_who_where_and_what(graph: Graph) -> None:
    await fill(graph)
    ip, zeus = await graph.named("10.0.0.1"), await graph.named("zeus")
    latest, first = await graph.read.mentions(ip.id)
    assert (latest.origin.item, first.origin.item) == (uuid_of(2), uuid_of(1))
    assert first.position == Position("row 0", 0, 1)
    assert first.properties["description"] == ("a bad host",)
    assert latest.origin.source == f"{SOURCE}.other"
    assert await graph.read.mentions(ip.id, limit=1, offset=1) == (first,)
    for property, value, expected in (
        ("description", "a bad host", (first,)),
        ("description", "seen again", (latest,)),
        ("description", "", (latest, first)),
        ("ipInt", "167772161", (first,)),
        ("ipInt", "1", ()),
        ("nothing", "", ()),
    ):
        assert await graph.read.mentions(ip.id, property=property, value=value) == expected
    assert len(await graph.read.mentions(zeus.id)) == 2
    assert await graph.read.mentions(UNKNOWN) == ()
    stated = await graph.read.edge_mentions(zeus.id, ip.id, "UsesIP")
    assert sorted(one.position.label for one in stated) == ["line 1", "line 2"]
    assert await graph.read.edge_mentions(ip.id, zeus.id, "UsesIP") == ()
    assert await graph.read.edge_mentions(zeus.id, ip.id, "x") == ()
    assert await graph.read.timeline(ip.id) == ((NOW - NOW % DAY, 1), (NOW - NOW % DAY + DAY, 1))
    assert await graph.read.timeline(ip.id, limit=1) == ((NOW - NOW % DAY + DAY, 1),)
    assert await graph.read.timeline(UNKNOWN) == ()


async def test_an_item_says_what_it_mentions(graph: Graph) -> None:
    await fill(graph)
    found = await graph.read.said_by(uuid_of(1))
    assert [one.name for one in found.vertices] == [
        "10.0.0.1",
        "10.0.0.0 - 10.0.0.255",
        "Evil.Example.",
        "Zeus",
        "80",
    ]
    assert (found.count, found.more) == (5, False)
    page = await graph.read.said_by(uuid_of(1), limit=2, offset=2)
    assert [one.name for one in page.vertices] == ["Evil.Example.", "Zeus"]
    assert page.more
    for nothing in (uuid_of(9), "", "\0", "' --"):
        assert (await graph.read.said_by(nothing)).vertices == ()


async def test_what_was_taken_back_is_not_there_and_its_mentions_say_so(graph: Graph) -> None:
    await fill(graph)
    ip, zeus = await graph.named("10.0.0.1"), await graph.named("zeus")
    await graph.write.withdraw(item=uuid_of(1), who="anna", why="wrong")
    assert await graph.read.vertex(zeus.id) is None
    assert await graph.names() == ["10.0.0.1"]
    assert await graph.names(text="money") == await graph.names(name="zeus") == []
    assert await graph.names(type="Malware") == []
    after = await graph.read.vertex(ip.id)
    assert after is not None
    assert (after.mentions, after.first_seen) == (1, NOW + DAY)
    assert (await graph.read.edges(ip.id)).edges == ()
    assert [one.withdrawn for one in await graph.read.mentions(ip.id)] == [False, True]
    assert (await graph.read.said_by(uuid_of(1))).count == 0
    assert await graph.read.timeline(ip.id) == ((NOW - NOW % DAY + DAY, 1),)
    counts = await graph.read.counts()
    assert (counts.vertices, counts.edges, counts.mentions, counts.origins) == (1, 0, 1, 1)


async def test_counts_tell_how_much_there_is_and_was_seen_since(graph: Graph) -> None:
    assert (await graph.read.counts()).vertices == 0
    await fill(graph)
    counts = await graph.read.counts()
    assert (counts.vertices, counts.edges, counts.mentions, counts.origins) == (5, 5, 7, 2)
    since = await graph.read.counts(since=NOW + 1)
    assert (since.vertices, since.edges, since.mentions, since.origins) == (1, 0, 1, 1)


async def test_a_merged_vertex_counts_once_whichever_of_its_names_was_seen(graph: Graph) -> None:
    await graph.write.merge([said(1, {"a": vertex("Malware", "Zeus", alias=("Zbot",))}, at=NOW)])
    await graph.write.merge([said(2, {"a": vertex("Malware", "Zbot")}, at=NOW + 10)])
    await graph.write.merge([said(3, {"a": vertex("Malware", "Other")}, at=NOW + 10)])
    assert len((await graph.named("zbot")).members) == 2
    for since, expected in ((0, 2), (NOW, 2), (NOW + 1, 2), (NOW + 11, 0)):
        assert (await graph.read.counts(since=since)).vertices == expected
        assert (await graph.read.find(VertexFilter(type="Malware", since=since))).count == expected


async def test_explaining_says_why_two_are_one_or_not(graph: Graph) -> None:
    await fill(graph)
    zeus, ip, port = [await graph.named(name) for name in ("zeus", "10.0.0.1", "80")]
    merged = await graph.read.explain(*zeus.members)
    assert merged.same
    assert [decision.rule for decision in merged.decisions] == ["alias"]
    assert {merged.decisions[0].first, merged.decisions[0].second} == set(zeus.members)
    assert merged.reasons
    assert (await graph.read.explain(ip.id, ip.id)).same
    apart = await graph.read.explain(zeus.members[0], ip.id)
    assert not apart.same
    assert any("different types" in reason for reason in apart.reasons)
    number = await graph.write.decide(port.id, ip.id, same=False, who="anna", why="a port is no host")
    decided = await graph.read.explain(ip.id, port.id)
    assert [decision.id for decision in decided.decisions] == [number]
    assert any("anna" in reason and "a port is no host" in reason for reason in decided.reasons)
    for pair in ((UNKNOWN, ip.id), (ip.id, UNKNOWN), ("", ip.id), ("\0", ip.id)):
        with pytest.raises(UnknownVertexError):
            await graph.read.explain(*pair)


async def test_a_person_outweighs_a_rule_in_the_explanation(graph: Graph) -> None:
    await fill(graph)
    one, other = (await graph.named("zeus")).members
    await graph.write.decide(one, other, same=False, who="anna", why="they are two")
    apart = await graph.read.explain(one, other)
    assert not apart.same
    assert apart.decisions[0].rule == "person"
    number = await graph.write.decide(one, other, same=True, who="bert", why="they are one")
    together = await graph.read.explain(one, other)
    assert together.same
    assert [decision.id for decision in together.decisions] == [number]


async def test_a_chain_of_decisions_is_told_link_by_link(graph: Graph) -> None:
    await graph.write.merge([said(1, {name: vertex("TTP", name) for name in "abcd"})])
    ids = [(await graph.named(name)).id for name in "abcd"]
    numbers = [await graph.write.decide(ids[n], ids[n + 1], same=True, who="anna", why=f"link {n}") for n in range(3)]
    found = await graph.read.explain(ids[0], ids[3])
    assert [decision.id for decision in found.decisions] == numbers
    assert [f"link {n}" in reason for n, reason in enumerate(found.reasons)] == [True] * 3
