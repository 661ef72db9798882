"""What a page makes of a part of the graph before it is drawn: the data of the picture, properties, days."""

from __future__ import annotations

from typing import Any

import orjson

from tests.web.conftest import HOSTILE
from vedette.extraction.subgraph import Position
from vedette.graph.port import EdgeView, Mention, Origin, Picture, VertexView
from web.console.graph_days import MOST, draw_days
from web.console.graph_drawing import MAX_EDGES, NAME, draw_graph
from web.console.graph_properties import VALUES, property_rows

DAY = 86_400_000_000
ORIGIN = Origin(item="i", sha256="", source="x", agent="probe1@localhost", extractor="e", version="1", observed_at=1)


def a_vertex(id: str, **more: Any) -> VertexView:
    """A vertex."""
    usual: dict[str, Any] = {"type": "IP", "observable_type": "", "name": id, "properties": {}}
    return VertexView(id=id, **(usual | {"first_seen": 1, "last_seen": 2, "mentions": 1} | more))


def an_edge(out: str, into: str, relation: str = "UsesIP") -> EdgeView:
    """An edge."""
    return EdgeView(out_id=out, in_id=into, relation=relation, count=3, first_seen=1, last_seen=2, confidence=1.0)


def test_the_picture_says_by_numbers_what_the_table_says_by_names() -> None:
    vertices = (a_vertex("a"), a_vertex("b", type="Malware"), a_vertex("c", members=("c", "old")))
    edges = (an_edge("a", "b"), an_edge("b", "c", "Exploits"), an_edge("b", "elsewhere"))
    drawing = draw_graph(
        Picture(vertices=vertices, edges=edges, cut={"b": 37, "a": 0, "elsewhere": 2}), seeds=["old"]
    )
    assert orjson.loads(drawing.data) == {
        "styles": [[1, "circle"], [4, "hexagon"]],
        "relations": ["UsesIP", "Exploits"],
        "full": ["UsesIP", "Exploits"],
        "vertices": [["a", "a", "IP", 0, 0], ["b", "b", "Malware", 1, 0], ["c", "c", "IP", 0, 1]],
        "edges": [[0, 1, 0, 3], [1, 2, 1, 3]],
    }
    assert [(one.vertex.id, one.left_out) for one in drawing.cut] == [("b", 37)]
    assert [(entry.style.type, entry.count) for entry in drawing.legend] == [("IP", 2), ("Malware", 1)]


def test_whatever_a_name_is_the_data_is_readable_short_and_hides_nothing() -> None:
    for text in HOSTILE:
        vertices = (a_vertex("a", name=text, type=text), a_vertex("b", observable_type=text))
        drawing = draw_graph(Picture(vertices=vertices, edges=(an_edge("a", "b"),)), seeds=["a"])
        name = orjson.loads(drawing.data)["vertices"][0][1]
        assert len(name) <= NAME
        assert "\u202e" not in name
        assert "\0" not in name


def test_more_edges_than_can_be_drawn_are_in_the_table() -> None:
    edges = tuple(an_edge("a", "b", f"r{number}") for number in range(MAX_EDGES + 5))
    drawing = draw_graph(Picture(vertices=(a_vertex("a"), a_vertex("b")), edges=edges), seeds=[])
    assert len(orjson.loads(drawing.data)["edges"]) == MAX_EDGES
    assert (len(drawing.edges), drawing.not_drawn) == (MAX_EDGES + 5, 5)


def test_each_value_has_the_latest_statement_that_says_it_and_is_not_taken_back() -> None:
    later = Mention(origin=ORIGIN, position=Position("row 2"), properties={"alias": ("x", "y")}, withdrawn=True)
    earlier = Mention(origin=ORIGIN, position=Position("row 1"), properties={"alias": ("y",), "score": 5})
    names = tuple(f"n{number}" for number in range(VALUES + 3))
    vertex = a_vertex("a", properties={"score": 5, "alias": ("x", "y"), "description": ("d",), "names": names})
    rows = property_rows(vertex, [later, earlier])
    assert [row.name for row in rows] == ["description", "alias", "names", "score"]
    assert [(value.text, value.said_by) for value in rows[1].values] == [("x", None), ("y", earlier)]
    assert rows[3].values[0].said_by == earlier
    assert (len(rows[2].values), rows[2].more) == (VALUES, 3)


def test_days_are_bars_and_long_times_are_cut_into_pieces() -> None:
    assert draw_days([]) is None
    short = draw_days([(20_000 * DAY, 4), (20_002 * DAY, 1)])
    assert short is not None
    assert [(bar.number, bar.label, bar.mentions) for bar in short.bars] == [
        (0, "2024-10-04", 4),
        (2, "2024-10-06", 1),
    ]
    assert (short.number, short.step, short.mentions) == (30, 1, 5)
    long = draw_days([(day * DAY, 1) for day in range(0, 10_000, 7)])
    assert long is not None
    assert long.number <= MOST
    assert sum(bar.mentions for bar in long.bars) == long.mentions == 1_429


def test_a_day_outside_the_calendar_breaks_nothing() -> None:
    drawn = draw_days([(-(10**17), 1), (10**18, 1)])
    assert drawn is not None
    assert drawn.bars[-1].label == "outside the calendar"
