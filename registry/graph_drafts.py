"""Subgraphs made ready for the graph, before anything is locked: canonical names, ids, digests and states."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import orjson

from registry.text import storable
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Value, Vertex
from vedette.graph.canonical import canonical, short
from vedette.graph.folding import State, bounded, fold, name_of, texts
from vedette.graph.identity import vertex_uid
from vedette.graph.ontology import MAX_TYPE, Ontology, ResolvedKind
from vedette.graph.port import Origin, Said

MAX_WORDS: Final = 20_000
"""Characters of a node's text that are searched."""

LARGE: Final = 20_000
"""Vertices and edges from which on a subgraph is made ready piece by piece."""

_LATEST: Final = 2**62
"""Microseconds; later than anybody observes anything."""

_TEXTUAL: Final = frozenset({str, tuple})
_PLAIN: Final = _TEXTUAL | {int, float}
_NUMBERS: Final = (int, float)
_TEXTS: Final = ("item", "sha256", "source", "agent", "extractor", "version")


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
    digest: bytes
    """Of `said`."""
    said: str
    """Its properties, JSON."""
    state: State
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


class Draft:
    """One subgraph, ready to be merged.

    A small one is ready before anything is locked. A large one is made ready as it is read: memory has it once.
    """

    def __init__(self, said: Said, ontology: Ontology) -> None:
        self.origin = _bounded(said.origin)
        """Where it comes from."""
        self.annotation = said.annotation
        """What was read, where it was prose."""
        self._subgraph = said.subgraph
        self._ontology = ontology
        self._uids: dict[str, bytes] = {}
        is_small = len(said.subgraph.vertices) + len(said.subgraph.edges) <= LARGE
        self._mentions = list(self._read_mentions()) if is_small else None
        self._edges = list(self._read_edges()) if is_small else None

    @property
    def mentions(self) -> Iterable[DraftMention]:
        """The mentions of all its vertices."""
        return self._read_mentions() if self._mentions is None else self._mentions

    @property
    def edges(self) -> Iterable[DraftEdge]:
        """All its edges; to be read after its mentions."""
        return self._read_edges() if self._edges is None else self._edges

    def _read_mentions(self) -> Iterator[DraftMention]:
        at, confidence = self.origin.observed_at, self.origin.confidence
        for id, vertex in self._subgraph.vertices.items():
            mention = _mention(vertex, self._ontology, at, confidence)
            self._uids[id] = mention.node.uid
            yield mention

    def _read_edges(self) -> Iterator[DraftEdge]:
        for edge in self._subgraph.edges:
            said = _told(edge.properties)[1].decode() if edge.properties else ""
            position = storable(str(edge.position))
            ends = self._uids[edge.out_id], self._uids[edge.in_id]
            yield DraftEdge(ends[0], _relation(edge.relation), ends[1], said, position, certainty_of(edge.properties))


def draft(said: Said, ontology: Ontology) -> Draft:
    """Return a subgraph ready to be merged; all texts as both databases can keep them.

    Raises:
        ExtractionError: an edge leads to a vertex that is not in the subgraph.
    """
    vertices = said.subgraph.vertices
    for edge in said.subgraph.edges:
        if edge.out_id not in vertices or edge.in_id not in vertices:
            ends = f"from {edge.out_id[:200]!r} to {edge.in_id[:200]!r}"
            raise ExtractionError(f"an edge {ends}, which are not both in the subgraph")
    return Draft(said, ontology)


def certainty_of(properties: Mapping[str, Any]) -> float | None:
    """Return how sure who says something is of it, 0 to 1; None: that is not said."""
    said = properties.get("certainty")
    return float(said) if isinstance(said, _NUMBERS) and 0 <= said <= 1 else None


def _bounded(origin: Origin) -> Origin:
    """Return an origin as both databases can keep it: a hostile item must not pass for a broken database."""
    texts = {name: short(storable(getattr(origin, name))) for name in _TEXTS}
    # What is not a number is no confidence.
    confidence = 0.0 if math.isnan(origin.confidence) else min(max(origin.confidence, 0.0), 1.0)
    return replace(origin, observed_at=min(max(origin.observed_at, 1), _LATEST), confidence=confidence, **texts)


def _mention(vertex: Vertex, ontology: Ontology, at: int, confidence: float) -> DraftMention:
    properties, said = _told(vertex.properties)
    kind = ontology.resolve(str(properties["vertexType"]), str(properties.get("observableType", "")))
    name = canonical(kind.form, str(properties["name"]))
    node = Node(vertex_uid(kind.type, kind.observable_type, name), kind, name)
    state = fold(properties, at=at, confidence=confidence, rule_of=kind.rule_of)
    return DraftMention(node, digest_of(said), said.decode(), state, storable(str(vertex.position)))


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


def digest_of(said: bytes) -> bytes:
    """Return the 16 bytes under which what is said is kept once."""
    return hashlib.blake2b(said, digest_size=16).digest()


def words_of(state: State) -> str:
    """Return what a node is searched by: its name and its other values, each once and on a line of its own."""
    lines: dict[str, None] = {name_of(state): None}
    for name in sorted(state):
        for text in texts(state[name]):
            lines[text] = None
    return "\n".join(lines)[:MAX_WORDS]
