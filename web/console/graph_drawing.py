"""A part of the graph made ready for drawing: what the script of the picture needs, its legend, its table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from vedette.graph.identity import parse_vertex_id
from vedette.graph.port import EdgeView, Picture, VertexView
from web.console.graph_addresses import vertex_segment
from web.console.graph_style import Style, style_of
from web.formats import brief, visible

MAX_EDGES: Final = 10_000
"""Edges that are drawn; the table has all."""

NAME: Final = 60
"""Characters of a name in the picture; the vertex' page has all of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LegendEntry:
    """One type of vertices in the picture."""

    style: Style
    """How they are drawn."""
    count: int
    """How many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutVertex:
    """A vertex of which not all edges are in the picture."""

    vertex: VertexView
    """The vertex."""
    left_out: int
    """How many of its edges are not shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """What a page shows of a part of the graph."""

    data: str
    """For the script, JSON: `styles` (tint, shape), `relations` as they are
    shown and in `full`, `vertices` (segment of its address, name, type, number of its style,
    1 for a seed), `edges` (numbers of the two vertices, number of the relation, count)."""
    middle: tuple[VertexView, ...]
    """The vertices that were asked for."""
    legend: tuple[LegendEntry, ...]
    """The types, most frequent first."""
    edges: tuple[EdgeView, ...]
    """All edges."""
    by_id: Mapping[str, VertexView]
    """All vertices."""
    cut: tuple[CutVertex, ...]
    """Where the picture ends before the graph does, most first."""
    not_drawn: int
    """Edges that are in the table only."""


def draw_graph(picture: Picture, *, seeds: Collection[str]) -> Drawing:
    """Return the drawing of a part of the graph; `seeds` are in its middle."""
    by_id = {vertex.id: vertex for vertex in picture.vertices}
    # A vertex is asked for by any of its ids, of which only the uuid counts.
    asked = {parse_vertex_id(seed) or seed for seed in seeds}
    middle = [
        one for one in picture.vertices if any((parse_vertex_id(id) or id) in asked for id in (one.id, *one.members))
    ]
    types = Counter(vertex.type for vertex in picture.vertices)
    legend = tuple(LegendEntry(style=style_of(type), count=count) for type, count in types.most_common())
    edges = tuple(edge for edge in picture.edges if edge.out_id in by_id and edge.in_id in by_id)
    cut = [CutVertex(vertex=by_id[one], left_out=left) for one, left in picture.cut.items() if one in by_id and left]
    return Drawing(
        data=_data(by_id, legend, edges[:MAX_EDGES], {one.id for one in middle}),
        middle=tuple(middle),
        legend=legend,
        edges=edges,
        by_id=by_id,
        cut=tuple(sorted(cut, key=lambda one: (-one.left_out, one.vertex.name))),
        not_drawn=max(0, len(edges) - MAX_EDGES),
    )


def _data(
    by_id: Mapping[str, VertexView],
    legend: tuple[LegendEntry, ...],
    edges: tuple[EdgeView, ...],
    middle: Collection[str],
) -> str:
    places = {name: number for number, name in enumerate(by_id)}
    styles = {entry.style.type: number for number, entry in enumerate(legend)}
    relations = {relation: number for number, relation in enumerate(dict.fromkeys(edge.relation for edge in edges))}
    data = {
        "styles": [[entry.style.tint, entry.style.shape] for entry in legend],
        "relations": [shown(relation) for relation in relations],
        "full": list(relations),
        "vertices": [
            [
                vertex_segment(one.id),
                shown(one.name),
                shown(one.observable_type or one.type),
                styles[one.type],
                int(one.id in middle),
            ]
            for one in by_id.values()
        ],
        "edges": [[places[edge.out_id], places[edge.in_id], relations[edge.relation], edge.count] for edge in edges],
    }
    return orjson.dumps(data).decode()


def shown(text: str) -> str:
    """Return a text as the picture shows it: short, and nothing in it is hidden."""
    return brief(visible(text), NAME)
