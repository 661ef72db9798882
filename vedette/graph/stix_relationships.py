"""Edges as relationships of STIX 2.1: those that it has between two types, else `related-to`, else custom ones. Pure.

Source: STIX Version 2.1, OASIS Standard; section 5 and appendix B.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from vedette.extraction.stix.vocabulary import CUSTOM, CUSTOM_RELATION
from vedette.graph.ontology import ontology
from vedette.graph.port import EdgeView
from vedette.graph.stix_objects import EXTENSION, OURS, domain_id, percent, times, timestamp
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


class Relationships:
    """The relationships of a bundle; of vertices that are the same object in STIX, their relationships are one."""

    def __init__(self, *, namespace: uuid.UUID = OURS) -> None:
        self._namespace = namespace
        # The edges, not the objects: those are made one by one, as they are written.
        self._links: dict[str, tuple[EdgeView, str, str]] = {}

    def add(self, edge: EdgeView, out: str, into: str) -> None:
        """Add an edge between two objects, given by their ids."""
        type, _, source, target = _form(edge.relation, out, into)
        id = domain_id(type, f"{source}\n{target}\n{edge.relation}", self._namespace)
        there = self._links.get(id)
        if there is None:
            self._links[id] = edge, out, into
        else:
            self._links[id] = _merged(there[0], edge), *there[1:]

    def __iter__(self) -> Iterator[Stix]:
        """Yield the relationships, in the order in which they were added."""
        for id, (edge, out, into) in self._links.items():
            yield _relationship(id, edge, out, into)


def _merged(one: EdgeView, other: EdgeView) -> EdgeView:
    return replace(
        one,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
        confidence=max(one.confidence, other.confidence),
    )


def _relationship(id: str, edge: EdgeView, out: str, into: str) -> Stix:
    """Return an edge as a relationship; as a custom one where one of its ends is custom."""
    type, name, source, target = _form(edge.relation, out, into)
    made: Stix = {
        "type": type,
        "spec_version": "2.1",
        "id": id,
        **times(edge.first_seen, edge.last_seen),
        "source_ref": source,
        "target_ref": target,
        "confidence": percent(edge.confidence),
    }
    if type == CUSTOM_RELATION:
        return made | {"relation": edge.relation, "extensions": {EXTENSION: {"extension_type": "new-sro"}}}
    return made | {"relationship_type": name, "description": edge.relation, **_span(edge)}


def _form(relation: str, out: str, into: str) -> tuple[str, str, str, str]:
    """Return type, relationship, source and target of the object that an edge between two others becomes."""
    if out.startswith(CUSTOM) or into.startswith(CUSTOM):
        return CUSTOM_RELATION, "", out, into
    name, turned = _called(relation, out.partition("--")[0], into.partition("--")[0])
    return ("relationship", name, into, out) if turned else ("relationship", name, out, into)


def _span(edge: EdgeView) -> dict[str, str]:
    """Return when it was seen first and last, where that is a span: STIX has none without length (section 5.1)."""
    start, stop = timestamp(edge.first_seen), timestamp(edge.last_seen)
    return {"start_time": start, "stop_time": stop} if edge.first_seen > 0 and start < stop else {}


@lru_cache(maxsize=10_000)
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
