"""What tests ask of subgraphs."""

from __future__ import annotations

from vedette.extraction.interface import Document, Extractor
from vedette.extraction.subgraph import Subgraph, Vertex


def read(extractor: type[Extractor], content: bytes | str) -> Subgraph:
    """Return what an extractor reads, after making sure that the subgraph holds together."""
    data = content.encode() if isinstance(content, str) else content
    subgraph = extractor().extract(Document(content=data))
    for edge in subgraph.edges:
        assert edge.out_id in subgraph.vertices
        assert edge.in_id in subgraph.vertices
    for vertex in subgraph.vertices.values():
        assert vertex.position.start is None or 0 <= vertex.position.start < (vertex.position.end or 0) <= len(data)
    assert read_again(extractor, data) == subgraph
    return subgraph


def read_again(extractor: type[Extractor], data: bytes) -> Subgraph:
    """Return what it reads of the same bytes: the same."""
    return extractor().extract(Document(content=data))


def named(subgraph: Subgraph, name: str) -> Vertex:
    """Return the vertex of a name."""
    [found] = [vertex for vertex in subgraph.vertices.values() if vertex.name == name]
    return found


def relations(subgraph: Subgraph) -> set[tuple[str, str, str]]:
    """Return the edges by the names at their ends."""
    names = {id: vertex.name for id, vertex in subgraph.vertices.items()}
    return {(names[edge.out_id], edge.relation, names[edge.in_id]) for edge in subgraph.edges}


def said(vertex: Vertex, **expected: object) -> None:
    """Assert properties of a vertex; None: it has no such property."""
    assert {name: vertex.properties.get(name) for name in expected} == expected
