"""Vertices as objects of STIX 2.1: what the ontology says, or a custom one where STIX has nothing for it.

Source: STIX Version 2.1, OASIS Standard; section 4 (domain objects).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from vedette.canonical import canonical_json
from vedette.extraction.stix.vocabulary import CUSTOM, CUSTOM_RELATION
from vedette.graph.canonical import as_cve
from vedette.graph.ontology import ontology
from vedette.graph.port import VertexView
from vedette.graph.stix_observables import Stix, UnfitError
from vedette.graph.stix_patterns import is_pattern
from vedette.graph.stix_vertices import OBSERVABLES, URL_FORM

OURS: Final = uuid.UUID("3f0c1a52-0e0e-5c7b-9d2e-6b1f5d8f7a10")
"""Namespace of the ids of everything else, so that the same vertex has the same id in every export."""

EXTENSION: Final = f"extension-definition--{uuid.uuid5(OURS, CUSTOM)}"
"""Id of the extension that defines both."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - without the zone, that its text is the shorter one
_COUNTRY = re.compile(r"[A-Z]{2}")
_INDICATOR_TYPES: Final = frozenset(
    {"anomalous-activity", "anonymization", "attribution", "benign", "compromised", "malicious-activity", "unknown"}
)
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")


def timestamp(microseconds: int) -> str:
    """Return a time as STIX writes it (section 2.13), to the millisecond."""
    # Of observations before 1970 there are none, and STIX has no times of more than four digits of the year.
    at = _EPOCH + timedelta(microseconds=min(max(microseconds, 0), 253_402_300_799_000_000))
    return at.isoformat(timespec="milliseconds") + "Z"


def percent(confidence: float) -> int:
    """Return a confidence of 0 to 1 as STIX has it (section 3.2), 0 to 100."""
    return round(100 * min(max(confidence, 0.0), 1.0))


def collects(vertex: VertexView) -> bool:
    """Tell whether a vertex becomes an object that is about others, and so needs them."""
    return _type_of(vertex) in _COLLECTIONS


def objects_of(vertex: VertexView, about: Sequence[str] = (), *, namespace: uuid.UUID = OURS) -> list[Stix]:
    """Return the object that a vertex becomes, followed by others that it refers to.

    Args:
        vertex: which.
        about: ids of what it collects.
        namespace: of the ids of all but observables: whose objects they are.
    """
    kind = _type_of(vertex)
    try:
        if kind in _COLLECTIONS and about:
            made = _common(vertex, kind, namespace) | _COLLECTIONS[kind](vertex) | {"object_refs": sorted(set(about))}
            # A note's content is its description.
            return [{name: value for name, value in made.items() if (kind, name) != ("note", "description")}]
        if kind in OBSERVABLES:
            return OBSERVABLES[kind](vertex)
        if kind in _DOMAIN_OBJECTS:
            return [_domain_object(vertex, kind, namespace)]
    except UnfitError:
        pass
    return [_custom_object(vertex, namespace)]


def _type_of(vertex: VertexView) -> str:
    return ontology().resolve(vertex.type, vertex.observable_type).kind.stix


def domain_id(type: str, name: str, namespace: uuid.UUID = OURS) -> str:
    """Return the id of an object that is no observable."""
    return f"{type}--{uuid.uuid5(namespace, name)}"


def times(first: int, last: int) -> dict[str, str]:
    """Return when an object was made and changed: when what it says was seen first and last."""
    return {"created": timestamp(first), "modified": timestamp(max(first, last))}


def _custom_object(vertex: VertexView, namespace: uuid.UUID) -> Stix:
    """Return a vertex as an object of our extension."""
    made = _common(vertex, CUSTOM, namespace) | {"name": vertex.name, "vertex_type": vertex.type}
    if vertex.observable_type:
        made["observable_type"] = vertex.observable_type
    return made | {"extensions": {EXTENSION: {"extension_type": "new-sdo"}}}


def extension_objects(marking: str = "") -> list[Stix]:
    """Return the definition of our extension, and who made it; `marking`: id of one that they have."""
    maker = domain_id("identity", "vedette")
    common = {"spec_version": "2.1", **times(0, 0), **({"object_marking_refs": [marking]} if marking else {})}
    thing = {name: {"type": "string"} for name in ("name", "description", "vertex_type", "observable_type")}
    relation = {name: {"type": "string"} for name in ("relation", "source_ref", "target_ref")}
    schema = {
        "oneOf": [
            {"properties": {"type": {"const": CUSTOM}, **thing}, "required": ["name", "vertex_type"]},
            {"properties": {"type": {"const": CUSTOM_RELATION}, **relation}, "required": sorted(relation)},
        ]
    }
    return [
        {"type": "identity", "id": maker, "name": "Vedette", "identity_class": "system", **common},
        {
            "type": "extension-definition",
            "id": EXTENSION,
            "created_by_ref": maker,
            "name": "Vedette's other things",
            "description": "Things that STIX 2.1 has no type for, by their type in Stucco's graph; their relations.",
            "schema": canonical_json(schema).decode(),
            "version": "1.0.0",
            "extension_types": ["new-sdo", "new-sro"],
            **common,
        },
    ]


# Domain objects ------------------------------------------------------------------------


def _common(vertex: VertexView, type: str, namespace: uuid.UUID) -> Stix:
    made: Stix = {
        "type": type,
        "spec_version": "2.1",
        "id": domain_id(type, vertex.id, namespace),
        **times(vertex.first_seen, vertex.last_seen),
    }
    described = "\n\n".join(vertex.texts("description"))
    if described:
        made["description"] = described
    return made | {"external_references": _references(vertex)}


def _references(vertex: VertexView) -> list[Stix]:
    found: list[Stix] = [{"source_name": "vedette", "external_id": vertex.id}]
    if _CVE.fullmatch(number := as_cve(vertex.name)):
        found.append({"source_name": "cve", "external_id": number})
    urls = [text for text in vertex.texts("references") if URL_FORM.fullmatch(text)]
    return found + [{"source_name": "reference", "url": url} for url in dict.fromkeys(urls)]


def _domain_object(vertex: VertexView, type: str, namespace: uuid.UUID) -> Stix:
    made = _common(vertex, type, namespace) | {"name": _title(vertex)}
    alias = [text for text in vertex.texts("alias") if text != vertex.name]
    if alias and type in _ALIASED:
        made["aliases"] = alias
    if "true" in vertex.texts("revoked"):
        made["revoked"] = True
    return made | _DOMAIN_OBJECTS[type](vertex)


def _none(_vertex: VertexView) -> Stix:
    return {}


def _indicator(vertex: VertexView) -> Stix:
    pattern = next(iter(vertex.texts("pattern")), "")
    type = next(iter(vertex.texts("patternType")), "")
    if not pattern or type not in {"stix", "pcre", "sigma", "snort", "suricata", "yara"}:
        raise UnfitError("no pattern")
    if type == "stix" and not is_pattern(pattern):
        raise UnfitError("a pattern that others could not read")
    kinds = sorted(_INDICATOR_TYPES.intersection(vertex.texts("indicatorTypes")))
    described = {} if vertex.texts("description") else {"description": "Observed as its pattern says."}
    typed = {"indicator_types": kinds} if kinds else {}
    return {
        "pattern": pattern,
        "pattern_type": type,
        "valid_from": timestamp(vertex.first_seen),
        **typed,
        **described,
    }


def _title(vertex: VertexView) -> str:
    """Return what a vertex is called; an id is not what anybody calls it."""
    title = next(iter(vertex.texts("title")), "")
    return title if title and "--" in vertex.name else vertex.name


def _location(vertex: VertexView) -> Stix:
    country = next((text for text in (*vertex.texts("country"), vertex.name) if _COUNTRY.fullmatch(text)), "")
    if not country:
        raise UnfitError("no country")
    return {"country": country}


def _vulnerability(vertex: VertexView) -> Stix:
    """Return a CVE's number as everybody writes it."""
    number = as_cve(vertex.name)
    return {"name": number} if _CVE.fullmatch(number) else {}


_ALIASED: Final = frozenset(
    {"attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"}
)

_DOMAIN_OBJECTS: Final[Mapping[str, Callable[[VertexView], Stix]]] = {
    "attack-pattern": _none,
    "campaign": _none,
    "course-of-action": _none,
    "identity": _none,
    "incident": _none,
    "indicator": _indicator,
    "infrastructure": _none,
    "intrusion-set": _none,
    "location": _location,
    "malware": lambda vertex: {"is_family": "true" in vertex.texts("isFamily")},
    "threat-actor": _none,
    "tool": _none,
    "vulnerability": _vulnerability,
}

_COLLECTIONS: Final[Mapping[str, Callable[[VertexView], Stix]]] = {
    "grouping": lambda vertex: {"name": _title(vertex), "context": "unspecified"},
    "note": lambda vertex: {"content": "\n\n".join(vertex.texts("description")) or _title(vertex)},
    "report": lambda vertex: {"name": _title(vertex), "published": timestamp(vertex.first_seen)},
}
