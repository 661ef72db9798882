"""An investigation as objects of STIX 2.1, one after the other: the same investigation, the same objects. Pure.

Nothing is held that can be made when its turn comes: of facts the ids that they become, of edges the edges. What is
about others comes after these, and the report that holds all of it is the last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Final

import orjson

from vedette.errors import RefusedError
from vedette.extraction.stix.vocabulary import CUSTOM
from vedette.graph.port import EdgeView
from vedette.graph.stix_objects import collects, extension_objects, times, timestamp
from vedette.graph.stix_observables import Stix, UnfitError
from vedette.graph.stix_relationships import Relationships
from vedette.graph.stix_vertices import OBSERVABLES
from vedette.sharing.investigation import Fact, Investigation, Proof, Scan, Tlp, Withheld
from vedette.sharing.stix.facts import alarm, objects_of_fact, observed, resolves, said_by
from vedette.sharing.stix.frame import Frame, marking_id, markings
from vedette.sharing.stix.scans import output, proof_objects, scan_note, service_objects

_INDICATED: Final = frozenset(
    {"attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"}
)
"""What an indicator can indicate (section 4.7.3)."""

_REPORTED: Final = frozenset(
    {"identity", "indicator", "observed-data", "vulnerability", *_INDICATED} - {"infrastructure"}
)
"""Types of reports (section 10.25), each named as what it is about."""


def stix_objects(
    investigation: Investigation, *, marked: Tlp | None = None, withheld: list[Withheld] | None = None
) -> Iterator[Stix]:
    """Yield the objects of an investigation, each id once; all that one refers to are among them.

    Args:
        investigation: which.
        marked: TLP of all objects, where that is stricter than the investigation's.
        withheld: gets what cannot be said in STIX, and why.
    """
    strictest = max(investigation.tlp, marked or investigation.tlp, key=lambda one: one.strictness)
    frame = Frame.of(investigation, strictest)
    yield from markings(Tlp.CLEAR, strictest)
    yield from _Making(investigation, frame, [] if withheld is None else withheld).objects()


class _Making:
    """What is kept while the objects of one investigation are made."""

    def __init__(self, investigation: Investigation, frame: Frame, withheld: list[Withheld]) -> None:
        self._investigation = investigation
        self._frame = frame
        self._withheld = withheld
        self._made: dict[str, None] = {}
        self._becomes: dict[str, str] = {}
        self._further: dict[str, list[str]] = {}
        self._indicators: dict[str, str] = {}
        self._relationships = Relationships(namespace=frame.namespace)

    def objects(self) -> Iterator[Stix]:
        """Yield all."""
        found = self._investigation
        yield self._frame.identity(found)
        plain, collecting = _parted(found.facts)
        for fact in plain:
            yield from self._fact(fact, ())
        ends = _ends(found.edges, {fact.vertex.id for fact in collecting})
        for fact in collecting:
            yield from self._fact(fact, self._named(ends[fact.vertex.id] - {fact.vertex.id}))
        for scan in found.scans:
            yield from self._scan(scan)
        for edge in found.edges:
            self._edge(edge)
        for one in self._relationships:
            yield from self._new([self._frame.marked(one)])
        for proof in found.proofs:
            yield from self._proof(proof)
        if any(id.startswith(CUSTOM) for id in self._made):
            yield from extension_objects(marking_id(Tlp.CLEAR))
        yield self._report()

    def _new(self, objects: Iterable[Stix]) -> Iterator[Stix]:
        """Yield what was not yet made: things that are the same in STIX are one object."""
        for one in objects:
            if one["id"] not in self._made:
                self._made[one["id"]] = None
                yield one

    def _fact(self, fact: Fact, about: Sequence[str]) -> Iterator[Stix]:
        vertex = fact.vertex
        try:
            objects = objects_of_fact(fact, about, self._frame)
            alarming = list(alarm(fact, objects, self._frame))
            # Before others refer to it: a text with half a character has no bytes.
            orjson.dumps(objects)
        except (RefusedError, UnicodeError, orjson.JSONEncodeError) as error:
            reason = f"cannot be written as JSON: {error}".encode("ascii", "backslashreplace").decode()
            what = f"vertex {vertex.type} {vertex.name[:100]!r}"
            self._withheld.append(Withheld(what=what, reason=reason, vertex=vertex.id))
            return
        first, *further = (one["id"] for one in said_by(fact, objects))
        self._becomes[vertex.id] = first
        if further:
            self._further[vertex.id] = further
        if resolves(objects):
            self._relationships.add(_resolution(fact), objects[0]["id"], objects[1]["id"])
        if alarming:
            self._indicators[vertex.id] = alarming[0]["id"]
        yield from self._new((*objects, *alarming))

    def _named(self, vertices: Iterable[str]) -> list[str]:
        """Return what vertices have become, custom objects apart: STIX' own cannot refer to these."""
        return sorted({id for vertex in vertices for id in self._all(vertex) if not id.startswith("x-")})

    def _scan(self, scan: Scan) -> Iterator[Stix]:
        seen: dict[str, None] = {}
        for service in scan.services:
            try:
                objects, ties = service_objects(scan, service)
            except UnfitError as error:
                what = f"service {service.address}:{service.port} of item {scan.item}"
                self._withheld.append(Withheld(what=what, reason=f"is no address and port: {error}"))
                continue
            for tie in ties:
                self._relationships.add(*tie)
            seen |= {one["id"]: None for one in objects}
            yield from self._new(map(self._frame.marked, objects))
        raw = [self._frame.marked(one) for one in output(scan)]
        seen |= {one["id"]: None for one in raw}
        yield from self._new(raw)
        seen |= {id: None for id in self._named(scan.vertices) if id.partition("--")[0] in OBSERVABLES}
        if seen:
            at = scan.observed_at
            data = observed(self._frame, scan.item, at, at, 1, list(seen))
            yield from self._new((data, scan_note(scan, [data["id"]], self._frame)))
        else:
            yield from self._new([scan_note(scan, [self._report_id], self._frame)])

    def _edge(self, edge: EdgeView) -> None:
        for out, into in product(self._all(edge.out_id), self._all(edge.in_id)):
            # Between two vertices that are the same object in STIX there is nothing to say.
            if out != into:
                self._relationships.add(edge, out, into)
        for one, other in ((edge.out_id, edge.in_id), (edge.in_id, edge.out_id)):
            threat = self._becomes.get(other, "")
            if one in self._indicators and threat.partition("--")[0] in _INDICATED:
                self._relationships.add(replace(edge, relation="indicates"), self._indicators[one], threat)

    def _all(self, vertex: str) -> list[str]:
        """Return the ids of what a vertex has become; none where it is not among the facts."""
        first = self._becomes.get(vertex)
        return [] if first is None else [first, *self._further.get(vertex, ())]

    def _proof(self, proof: Proof) -> Iterator[Stix]:
        data = self._frame.id("observed-data", proof.item)
        refs = [data] if data in self._made else self._named(self._said.get(proof.item, ()))
        yield from self._new(proof_objects(proof, refs or [self._report_id], self._frame))

    @cached_property
    def _said(self) -> dict[str, list[str]]:
        """Ids of the vertices that each item says of which there is a proof."""
        proved = {proof.item: list[str]() for proof in self._investigation.proofs}
        for fact in self._investigation.facts:
            for item in proved.keys() & set(fact.items):
                proved[item].append(fact.vertex.id)
        return proved

    @property
    def _report_id(self) -> str:
        return f"report--{self._investigation.uuid}"

    def _report(self) -> Stix:
        """Return what holds all of it; where there is nothing, it is about who says so."""
        found = self._investigation
        refs = [id for id in self._made if not id.startswith("x-")]
        types = {id.partition("--")[0] for id in refs}
        labels = sorted({*found.tags, *([found.pap.tag] if found.pap else [])})
        made: Stix = {
            "type": "report",
            "spec_version": "2.1",
            "id": self._report_id,
            **times(found.first_seen, found.last_seen),
            "name": found.title.strip() or found.key,
            "report_types": sorted(types & _REPORTED) or ["observed-data"],
            "published": timestamp(found.last_seen),
            "object_refs": refs or [self._frame.maker],
        }
        if found.description:
            made["description"] = found.description
        return self._frame.marked(made, labels=labels)


def _parted(facts: Iterable[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Return facts, those that collect others apart."""
    plain: list[Fact] = []
    collecting: list[Fact] = []
    for fact in facts:
        (collecting if collects(fact.vertex) else plain).append(fact)
    return plain, collecting


def _ends(edges: Iterable[EdgeView], vertices: Collection[str]) -> dict[str, set[str]]:
    """Return what the edges of some vertices lead to."""
    found: dict[str, set[str]] = {vertex: set() for vertex in vertices}
    for edge in edges:
        if edge.out_id in found:
            found[edge.out_id].add(edge.in_id)
    return found


def _resolution(fact: Fact) -> EdgeView:
    """Return the edge that a DNS record is."""
    vertex = fact.vertex
    return EdgeView(
        out_id=vertex.id,
        in_id=vertex.id,
        relation="Sub-Observable",
        count=vertex.mentions,
        first_seen=vertex.first_seen,
        last_seen=vertex.last_seen,
        confidence=fact.confidence,
    )
