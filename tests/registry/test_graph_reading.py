"""Reading the knowledge graph: every question of the port, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from registry import graph_reading, graph_reading_nodes
from tests.registry.a_graph import DAY, NOW, Graph, fill, graph, said, uuid_of, vertex
from vedette.errors import RefusedError
from vedette.graph import walking
from vedette.graph.port import EdgeView, TooWideError, VertexFilter

__all__ = ["graph"]

UNKNOWN = "stucco:IP-00000000-0000-5000-8000-000000000000"


async def test_a_vertex_is_found_by_its_id_and_by_those_of_its_members(graph: Graph) -> None:
    await fill(graph)
    zeus = await graph.named("zeus")
    assert len(zeus.members) == 2
    assert zeus.mentions == 2
    for member in zeus.members:
        assert await graph.read.vertex(member) == zeus
        assert await graph.read.vertex(member[-36:]) == zeus
    assert zeus.as_stucco()["alias"] == ["Zbot", "Zeus"]
    for nothing in (UNKNOWN, "", "x", "stucco:IP-not-a-uuid", "\0", "-" * 36, "𐏿" * 36):
        assert await graph.read.vertex(nothing) is None


FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": "ZBOT"}, ["Zeus"]),
    ({"name": "evil.example", "type": "Observable"}, ["Evil.Example."]),
    ({"name": "evil.example", "type": "Observable", "observable_type": "Domain Name"}, ["Evil.Example."]),
    ({"name": "evil.example", "type": "IP"}, []),
    ({"type": "Malware"}, ["Zeus"]),
    ({"type": "Observable", "observable_type": "Address"}, ["10.0.0.1"]),
    ({"observable_type": "Port"}, ["80"]),
    ({"text": "MONEY steals"}, ["Zeus"]),
    ({"text": "vil.exam"}, ["Evil.Example."]),
    ({"text": "money nothing"}, []),
    ({"text": "zb"}, ["Zeus"]),
    ({"text": '" OR text MATCH "x'}, []),
    ({"text": "100%"}, ["Zeus"]),
    ({"text": "100_"}, []),
    ({"text": "x\0y"}, []),
    ({"equals": {"ipInt": "167772161"}}, ["10.0.0.1"]),
    ({"equals": {"ipInt": "16777216"}}, []),
    ({"equals": {"alias": "Zbot"}, "type": "Malware"}, ["Zeus"]),
    ({"equals": {"name": "80"}}, ["80"]),
    ({"contains": {"description": "BAD"}}, ["10.0.0.1"]),
    ({"contains": {"description": "ad"}, "type": "IP"}, ["10.0.0.1"]),
    ({"contains": {"alias": "bad"}}, []),
    ({"since": NOW + 1}, ["10.0.0.1"]),
    ({"since": NOW + DAY + 1}, []),
    ({"type": "Nothing"}, []),
    ({"type": "' OR 1=1 --"}, []),
]


async def test_vertices_are_found(graph: Graph) -> None:
    await fill(graph)
    for wanted, names in FOUND:
        found = await graph.read.find(VertexFilter(**wanted))
        assert [one.name for one in found.vertices] == names, wanted
        assert (found.count, found.more) == (len(names), False), wanted


HOSTILE = [
    "\ud800",
    '"',
    '""',
    "'",
    "%",
    "_",
    "\\",
    "\\%",
    "*",
    "NEAR(",
    "abc OR def",
    "-abc",
    "abc*",
    "\x1b[2J",
    "{",
    "😀😀😀",
    "\0" * 5,
]


async def test_no_text_is_a_question_of_its_own(graph: Graph) -> None:
    await fill(graph)
    for text in (*HOSTILE, *(text * 3000 for text in HOSTILE)):
        for wanted in (
            VertexFilter(text=text),
            VertexFilter(name=text),
            VertexFilter(type=text, observable_type=text),
            VertexFilter(equals={text: text}),
            VertexFilter(contains={"description": text}, text=text),
        ):
            found = await graph.read.find(wanted)
            assert found.count <= 1, wanted


async def test_the_best_and_then_the_latest_come_first_and_pages_follow_each_other(graph: Graph) -> None:
    names = ["an evil one", "evil", "evil twin", "a devil", "evil two"]
    for number, name in enumerate(names):
        await graph.write.merge([said(number, {"v": vertex("TTP", name)}, at=NOW + number)])
    order = ["evil", "evil two", "evil twin", "a devil", "an evil one"]
    assert await graph.names(text="evil") == order
    pages = [await graph.read.find(VertexFilter(text="evil"), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [one.name for page in pages for one in page.vertices] == order
    assert [(page.count, page.more) for page in pages] == [(5, True), (5, True), (5, False)]
    assert await graph.names(type="TTP") == names[::-1]
    pages = [await graph.read.find(VertexFilter(type="TTP"), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [one.name for page in pages for one in page.vertices] == names[::-1]
    assert [(page.count, page.more) for page in pages] == [(5, True), (5, True), (5, False)]


async def test_edges_are_folded_and_paged_by_key_and_by_number(graph: Graph) -> None:
    await fill(graph)
    ip = await graph.named("10.0.0.1")
    whole = await graph.read.edges(ip.id)
    names = {id: one.name for id, one in whole.vertices.items()}
    shown = [(names[edge.out_id], edge.relation, names[edge.in_id], edge.count) for edge in whole.edges]
    assert sorted(shown) == [
        ("10.0.0.1", "Contained_Within", "10.0.0.0 - 10.0.0.255", 0),
        ("10.0.0.1", "Sub-Observable", "80", 1),
        ("Evil.Example.", "Sub-Observable", "10.0.0.1", 1),
        ("Zeus", "UsesIP", "10.0.0.1", 2),
    ]
    assert all(edge.first_seen > 0 for edge in whole.edges)
    assert whole.after == ""
    by_key: list[EdgeView] = []
    after = ""
    while True:
        page = await graph.read.edges(ip.id, limit=1, after=after)
        by_key += page.edges
        after = page.after
        if not after:
            break
    assert tuple(by_key) == whole.edges
    by_number = [
        edge for offset in range(5) for edge in (await graph.read.edges(ip.id, limit=1, offset=offset)).edges
    ]
    assert tuple(by_number) == whole.edges
    out = await graph.read.edges(ip.id, direction="out")
    into = await graph.read.edges(ip.id, direction="in")
    assert out.edges + into.edges == whole.edges
    assert len((await graph.read.edges(ip.id, relation="UsesIP")).edges) == 1
    for relation in ("Nothing", "\0", "' --"):
        assert (await graph.read.edges(ip.id, relation=relation)).edges == ()
    assert (await graph.read.edges(UNKNOWN)).edges == ()
    for wrong in (
        "x",
        "1-2",
        "2-1-1",
        "0-32768-1",
        "0-1-2147483648",
        "0-1-x",
        "0-1-99999999999999999999",
        "-1-1-1",
        "\uff10-1-1",
    ):
        with pytest.raises(RefusedError):
            await graph.read.edges(ip.id, after=wrong)
    assert (await graph.read.edges(ip.id, after="1-32767-2147483647")).edges == ()


async def test_edges_of_merged_vertices_are_complete_whatever_the_page(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ends are several nodes, whose edges lie apart in the store's order."""
    vertices = {f"v{number}": vertex("TTP", f"way {number}") for number in range(8)}
    edges = [
        (f"v{one}", relation, f"v{other}")
        for one in range(4)
        for other in range(4, 8)
        for relation in ("RelatedTTP", "x")
    ]
    await graph.write.merge([said(1, vertices, edges)])
    ids = [(await graph.named(f"way {number}")).id for number in range(8)]
    for one, other in ((0, 2), (4, 7), (5, 6)):
        await graph.write.decide(ids[one], ids[other], same=True, who="anna", why="test")
    expected = {("RelatedTTP", frozenset({4, 7})): 4, ("RelatedTTP", frozenset({5, 6})): 4}
    expected |= {("x", pair): count for (_, pair), count in expected.items()}
    for start in (0, 2):
        for limit in (1, 3):
            after, found = "", {}
            while True:
                page = await graph.read.edges(ids[start], limit=limit, after=after)
                for edge in page.edges:
                    view = page.vertices[edge.in_id]
                    key = edge.relation, frozenset(ids.index(member) for member in view.members)
                    assert key not in found
                    found[key] = edge.count
                after = page.after
                if not after:
                    break
            assert found == expected, (start, limit)
    back = await graph.read.edges(ids[7])
    assert sorted((edge.relation, edge.count) for edge in back.edges) == [
        ("RelatedTTP", 2),
        ("RelatedTTP", 2),
        ("RelatedTTP", 4),
        ("x", 2),
        ("x", 2),
        ("x", 4),
    ]
    # One by one; all merged ones at once; and too many of them for that.
    for few, most_known in ((100, 100), (0, 100), (0, 2)):
        monkeypatch.setattr(graph_reading_nodes, "FEW", few)
        monkeypatch.setattr(graph_reading_nodes, "MOST_KNOWN", most_known)
        picture = await graph.read.neighbourhood([ids[0]], depth=2)
        assert len(picture.vertices) == 5
        assert sum(edge.count for edge in picture.edges) == len(edges)


async def test_what_is_between_two_names_of_one_thing_is_no_edge(graph: Graph) -> None:
    await graph.write.merge(
        [said(1, {"a": vertex("TTP", "a"), "b": vertex("TTP", "b")}, [("a", "RelatedTTP", "b"), ("b", "x", "a")])]
    )
    a, b = await graph.named("a"), await graph.named("b")
    assert len((await graph.read.edges(a.id)).edges) == 2
    await graph.write.decide(a.id, b.id, same=True, who="anna", why="test")
    assert (await graph.read.edges(a.id)).edges == ()
    picture = await graph.read.neighbourhood([b.id], depth=3)
    assert (len(picture.vertices), picture.edges, picture.cut) == (1, (), {})


async def test_a_neighbourhood_keeps_its_limits_and_says_what_it_left_out(graph: Graph) -> None:
    hub = {"hub": vertex("IP", "10.0.0.1", observableType="Address")}
    others = {f"d{number}": vertex("Observable/Domain Name", f"d{number}.example") for number in range(30)}
    more = {f"p{number}": vertex("Observable/Port", str(number + 1)) for number in range(5)}
    edges = [(name, "Sub-Observable", "hub") for name in others] + [("hub", "UsesIP", name) for name in more]
    await graph.write.merge([said(1, hub | others | more, edges)])
    ip = await graph.named("10.0.0.1")
    whole = await graph.read.neighbourhood([ip.id, ip.id, UNKNOWN])
    assert (len(whole.vertices), len(whole.edges), whole.cut) == (36, 35, {})
    assert whole.vertices[0] == ip
    few = await graph.read.neighbourhood([ip.id], fan_out=10)
    assert (len(few.vertices), len(few.edges), few.cut) == (11, 10, {ip.id: 25})
    assert {edge.out_id == ip.id for edge in few.edges} == {True, False}
    small = await graph.read.neighbourhood([ip.id], limit=4, depth=3)
    assert (len(small.vertices), len(small.edges), small.cut) == (4, 3, {ip.id: 32})
    ports = await graph.read.neighbourhood([ip.id], types=["Port"])
    assert sorted(one.name for one in ports.vertices[1:]) == ["1", "2", "3", "4", "5"]
    assert (await graph.read.neighbourhood([ip.id], types=["Port"], fan_out=2)).cut == {ip.id: 3}
    assert len((await graph.read.neighbourhood([ip.id], relations=["UsesIP", "x"])).vertices) == 6
    assert len((await graph.read.neighbourhood([ip.id], relations=["x"])).vertices) == 1
    assert (await graph.read.neighbourhood([ip.id], depth=0)).edges == ()
    assert (await graph.read.neighbourhood([UNKNOWN])).vertices == ()
    domain = await graph.named("d3.example")
    assert len((await graph.read.neighbourhood([domain.id], depth=2)).vertices) == 36


async def test_a_shortest_path_leads_through_merged_vertices(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "abcdefgh"
    chain = [(one, "RelatedTTP", other) for one, other in ("ab", "cb", "cd", "fe", "gf", "ah")]
    await graph.write.merge([said(1, {name: vertex("TTP", name) for name in names}, chain)])
    ids = {name: (await graph.named(name)).id for name in names}
    assert await graph.read.path(ids["a"], ids["g"]) is None
    await graph.write.decide(ids["d"], ids["e"], same=True, who="anna", why="test")
    path = await graph.read.path(ids["a"], ids["g"])
    assert path is not None
    assert [one.name for one in path.vertices if not one.members] == ["a", "b", "c", "f", "g"]
    assert len(path.edges) == 5
    assert await graph.read.path(ids["a"], ids["g"], hops=4) is None
    back = await graph.read.path(ids["g"], ids["a"])
    assert back is not None
    assert back.vertices == path.vertices[::-1]
    same = await graph.read.path(ids["d"], ids["e"])
    assert same is not None
    assert (len(same.vertices), same.edges) == (1, ())
    assert await graph.read.path(ids["a"], UNKNOWN) is None
    monkeypatch.setattr(walking, "MAX_VISITED", 3)
    with pytest.raises(TooWideError):
        await graph.read.path(ids["a"], ids["g"])


async def test_an_index_leads_to_every_answer(graph: Graph) -> None:
    await fill(graph)
    ip, zeus = await graph.named("10.0.0.1"), await graph.named("zeus")
    with selects() as seen:
        await graph.read.edges(ip.id)
        await graph.read.neighbourhood([ip.id], depth=2, types=["Port"])
        await graph.read.path(zeus.id, ip.id)
        await graph.read.find(VertexFilter(name="zeus"))
        await graph.read.find(VertexFilter(text="money"))
        await graph.read.find(VertexFilter(equals={"ipInt": "167772161"}))
        await graph.read.find(VertexFilter(type="IP", since=5))
        await graph.read.changes(5)
        await graph.read.mentions(ip.id, property="ipInt", value="1")
        await graph.read.edge_mentions(zeus.id, ip.id, "UsesIP")
        await graph.read.said_by(uuid_of(1))
        await graph.read.timeline(ip.id)
        await graph.read.explain(*zeus.members)
        await graph.read.reviews()
    assert len(seen) > 20
    plans = await graph.database.read(lambda connection: [(sql, plan(connection, sql, given)) for sql, given in seen])
    wrong = [f"{sql}\n{shown}" for sql, shown in plans if WHOLE.search(shown)]
    assert not wrong, "\n\n".join(wrong)


WHOLE = re.compile(r"Seq Scan on graph_(?!relation)|^SCAN graph_(?!relation)(?!.*INDEX)", re.MULTILINE)
"""A table that is read from one end to the other."""


@contextmanager
def selects() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that read, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and "graph_" in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, parameters: Any) -> str:
    """Return how the database finds what a statement asks for."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row[3] for row in rows)
    # A small table is read whole, whatever indexes there are: what counts is whether it can be done without.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


async def test_counts_of_a_large_graph_are_remembered_for_a_while(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(graph)
    monkeypatch.setattr(graph_reading, "LARGE", 1)
    before = await graph.read.counts()
    await graph.write.merge([said(9, {"x": vertex("TTP", "x")})])
    assert await graph.read.counts() == before
    assert (await graph.read.counts(since=1)).vertices == before.vertices + 1
    monkeypatch.setattr(graph_reading, "REMEMBERED", 0.0)
    assert (await graph.read.counts()).vertices == before.vertices + 1
