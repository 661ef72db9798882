"""A part of the graph as a file for other programs: GraphML and Stucco's JSON. Pure, no I/O; same part, same bytes.

GraphML 1.1 (http://graphml.graphdrawing.org/specification.html): attributes are declared once as keys, each with
one type. Gephi, yEd, Cytoscape, igraph and NetworkX read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from lxml import etree  # type: ignore[import-untyped]

from vedette.extraction.subgraph import Value
from vedette.graph.port import EdgeView, Picture, VertexView

NAMESPACE: Final = "http://graphml.graphdrawing.org/xmlns"

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) has no place for, not even escaped."""

_NODE_KEYS: Final = {
    "vertexType": "string",
    "observableType": "string",
    "name": "string",
    "first_seen": "long",
    "last_seen": "long",
    "mentions": "long",
    "members": "string",
}
_EDGE_KEYS: Final = {
    "relation": "string",
    "count": "long",
    "first_seen": "long",
    "last_seen": "long",
    "confidence": "double",
}


def stucco_json(picture: Picture) -> bytes:
    """Return Stucco's form: `{"vertices": {id: {…}}, "edges": [{outVertID, inVertID, relation}]}`."""
    return orjson.dumps(
        {
            "vertices": {vertex.id: vertex.as_stucco() for vertex in picture.vertices},
            "edges": [
                {"outVertID": edge.out_id, "inVertID": edge.in_id, "relation": edge.relation}
                for edge in picture.edges
            ],
        }
    )


def graphml(picture: Picture) -> bytes:
    """Return a GraphML document; a property that is a set is a JSON list, for GraphML has none."""
    own = sorted({name for vertex in picture.vertices for name in vertex.properties})
    properties = {name: f"p{number}" for number, name in enumerate(own)}
    root = etree.Element("graphml", nsmap={None: NAMESPACE})
    for name, kind in _NODE_KEYS.items():
        _declare(root, f"n_{name}", "node", name, kind)
    for name, key in properties.items():
        _declare(root, key, "node", name, "string")
    for name, kind in _EDGE_KEYS.items():
        _declare(root, f"e_{name}", "edge", name, kind)
    graph = etree.SubElement(root, "graph", id="vedette", edgedefault="directed")
    for vertex in picture.vertices:
        _add_node(graph, vertex, properties)
    for edge in picture.edges:
        _add_edge(graph, edge)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _declare(root: Any, key: str, place: str, name: str, kind: str) -> None:
    etree.SubElement(root, "key", {"id": key, "for": place, "attr.name": _clean(name), "attr.type": kind})


def _add_node(graph: Any, vertex: VertexView, properties: Mapping[str, str]) -> None:
    node = etree.SubElement(graph, "node", id=_clean(vertex.id))
    fixed: list[tuple[str, Value]] = [
        ("n_vertexType", vertex.type),
        ("n_observableType", vertex.observable_type),
        ("n_name", vertex.name),
        ("n_first_seen", vertex.first_seen),
        ("n_last_seen", vertex.last_seen),
        ("n_mentions", vertex.mentions),
        ("n_members", vertex.members),
    ]
    _add_data(node, fixed)
    _add_data(node, ((properties[name], value) for name, value in sorted(vertex.properties.items())))


def _add_edge(graph: Any, edge: EdgeView) -> None:
    element = etree.SubElement(graph, "edge", source=_clean(edge.out_id), target=_clean(edge.in_id))
    values: list[tuple[str, Value]] = [
        ("e_relation", edge.relation),
        ("e_count", edge.count),
        ("e_first_seen", edge.first_seen),
        ("e_last_seen", edge.last_seen),
        ("e_confidence", edge.confidence),
    ]
    _add_data(element, values)


def _add_data(element: Any, values: Iterable[tuple[str, Value]]) -> None:
    for key, value in values:
        if value not in ("", ()):
            text = orjson.dumps(value).decode() if isinstance(value, tuple) else str(value)
            etree.SubElement(element, "data", key=key).text = _clean(text)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
