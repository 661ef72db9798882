"""What a subgraph comes to in the graph: canonical names, ids, and of each mention what it says, folded.

Pure, and most of the work of a merge: whoever extracts does it in its own process, before anything is locked.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import orjson

from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Edge, Problem, Subgraph, Value, Vertex
from vedette.graph.canonical import canonical, short
from vedette.graph.folded import Folded
from vedette.graph.folding import bounded, fold
from vedette.graph.identity import vertex_uid
from vedette.graph.ontology import MAX_TYPE, Ontology, ResolvedKind
from vedette.storable import storable

LARGE: Final = 20_000
"""Vertices and edges up to which a subgraph is made ready as a whole; of a larger one, memory has each form once."""

_LATEST: Final = 2**62
"""Microseconds; later than anybody observes anything."""

_TEXTUAL: Final = frozenset({str, tuple})
_PLAIN: Final = _TEXTUAL | {int, float}
_NUMBERS: Final = (int, float)


class Node(NamedTuple):
    """What a mention is about."""

    uid: bytes
    """16 bytes, made of type and canonical name."""
    kind: ResolvedKind
    """Its type, and the rules of it."""
    canonical: str
    """Its name in canonical form."""


class DraftMention(NamedTuple):
    """One mention of a node."""

    node: Node
    """What is mentioned."""
    said: str
    """Its properties, JSON."""
    folded: Folded
    """The same, ready to be united with other mentions'."""
    position: str
    """Where it is said."""


class DraftEdge(NamedTuple):
    """One statement of a relation."""

    out_uid: bytes
    """The node that it leaves."""
    relation: str
    """Its name."""
    in_uid: bytes
    """The node that it enters."""
    said: str
    """What is said of it, JSON; empty where nothing is."""
    position: str
    """Where it is said."""
    certainty: float | None
    """How sure the document, or who read it, is of it; None: as sure as its origin."""


class Observed(NamedTuple):
    """When and how surely a subgraph is said, in the bounds of what both databases keep."""

    at: int
    """UTC, microseconds."""
    confidence: float
    """0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drafted:
    """A subgraph, made ready where it was extracted."""

    vertices: Sequence[DraftMention]
    """A mention of each vertex."""
    edges: Sequence[DraftEdge]
    """Each relation once; both ends are in `vertices`."""
    observed: Observed
    """What the mentions were folded with."""
    problems: tuple[Problem, ...] = ()
    """What was skipped; the first 1,000."""
    skipped: int = 0
    """How many parts were skipped in all."""

    def __bool__(self) -> bool:
        """Tell whether anything is stated."""
        return bool(self.vertices)


def observed(at: int, confidence: float = 1.0) -> Observed:
    """Return when and how surely something is said; what is out of bounds is at its bound."""
    # What is not a number is no confidence.
    return Observed(min(max(at, 1), _LATEST), 0.0 if math.isnan(confidence) else min(max(confidence, 0.0), 1.0))


def drafted(subgraph: Subgraph, ontology: Ontology, when: Observed) -> Drafted:
    """Return what a subgraph comes to; all texts as both databases can keep them.

    Raises:
        ExtractionError: an edge leads to a vertex that is not in the subgraph.
    """
    check_ends(subgraph)
    uids: dict[str, bytes] = {}
    return Drafted(
        vertices=list(read_mentions(subgraph.vertices, ontology, when, uids)),
        edges=list(read_edges(subgraph.edges, uids)),
        observed=when,
        problems=subgraph.problems,
        skipped=subgraph.skipped,
    )


def check_ends(subgraph: Subgraph) -> None:
    """Make sure that a subgraph's edges are between its vertices.

    Raises:
        ExtractionError: one is not.
    """
    vertices = subgraph.vertices
    for edge in subgraph.edges:
        if edge.out_id not in vertices or edge.in_id not in vertices:
            ends = f"from {edge.out_id[:200]!r} to {edge.in_id[:200]!r}"
            raise ExtractionError(f"an edge {ends}, which are not both in the subgraph")


def read_mentions(
    vertices: Mapping[str, Vertex], ontology: Ontology, when: Observed, uids: dict[str, bytes]
) -> Iterator[DraftMention]:
    """Yield a mention of each vertex; its node is noted in `uids`, by the vertex' id."""
    at, confidence = when
    for id, vertex in vertices.items():
        mention = _mention(vertex, ontology, at, confidence)
        uids[id] = mention.node.uid
        yield mention


def read_edges(edges: Iterable[Edge], uids: Mapping[str, bytes]) -> Iterator[DraftEdge]:
    """Yield each edge, its ends named by what `read_mentions` noted."""
    for edge in edges:
        said = _told(edge.properties)[1].decode() if edge.properties else ""
        position = storable(str(edge.position))
        ends = uids[edge.out_id], uids[edge.in_id]
        yield DraftEdge(ends[0], _relation(edge.relation), ends[1], said, position, certainty_of(edge.properties))


def certainty_of(properties: Mapping[str, Any]) -> float | None:
    """Return how sure who says something is of it, 0 to 1; None: that is not said."""
    said = properties.get("certainty")
    return float(said) if isinstance(said, _NUMBERS) and 0 <= said <= 1 else None


def digest_of(said: str) -> bytes:
    """Return the 16 bytes under which what is said is kept once."""
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


def _mention(vertex: Vertex, ontology: Ontology, at: int, confidence: float) -> DraftMention:
    properties, said = _told(vertex.properties)
    kind = ontology.resolve(str(properties["vertexType"]), str(properties.get("observableType", "")))
    name = canonical(kind.form, str(properties["name"]))
    node = Node(vertex_uid(kind.type, kind.observable_type, name), kind, name)
    state = fold(properties, at=at, confidence=confidence, rule_of=kind.rule_of)
    return DraftMention(node, said.decode(), Folded(state), storable(str(vertex.position)))


@lru_cache(maxsize=1_000)
def _relation(name: str) -> str:
    return short(storable(name), MAX_TYPE)


def _told(properties: Mapping[str, Value]) -> tuple[Mapping[str, Value], bytes]:
    """Return properties as both databases can keep them, and their JSON."""
    types = set(map(type, properties.values()))
    if types <= _PLAIN:
        plain = properties
        if not types <= _TEXTUAL:
            plain = {
                name: value if type(value) in _TEXTUAL else bounded(cast("int | float", value))
                for name, value in properties.items()
            }
        # No JSON can be made of lone surrogates.
        with contextlib.suppress(orjson.JSONEncodeError):
            said = _json(plain)
            # What is ASCII without NUL as a whole is so in each of its parts, of which there are millions.
            if said.isascii() and b"\\u0000" not in said:
                return plain, said
    kept = {storable(name): _storable_value(value) for name, value in properties.items()}
    return kept, _json(kept)


def _json(properties: Mapping[str, Value]) -> bytes:
    return orjson.dumps(properties, option=orjson.OPT_SORT_KEYS)


def _storable_value(value: Value) -> Value:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, tuple | list):
        return tuple(storable(str(text)) for text in value)
    return bounded(value)
