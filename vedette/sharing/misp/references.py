"""Edges as references between the things of an event, by MISP's names of relationships. Pure.

References start at objects only. Where an edge starts at an attribute and ends at an object, the reference goes the
other way, by the name that says so; between two attributes, an object that holds the value of one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from vedette.graph.ontology import ontology
from vedette.graph.port import EdgeView, VertexView
from vedette.sharing.investigation import Fact
from vedette.sharing.misp.composing import Composing, Part, Said
from vedette.sharing.misp.marking import kind_of, said_of
from vedette.sharing.misp.templates import relationship_names
from vedette.sharing.misp.values import one_line

_ADDRESSED: Final = frozenset({"IP", "AddressRange", "Domain Name", "Hostname", "URI", "Socket Address"})
"""Kinds that something communicates with."""

_BETWEEN: Final[Mapping[tuple[str, str, str], str]] = {
    ("Sub-Observable", "DNS Record", "IP"): "resolves-to",
    ("Sub-Observable", "", "Product"): "hosts",
    ("Observable", "Indicator", ""): "based-on",
    **{(relation, "", kind): "communicates-with" for relation in ("Observable", "UsesIP") for kind in _ADDRESSED},
}
"""What a relation is called by the kinds at its ends, empty for any."""

_NAMES: Final[Mapping[str, str]] = {
    "Contained_Within": "contained-within",
    "ExploitTarget": "exploits",
    "ExploitTargetRelatedObservable": "affects",
    "Issued_By": "signed-by",
    "LeveragedTTP": "uses",
    "Observable": "characterized-by",
    "Redirects_To": "redirects-to",
    "RelatedThreatActor": "attributed-to",
    "RelatedTTP": "uses",
    "Sub-Observable": "contains",
}
"""Relations that MISP calls otherwise than STIX, or more tellingly."""

_TURNED: Final[Mapping[str, str]] = {
    "affects": "affected-by",
    "communicates-with": "communicates-with",
    "contained-within": "contains",
    "contains": "contained-by",
    "controls": "controlled-by",
    "delivers": "delivered-by",
    "detects": "detected-by",
    "downloads": "downloaded-from",
    "drops": "dropped-by",
    "hosts": "hosted-by",
    "indicates": "indicated-by",
    "owns": "owned-by",
    "targets": "targeted-by",
    "uses": "used-by",
}
"""What relationships are called the other way round; others are `related-to`."""

_HOLDERS: Final[Mapping[str, tuple[str, str]]] = {
    "ip-dst": ("ip-port", "ip"),
    "domain": ("domain-ip", "domain"),
    "hostname": ("domain-ip", "hostname"),
    "threat-actor": ("intrusion-set", "name"),
    "url": ("url", "url"),
}
"""By type of attribute: the template and relation of an object that can hold its value."""

RELATED: Final = "related-to"


class References:
    """Makes references from edges."""

    def __init__(self, to: Composing, facts: Iterable[Fact], ids: Mapping[str, str | None]) -> None:
        """Take facts, and by their vertices' ids the ids of what they became; None: others have them in them."""
        self._to = to
        self._facts = {fact.vertex.id: fact for fact in facts}
        self._ids = ids

    def add(self, edge: EdgeView) -> None:
        """Add an edge, or say why it is left out."""
        out, into = self._facts.get(edge.out_id), self._facts.get(edge.in_id)
        source, target = self._ids.get(edge.out_id, ""), self._ids.get(edge.in_id, "")
        if source is None or target is None:
            return
        if out is None or into is None or not source or not target:
            self._to.withhold_one_of(f"edge {edge.relation[:60]!r}", "one of its ends is left out, or is a tag")
            return
        if source == target:
            return
        said = Said(what="", first=edge.first_seen, last=edge.last_seen, comment=one_line(edge.relation)[:200])
        name, turned = _called(edge.relation, out.vertex, into.vertex)
        if turned:
            source, target, out, into = target, source, into, out
        self._refer(source, name, target, said, (out, into))

    def _refer(self, source: str, name: str, target: str, said: Said, facts: tuple[Fact, Fact]) -> None:
        to, (out, into) = self._to, facts
        if to.is_object(source):
            if name == "contains" and to.holds(source, target):
                return
            to.refer(source, name, target, said)
        elif to.is_object(target) and name in _TURNED:
            to.refer(target, _TURNED[name], source, said)
        elif holder := self._holder(source, out):
            to.refer(holder, name, target, said)
        elif holder := target if to.is_object(target) else self._holder(target, into):
            to.refer(holder, _TURNED.get(name, RELATED), source, said)
        else:
            to.withhold_one_of(f"edge {said.comment[:60]!r}", "MISP has references from objects only")

    def _holder(self, source: str, out: Fact) -> str:
        """Return an object that holds the value of an attribute; empty where there is no template for it."""
        there = self._to.attributes[source]
        found = _HOLDERS.get(there["type"])
        if found is None:
            return ""
        template, relation = found
        return self._to.object(template, there["value"], [Part(relation, there["value"])], said_of(out))


def _called(relation: str, out: VertexView, into: VertexView) -> tuple[str, bool]:
    """Return what MISP calls a relation between two vertices, and whether it has it the other way round."""
    kinds = kind_of(out), kind_of(into)
    for between in ((relation, *kinds), (relation, kinds[0], ""), (relation, "", kinds[1])):
        if between in _BETWEEN:
            return _BETWEEN[between], False
    if relation in _NAMES:
        return _NAMES[relation], False
    known = ontology().relations.get(relation)
    name, turned = (relation, False) if known is None else (known.stix, known.turned)
    return (name, turned) if name in relationship_names() else (RELATED, False)
