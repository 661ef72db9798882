"""What is asserted to be malicious: only what somebody who should know says is. Pure.

A scan, a sentence or a flow asserts nothing, whatever it is about. These do:

- a malware is one, and so is an indicator of STIX whose `indicator_types` has `malicious-activity`;
- what a list of threats relates a malware to (its address, range, socket, domain, URL, file, e-mail address): what
  else its entry names, such as the host of a URL, is not accused;
- a file of which an analysis of a malware gives a hash: the addresses and programs in it may be anybody's;
- what such an indicator is made of;
- what says so itself: MISP's `to_ids`, or a label `malicious-activity` of STIX.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vedette.graph.port import VertexView
from vedette.sharing.subjects import may_name, subject_of

LISTS: Final = frozenset(
    {"1d4", "cleanmx", "emergingthreats", "malwaredomainlist", "threatfox", "urlhaus", "zeustracker"}
)
"""Extractors of lists of threats: who is on one is accused."""

ANALYSES: Final = frozenset({"fsecure", "sophos"})
"""Extractors of descriptions of malware."""

MALICIOUS: Final = "malicious-activity"
"""STIX 2.1's word for it (section 10.7)."""

_ACCUSING: Final = frozenset({"Observable", "UsesIP"})
_MADE_OF: Final = frozenset({"Observable", "based-on"})
_SAYING: Final = ("indicatorTypes", "labels")
_ORDERING: Final = ("toIds", "to_ids")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """An edge, and who states it."""

    out_id: str
    relation: str
    in_id: str
    extractors: frozenset[str]
    """Names of the extractors of all that state it."""


def malicious_of(vertices: Mapping[str, VertexView], edges: Iterable[Stated]) -> frozenset[str]:
    """Return the ids of the vertices that are asserted to be malicious.

    Args:
        vertices: by id.
        edges: between these; those of others count for nothing.
    """
    accused = {id for id, vertex in vertices.items() if vertex.type == "Malware" or _says_so(vertex)}
    for edge in edges:
        out, into = vertices.get(edge.out_id), vertices.get(edge.in_id)
        if out is not None and into is not None and _accuses(out, edge, into, accused):
            accused.add(into.id)
    return frozenset(accused)


def _says_so(vertex: VertexView) -> bool:
    if any("true" in map(str.lower, vertex.texts(name)) for name in _ORDERING):
        return True
    return vertex.type == "Indicator" and any(MALICIOUS in map(str.lower, vertex.texts(name)) for name in _SAYING)


def _accuses(out: VertexView, edge: Stated, into: VertexView, accused: set[str]) -> bool:
    if not may_name(into):
        return False
    if out.type == "Indicator":
        return out.id in accused and edge.relation in _MADE_OF
    if out.type != "Malware" or edge.relation not in _ACCUSING:
        return False
    if not LISTS.isdisjoint(edge.extractors):
        return True
    return not ANALYSES.isdisjoint(edge.extractors) and subject_of(into).kind == "hash"
