"""Facts as objects of STIX 2.1: what the graph's vertices become, and an indicator for what is alarming. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vedette.graph.port import VertexView
from vedette.graph.stix_objects import objects_of, percent, timestamp
from vedette.graph.stix_observables import Stix, UnfitError, address_object, domain_object, network_objects
from vedette.sharing.investigation import Fact
from vedette.sharing.stix.frame import Frame
from vedette.sharing.stix.patterns import pattern_of

MOST_OBSERVED: Final = 999_999_999
"""The largest `number_observed` (section 4.14)."""

_RANGE: Final = "AddressRange"
_RECORD: Final = "DNS Record"
_RESOLVED: Final = "_resolved_to_"


def objects_of_fact(fact: Fact, about: Sequence[str], frame: Frame) -> list[Stix]:
    """Return the object that a fact becomes, then others that it refers to.

    Args:
        fact: which.
        about: ids of what it collects, where it is a report or the like.
        frame: what all objects have in common.
    """
    vertex = _harmless(fact) if fact.own or fact.warned else fact.vertex
    made = _record(vertex) or _networks(vertex) or objects_of(vertex, about, namespace=frame.namespace)
    sure, labels = percent(fact.confidence), _labels(fact.vertex)
    return [frame.marked(one, confidence=sure, labels=labels) for one in made]


def _harmless(fact: Fact) -> VertexView:
    """Return a vertex without the pattern of a rule: with one it would be an indicator, for which sensors look."""
    properties = {name: value for name, value in fact.vertex.properties.items() if name != "pattern"}
    return replace(fact.vertex, properties=properties) if fact.vertex.type == "Indicator" else fact.vertex


def _record(vertex: VertexView) -> list[Stix]:
    """Return name and address of a DNS record: that one resolves to the other is a relationship between them."""
    if vertex.observable_type != _RECORD:
        return []
    name, resolved, address = vertex.name.partition(_RESOLVED)
    try:
        return [domain_object(name), address_object(address)] if resolved else []
    except UnfitError:
        return []


def _networks(vertex: VertexView) -> list[Stix]:
    """Return the networks that a range is."""
    try:
        return network_objects(vertex.name) if vertex.type == _RANGE else []
    except UnfitError:
        return []


def said_by(fact: Fact, objects: Sequence[Stix]) -> Sequence[Stix]:
    """Return those of the objects of a fact that are the fact, not what these refer to."""
    return objects if fact.vertex.type == _RANGE else objects[:1]


def resolves(objects: Sequence[Stix]) -> bool:
    """Tell whether the objects of a fact are a name and what it resolves to."""
    return len(objects) == 2 and objects[0]["type"] == "domain-name"


def _labels(vertex: VertexView) -> list[str]:
    """Return what others call it; how it may be shared is said once, by the marking."""
    found = dict.fromkeys(text.strip() for name in ("labels", "tags") for text in vertex.texts(name))
    return sorted(one for one in found if not one.lower().startswith(("tlp:", "pap:")))


def alarm(fact: Fact, objects: list[Stix], frame: Frame) -> Iterator[Stix]:
    """Yield an indicator, what it is based on, and the relationship between them; nothing where there is no pattern.

    STIX has `based-on` only from an indicator to observed data (section 4.7.3).
    """
    said = said_by(fact, objects)
    pattern = pattern_of(said, objects) if fact.alarming else ""
    if not pattern:
        return
    vertex = fact.vertex
    indicator = _indicator(fact, pattern, frame)
    data = observed(
        frame, vertex.id, vertex.first_seen, vertex.last_seen, vertex.mentions, [one["id"] for one in said]
    )
    yield indicator
    yield data
    based = {"relationship_type": "based-on", "source_ref": indicator["id"], "target_ref": data["id"]}
    fields = {**based, "confidence": indicator["confidence"]}
    yield frame.made("relationship", f"based-on\n{vertex.id}", vertex.first_seen, vertex.last_seen, fields)


def _indicator(fact: Fact, pattern: str, frame: Frame) -> Stix:
    vertex = fact.vertex
    fields = {
        "name": vertex.name,
        "description": "Asserted to be malicious by what was read of others.",
        "indicator_types": ["malicious-activity"],
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": timestamp(vertex.first_seen),
        "confidence": percent(fact.confidence),
    }
    return frame.made("indicator", vertex.id, vertex.first_seen, vertex.last_seen, fields)


def observed(frame: Frame, name: str, first: int, last: int, count: int, refs: Sequence[str]) -> Stix:
    """Return observed data: that these observables were seen, when, and how often.

    Args:
        frame: what all objects have in common.
        name: what its id is made of.
        first: UTC, microseconds.
        last: UTC, microseconds.
        count: how often.
        refs: ids of the observables.
    """
    return frame.made(
        "observed-data",
        name,
        first,
        last,
        {
            "first_observed": timestamp(first),
            "last_observed": timestamp(max(first, last)),
            "number_observed": min(max(count, 1), MOST_OBSERVED),
            "object_refs": list(refs),
        },
    )
