"""A part of the graph as a STIX 2.1 bundle: the same part, the same bytes. Pure, no I/O.

Ids of observables are those that STIX prescribes (section 2.9); all others are made of the vertices' own, so that an
export that is imported again, here or elsewhere, updates what is there.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from vedette.canonical import canonical_json
from vedette.extraction.stix.vocabulary import CUSTOM, CUSTOM_RELATION
from vedette.graph.ontology import ontology
from vedette.graph.port import EdgeView, Picture
from vedette.graph.stix_objects import (
    EXTENSION,
    OURS,
    collects,
    domain_id,
    extension_objects,
    objects_of,
    times,
    timestamp,
)
from vedette.graph.stix_observables import Stix

_USED: Final = ("attack-pattern", "infrastructure", "malware", "tool")
_AIMED: Final = ("identity", "location", "vulnerability")
_REACHED: Final = ("domain-name", "infrastructure", "ipv4-addr", "ipv6-addr", "url")
_INDICATED: Final = ("campaign", "infrastructure", "intrusion-set", "threat-actor", *_USED)
_HELD: Final = (
    "autonomous-system",
    "directory",
    "domain-name",
    "email-addr",
    "file",
    "infrastructure",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "software",
    "url",
    "user-account",
    "windows-registry-key",
    "x509-certificate",
)
_ACTORS: Final = ("intrusion-set", "threat-actor")

_ALLOWED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "attack-pattern": {"delivers": ("malware",), "targets": _AIMED, "uses": ("malware", "tool")},
    "campaign": {"attributed-to": _ACTORS, "compromises": ("infrastructure",), "targets": _AIMED, "uses": _USED},
    "course-of-action": {
        "investigates": ("indicator",),
        "mitigates": ("attack-pattern", "indicator", "malware", "tool", "vulnerability"),
        "remediates": ("malware", "vulnerability"),
    },
    "domain-name": {"resolves-to": ("domain-name", "ipv4-addr", "ipv6-addr")},
    "indicator": {"indicates": _INDICATED},
    "infrastructure": {"communicates-with": _REACHED, "consists-of": _HELD, "has": ("vulnerability",)},
    "intrusion-set": {"attributed-to": ("threat-actor",), "targets": _AIMED, "uses": _USED},
    "ipv4-addr": {"belongs-to": ("autonomous-system",), "resolves-to": ("mac-addr",)},
    "ipv6-addr": {"belongs-to": ("autonomous-system",), "resolves-to": ("mac-addr",)},
    "malware": {
        "authored-by": _ACTORS,
        "communicates-with": ("domain-name", "ipv4-addr", "ipv6-addr", "url"),
        "downloads": ("file", "malware", "tool"),
        "drops": ("file", "malware", "tool"),
        "exploits": ("vulnerability",),
        "targets": ("identity", "infrastructure"),
        "uses": _USED,
        "variant-of": ("malware",),
    },
    "threat-actor": {"attributed-to": ("identity",), "targets": _AIMED, "uses": _USED},
    "tool": {"delivers": ("malware",), "has": ("vulnerability",), "targets": (*_AIMED, "infrastructure")},
}
"""Relationships of STIX 2.1 (appendix B) that our types can have, by source; all others are `related-to`."""

_CANDIDATES: Final[Mapping[str, tuple[str, ...]]] = {
    "Contained_Within": ("belongs-to",),
    "ExploitTarget": ("exploits", "targets", "has"),
    "Exploits": ("exploits", "targets"),
    "IndicatedTTP": ("indicates",),
    "Observable": ("communicates-with", "consists-of"),
    "RelatedCampaign": ("indicates",),
    "RelatedTTP": ("uses",),
    "RelatedThreatActor": ("attributed-to", "authored-by", "indicates"),
    "Sub-Observable": ("resolves-to", "belongs-to"),
    "UsesIP": ("communicates-with", "consists-of"),
}
"""Relationships that a relation may be, the most telling first, beside that of the ontology."""


def stix_bundle(picture: Picture) -> bytes:
    """Return a bundle of the vertices, the relationships between them, and what these refer to."""
    made: dict[str, Stix] = {}
    becomes: dict[str, str] = {}
    ends: defaultdict[str, set[str]] = defaultdict(set)
    for edge in picture.edges:
        ends[edge.out_id].add(edge.in_id)
    # What is about others comes after these.
    for vertex in sorted(picture.vertices, key=lambda one: (collects(one), one.id)):
        objects = objects_of(vertex, _collected(ends[vertex.id] - {vertex.id}, becomes) if collects(vertex) else ())
        becomes[vertex.id] = objects[0]["id"]
        for one in objects:
            made.setdefault(one["id"], one)
    for edge in picture.edges:
        if edge.out_id in becomes and edge.in_id in becomes:
            _add(made, _relationship(edge, becomes[edge.out_id], becomes[edge.in_id]))
    objects = sorted(made.values(), key=lambda one: str(one["id"]))
    if any(one["type"] == CUSTOM for one in objects):
        objects = [*extension_objects(), *objects]
    return _bundle(objects)


def _collected(ends: Iterable[str], becomes: Mapping[str, str]) -> list[str]:
    """Return the objects at the ends of edges, custom ones apart: STIX' own cannot refer to these."""
    return [becomes[end] for end in ends if end in becomes and not becomes[end].startswith("x-")]


def _bundle(objects: Iterable[Stix]) -> bytes:
    listed = list(objects)
    id = uuid.uuid5(OURS, canonical_json(listed).decode())
    # A bundle without objects is one, too (section 8).
    return canonical_json({"type": "bundle", "id": f"bundle--{id}", **({"objects": listed} if listed else {})})


def _add(made: dict[str, Stix], found: Stix) -> None:
    """Add a relationship; of two vertices that are the same object in STIX, their relationships are one."""
    there = made.setdefault(found["id"], found)
    there["created"] = min(there["created"], found["created"])
    there["modified"] = max(there["modified"], found["modified"])
    there["confidence"] = max(there["confidence"], found["confidence"])


def _relationship(edge: EdgeView, out: str, into: str) -> Stix:
    """Return an edge as a relationship; as a custom one where one of its ends is custom."""
    if out.startswith(CUSTOM) or into.startswith(CUSTOM):
        called = {"relation": edge.relation, "extensions": {EXTENSION: {"extension_type": "new-sro"}}}
        return _between(edge, CUSTOM_RELATION, out, into, called)
    name, turned = _called(edge.relation, out.partition("--")[0], into.partition("--")[0])
    source, target = (into, out) if turned else (out, into)
    return _between(
        edge, "relationship", source, target, {"relationship_type": name, "description": edge.relation, **_span(edge)}
    )


def _between(edge: EdgeView, type: str, source: str, target: str, called: Mapping[str, Any]) -> Stix:
    return {
        "type": type,
        "spec_version": "2.1",
        "id": domain_id(type, f"{source}\n{target}\n{edge.relation}"),
        **times(edge.first_seen, edge.last_seen),
        "source_ref": source,
        "target_ref": target,
        "confidence": round(100 * min(max(edge.confidence, 0.0), 1.0)),
        **called,
    }


def _span(edge: EdgeView) -> dict[str, str]:
    """Return when it was seen first and last, where that is a span: STIX has none without length (section 5.1)."""
    start, stop = timestamp(edge.first_seen), timestamp(edge.last_seen)
    return {"start_time": start, "stop_time": stop} if edge.first_seen > 0 and start < stop else {}


def _called(relation: str, out: str, into: str) -> tuple[str, bool]:
    """Return the relationship that a relation is between two types, and whether STIX has it the other way."""
    known = ontology().relations.get(relation)
    wanted = [] if known is None else [(known.stix, known.turned)]
    wanted += [(name, False) for name in (*_CANDIDATES.get(relation, ()), relation)]
    for name, turned in wanted:
        source, target = (into, out) if turned else (out, into)
        if target in _ALLOWED.get(source, {}).get(name, ()):
            return name, turned
    return "related-to", False
