"""What a subgraph states, by names instead of ids."""

from __future__ import annotations

from vedette.extraction.interface import Document, Extractor
from vedette.extraction.subgraph import Subgraph, Vertex


def read(extractor: Extractor, content: bytes | str, **meta: object) -> Subgraph:
    """Return what an extractor makes of a document."""
    return extractor.extract(Document(content=content.encode() if isinstance(content, str) else content, meta=meta))


def relations(subgraph: Subgraph) -> set[tuple[str, str, str]]:
    """Return the edges as names and relation."""
    vertices = subgraph.vertices
    return {(vertices[edge.out_id].name, edge.relation, vertices[edge.in_id].name) for edge in subgraph.edges}


def kinds(subgraph: Subgraph) -> dict[str, str]:
    """Return the observable types of vertices, or their types where they have none, by name."""
    return {vertex.name: vertex.observable_type or vertex.type for vertex in subgraph.vertices.values()}


def vertex(subgraph: Subgraph, name: str) -> Vertex:
    """Return the only vertex of a name."""
    (found,) = (one for one in subgraph.vertices.values() if one.name == name)
    return found


def quoted(content: bytes | str, subgraph: Subgraph, name: str) -> bytes:
    """Return the bytes of the document in which a vertex is said to stand."""
    position = vertex(subgraph, name).position
    data = content.encode() if isinstance(content, str) else content
    return data[position.start : position.end]


def reasons(subgraph: Subgraph) -> list[str]:
    """Return the problems with their places."""
    return [f"{problem.position.label}: {problem.reason}" for problem in subgraph.problems]
