"""Facts and edges of an investigation, folded of what its items say: the same sayings, the same facts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any, Final, NamedTuple

import orjson

from registry.sharing_graph import Origin, Sayings
from vedette.extraction.subgraph import Value
from vedette.graph.drafted import certainty_of
from vedette.graph.folding import State, fold, name_of, unite, values
from vedette.graph.ontology import Ontology
from vedette.graph.port import EdgeView, VertexView
from vedette.sharing.investigation import Fact, Tlp
from vedette.sharing.verdicts import Stated, malicious_of

CITED: Final = 5
"""Items that a fact names: the latest."""

_REMEMBERED: Final = 5_000
"""Wordings that are kept in memory as they were read."""

SURE: Final = 1.0
"""Confidence of an edge that follows by itself."""

Mention = tuple[int, int, int]
"""Origin, node and what is said."""

Saying = tuple[int, float]
"""Origin of an edge, and how sure it is of it."""

Key = tuple[str, str, str]
"""Of an edge: id of the vertex that it leaves, of the one that it enters, and its relation."""


@dataclass(kw_only=True, slots=True)
class Known:
    """What is known of an investigation from the graph."""

    facts: dict[str, Fact] = field(default_factory=dict)
    """By id of the vertex, sorted."""
    edges: list[EdgeView] = field(default_factory=list)
    """Between these; by ids and relation."""
    of_items: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids of the vertices that each item mentions."""


def fold_sayings(sayings: Sayings, *, items: Collection[str], ontology: Ontology, ceiling: Tlp = Tlp.RED) -> Known:
    """Return the facts and edges that some of the items say; nothing is judged or compared with lists yet.

    Args:
        sayings: who says what.
        items: uuids of those that count.
        ontology: how properties are merged.
        ceiling: how strictly what is said of an edge may be marked.
    """
    origins = {number: one for number, one in sayings.origins.items() if one.item in items}
    said: defaultdict[int, list[Mention]] = defaultdict(list)
    for row in sayings.mentions:
        if row[0] in origins:
            said[sayings.nodes[row[1]].vertex].append(row)
    ids = {vertex: sayings.nodes[vertex].vertex_id for vertex in said}
    who, states_of = _who(origins), _states(sayings, origins, ontology)
    vertices = {id: _vertex(id, said[number], sayings, who, states_of) for number, id in _by_id(ids)}
    of_items: defaultdict[str, set[str]] = defaultdict(set)
    for vertex, rows in said.items():
        for origin, _, _ in rows:
            of_items[origins[origin].item].add(ids[vertex])
    strict = {number for number, tlp in sayings.marked.items() if tlp.strictness > ceiling.strictness}
    stated = _stated(sayings, strict, origins, ids)
    malicious = malicious_of(vertices, _accusations(stated, origins))
    return Known(
        facts={
            id: _fact(vertices[id], said[number], sayings, who, malicious=id in malicious)
            for number, id in _by_id(ids)
        },
        edges=_edges(sayings, stated, ids, vertices, origins),
        of_items={item: frozenset(found) for item, found in of_items.items()},
    )


def _by_id(ids: Mapping[int, str]) -> list[tuple[int, str]]:
    return sorted(ids.items(), key=lambda one: one[1])


class _Who(NamedTuple):
    """What is known of some origins together."""

    first_seen: int
    last_seen: int
    confidence: float
    items: tuple[str, ...]
    sources: tuple[str, ...]


def _who(origins: Mapping[int, Origin]) -> Callable[[frozenset[int]], _Who]:
    """Return what tells of origins together; the thousands of facts of a list have the same."""

    @cache
    def told(numbers: frozenset[int]) -> _Who:
        found = [origins[number] for number in numbers]
        times = [one.observed_at for one in found]
        latest = sorted({(-one.observed_at, one.item) for one in found})
        return _Who(
            first_seen=min(times),
            last_seen=max(times),
            confidence=max(one.confidence for one in found),
            items=tuple(dict.fromkeys(item for _, item in latest))[:CITED],
            sources=tuple(sorted({one.source for one in found})),
        )

    return told


def _wordings(sayings: Sayings) -> Callable[[int], Mapping[str, Value]]:
    """Return what reads a wording; one that mentions one after the other share is read once."""
    known: dict[int, Mapping[str, Value]] = {}

    def read(number: int) -> Mapping[str, Value]:
        found = known.get(number)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            given: dict[str, Any] = orjson.loads(sayings.said[number])
            found = known[number] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
            }
        return found

    return read


def _vertex(
    id: str,
    rows: Sequence[Mention],
    sayings: Sayings,
    who: Callable[[frozenset[int]], _Who],
    states_of: Callable[[Sequence[Mention]], dict[int, State]],
) -> VertexView:
    states = states_of(rows)
    numbers = sorted(states)
    nodes = [sayings.nodes[number] for number in numbers]
    stands, told = sayings.nodes[nodes[0].vertex], who(frozenset([row[0] for row in rows]))
    return VertexView(
        id=id,
        type=stands.type,
        observable_type=stands.observable_type,
        # What the graph calls it may be what only others say.
        name=name_of(states.get(stands.id, states[numbers[0]])),
        properties=values(reduce(unite, states.values())),
        first_seen=told.first_seen,
        last_seen=told.last_seen,
        mentions=len(rows),
        members=tuple(sorted(node.vertex_id for node in nodes)) if len(nodes) > 1 else (),
    )


def _fact(
    vertex: VertexView,
    rows: Sequence[Mention],
    sayings: Sayings,
    who: Callable[[frozenset[int]], _Who],
    *,
    malicious: bool,
) -> Fact:
    told = who(frozenset([row[0] for row in rows]))
    # Only who reads prose is less sure of some names than of others.
    certainty = certainty_of(vertex.properties)
    return Fact(
        vertex=vertex,
        malicious=malicious,
        confidence=told.confidence if certainty is None else _surest(rows, sayings, told.confidence),
        reviewed=not sayings.decided.isdisjoint([row[1] for row in rows]),
        items=told.items,
        sources=told.sources,
    )


def _surest(rows: Sequence[Mention], sayings: Sayings, confidence: float) -> float:
    """Return how sure the surest is who mentions something, of mentions of which some are of prose."""
    certain = (certainty_of(orjson.loads(sayings.said[said])) for _, _, said in rows)
    return confidence * max(1.0 if certainty is None else certainty for certainty in certain)


def _states(
    sayings: Sayings, origins: Mapping[int, Origin], ontology: Ontology
) -> Callable[[Sequence[Mention]], dict[int, State]]:
    """Return what reads what is said of each node; of several that say the same at the same time, one is enough."""
    wordings = _wordings(sayings)
    rules = cache(lambda type, observable_type: ontology.resolve(type, observable_type).rule_of)

    def states_of(rows: Sequence[Mention]) -> dict[int, State]:
        states: dict[int, State] = {}
        for origin, number, said in dict.fromkeys(rows):
            one, node = origins[origin], sayings.nodes[number]
            rule_of = rules(node.type, node.observable_type)
            state = fold(wordings(said), at=one.observed_at, confidence=one.confidence, rule_of=rule_of)
            states[number] = unite(states[number], state) if number in states else state
        return states

    return states_of


def _stated(
    sayings: Sayings,
    strict: Collection[int],
    origins: Mapping[int, Origin],
    ids: Mapping[int, str],
) -> Mapping[Key, Sequence[Saying]]:
    """Return who states which edges between facts; what is marked too strictly (`strict`) is left out."""
    stated: defaultdict[Key, list[Saying]] = defaultdict(list)
    for origin, out, relation, into, said, certainty in sayings.edges:
        if said in strict or origin not in origins:
            continue
        if (key := _key(sayings, ids, out, relation, into)) is not None:
            stated[key].append((origin, certainty))
    return stated


def _accusations(stated: Mapping[Key, Sequence[Saying]], origins: Mapping[int, Origin]) -> Iterator[Stated]:
    for (out, into, relation), saying in stated.items():
        extractors = frozenset([origins[number].extractor for number, _ in saying])
        yield Stated(out_id=out, relation=relation, in_id=into, extractors=extractors)


def _edges(
    sayings: Sayings,
    stated: Mapping[Key, Sequence[Saying]],
    ids: Mapping[int, str],
    vertices: Mapping[str, VertexView],
    origins: Mapping[int, Origin],
) -> list[EdgeView]:
    found, who = [], _who(origins)
    for (out, into, relation), saying in stated.items():
        told = who(frozenset([number for number, _ in saying]))
        found.append(
            EdgeView(
                out_id=out,
                in_id=into,
                relation=relation,
                count=len(saying),
                first_seen=told.first_seen,
                last_seen=told.last_seen,
                confidence=max(origins[number].confidence * certainty for number, certainty in saying),
            )
        )
    derived = {key for row in sayings.derived if (key := _key(sayings, ids, *row)) is not None} - stated.keys()
    found += [_derived(vertices[out], vertices[into], relation) for out, into, relation in derived]
    return sorted(found, key=lambda one: (one.out_id, one.in_id, one.relation))


def _key(sayings: Sayings, ids: Mapping[int, str], out: int, relation: int, into: int) -> Key | None:
    """Return what tells an edge between two vertices from others; None: one of them is no fact, or both are one."""
    leaves, enters = sayings.nodes.get(out), sayings.nodes.get(into)
    first = None if leaves is None else ids.get(leaves.vertex)
    last = None if enters is None else ids.get(enters.vertex)
    return None if first is None or last is None or first == last else (first, last, sayings.relations[relation])


def _derived(out: VertexView, into: VertexView, relation: str) -> EdgeView:
    """Return an edge that holds as long as both its ends."""
    first = max(out.first_seen, into.first_seen)
    return EdgeView(
        out_id=out.id,
        in_id=into.id,
        relation=relation,
        count=0,
        first_seen=first,
        last_seen=max(first, min(out.last_seen, into.last_seen)),
        confidence=SURE,
    )
