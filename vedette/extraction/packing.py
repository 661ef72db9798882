"""The form in which a subgraph goes from the process that extracts to the one that merges: JSON, never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from vedette.extraction.subgraph import Edge, Position, Problem, Subgraph, Value, Vertex

_LEAST, _MOST = -(2**63), 2**64 - 1
_AS_THEY_ARE = frozenset({str, int, float})
_LARGE = "large"
"""Key of an object that stands for an integer which JSON's usual readers do not take, such as an IPv6 address."""


class PackingError(Exception):
    """What came is no subgraph: the process that sent it is broken, or no longer ours."""


def pack(subgraph: Subgraph) -> bytes:
    """Return a subgraph as bytes."""
    return orjson.dumps(
        {
            "vertices": [
                (vertex.id, _packed(vertex.properties), *_place(vertex.position))
                for vertex in subgraph.vertices.values()
            ],
            "edges": [
                (edge.out_id, edge.in_id, edge.relation, _packed(edge.properties), *_place(edge.position))
                for edge in subgraph.edges
            ],
            "problems": [(problem.reason, *_place(problem.position)) for problem in subgraph.problems],
            "skipped": subgraph.skipped,
        }
    )


def unpack(data: bytes) -> Subgraph:
    """Return the subgraph that `pack` wrote.

    Raises:
        PackingError: it is none, or an edge ends nowhere.
    """
    try:
        told = orjson.loads(data)
        vertices = {
            id: Vertex(id=id, properties=_unpacked(properties), position=Position(*place))
            for id, properties, *place in told["vertices"]
        }
        edges = tuple(
            Edge(out_id=out, in_id=into, relation=relation, properties=_unpacked(said), position=Position(*place))
            for out, into, relation, said, *place in told["edges"]
        )
        problems = tuple(Problem(reason=reason, position=Position(*place)) for reason, *place in told["problems"])
        skipped = int(told["skipped"])
    except (ValueError, TypeError, KeyError) as error:
        raise PackingError(f"a subgraph cannot be read: {error}") from error
    if any(edge.out_id not in vertices or edge.in_id not in vertices for edge in edges):
        raise PackingError("an edge ends at a vertex that is not there")
    return Subgraph(vertices=vertices, edges=edges, problems=problems, skipped=skipped)


def _place(position: Position) -> tuple[str, int | None, int | None]:
    return position.label, position.start, position.end


def _packed(properties: Mapping[str, Value]) -> dict[str, Any]:
    return {
        name: {_LARGE: str(value)} if isinstance(value, int) and not _LEAST <= value <= _MOST else value
        for name, value in properties.items()
    }


def _unpacked(properties: dict[str, Any]) -> dict[str, Value]:
    for name, value in properties.items():
        if type(value) not in _AS_THEY_ARE:
            # The names stay: a dictionary may be changed so while it is walked.
            properties[name] = _value(value)
    return properties


def _value(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(map(str, value))
    if isinstance(value, dict):
        return int(value[_LARGE])
    if isinstance(value, int | float):
        return value
    raise PackingError(f"a property is {type(value).__name__}")
