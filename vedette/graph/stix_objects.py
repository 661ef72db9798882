"""Vertices as objects of STIX 2.1: what the ontology says, or a custom one where STIX has nothing for it.

Source: STIX Version 2.1, OASIS Standard; section 4 (domain objects).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from vedette.canonical import canonical_json
from vedette.extraction.stix.vocabulary import CUSTOM, CUSTOM_RELATION
from vedette.graph.ontology import ontology
from vedette.graph.port import VertexView
from vedette.graph.stix_observables import OBSERVABLES, URL_FORM, Stix, UnfitError, texts

OURS: Final = uuid.UUID("3f0c1a52-0e0e-5c7b-9d2e-6b1f5d8f7a10")
"""Namespace of the ids of everything else, so that the same vertex has the same id in every export."""

EXTENSION: Final = f"extension-definition--{uuid.uuid5(OURS, CUSTOM)}"
"""Id of the extension that defines both."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTRY = re.compile(r"[A-Z]{2}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")


def timestamp(microseconds: int) -> str:
    """Return a time as STIX writes it (section 2.13), to the millisecond."""
    # Of observations before 1970 there are none, and STIX has no times of more than four digits of the year.
    at = _EPOCH + timedelta(microseconds=min(max(microseconds, 0), 253_402_300_799_000_000))
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def collects(vertex: VertexView) -> bool:
    """Tell whether a vertex becomes an object that is about others, and so needs them."""
    return _type_of(vertex) in _COLLECTIONS


def objects_of(vertex: VertexView, about: Sequence[str] = ()) -> list[Stix]:
    """Return the object that a vertex becomes, followed by others that it refers to; `about`: what it collects."""
    kind = _type_of(vertex)
    try:
        if kind in _COLLECTIONS and about:
            made = _common(vertex, kind) | _COLLECTIONS[kind](vertex) | {"object_refs": sorted(set(about))}
            # A note's content is its description.
            return [{name: value for name, value in made.items() if (kind, name) != ("note", "description")}]
        if kind in OBSERVABLES:
            return OBSERVABLES[kind](vertex)
        if kind in _DOMAIN_OBJECTS:
            return [_domain_object(vertex, kind)]
    except UnfitError:
        pass
    return [custom_object(vertex)]


def _type_of(vertex: VertexView) -> str:
    return ontology().resolve(vertex.type, vertex.observable_type).kind.stix


def domain_id(type: str, name: str) -> str:
    """Return the id of an object that is no observable."""
    return f"{type}--{uuid.uuid5(OURS, name)}"


def times(first: int, last: int) -> dict[str, str]:
    """Return when an object was made and changed: when what it says was seen first and last."""
    return {"created": timestamp(first), "modified": timestamp(max(first, last))}


def custom_object(vertex: VertexView) -> Stix:
    """Return a vertex as an object of our extension."""
    made = _common(vertex, CUSTOM) | {"name": vertex.name, "vertex_type": vertex.type}
    if vertex.observable_type:
        made["observable_type"] = vertex.observable_type
    return made | {"extensions": {EXTENSION: {"extension_type": "new-sdo"}}}


def extension_objects() -> list[Stix]:
    """Return the definition of our extension, and who made it."""
    maker = domain_id("identity", "vedette")
    common = {"spec_version": "2.1", **times(0, 0)}
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


def _common(vertex: VertexView, type: str) -> Stix:
    made: Stix = {
        "type": type,
        "spec_version": "2.1",
        "id": domain_id(type, vertex.id),
        **times(vertex.first_seen, vertex.last_seen),
    }
    described = "\n\n".join(texts(vertex, "description"))
    if described:
        made["description"] = described
    return made | {"external_references": _references(vertex)}


def _references(vertex: VertexView) -> list[Stix]:
    found: list[Stix] = [{"source_name": "vedette", "external_id": vertex.id}]
    if _CVE.fullmatch(vertex.name):
        found.append({"source_name": "cve", "external_id": vertex.name})
    urls = [text for text in texts(vertex, "references") if URL_FORM.fullmatch(text)]
    return found + [{"source_name": "reference", "url": url} for url in dict.fromkeys(urls)]


def _domain_object(vertex: VertexView, type: str) -> Stix:
    made = _common(vertex, type) | {"name": _title(vertex)}
    alias = [text for text in texts(vertex, "alias") if text != vertex.name]
    if alias and type in _ALIASED:
        made["aliases"] = alias
    if "true" in texts(vertex, "revoked"):
        made["revoked"] = True
    return made | _DOMAIN_OBJECTS[type](vertex)


def _none(_vertex: VertexView) -> Stix:
    return {}


def _indicator(vertex: VertexView) -> Stix:
    pattern = next(iter(texts(vertex, "pattern")), "")
    type = next(iter(texts(vertex, "patternType")), "")
    if not pattern or type not in {"stix", "pcre", "sigma", "snort", "suricata", "yara"}:
        raise UnfitError("no pattern")
    described = {} if texts(vertex, "description") else {"description": "Observed as its pattern says."}
    return {"pattern": pattern, "pattern_type": type, "valid_from": timestamp(vertex.first_seen), **described}


def _title(vertex: VertexView) -> str:
    """Return what a vertex is called; an id is not what anybody calls it."""
    title = next(iter(texts(vertex, "title")), "")
    return title if title and "--" in vertex.name else vertex.name


def _location(vertex: VertexView) -> Stix:
    country = next((text for text in (*texts(vertex, "country"), vertex.name) if _COUNTRY.fullmatch(text)), "")
    if not country:
        raise UnfitError("no country")
    return {"country": country}


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
    "malware": lambda vertex: {"is_family": "true" in texts(vertex, "isFamily")},
    "threat-actor": _none,
    "tool": _none,
    "vulnerability": _none,
}

_COLLECTIONS: Final[Mapping[str, Callable[[VertexView], Stix]]] = {
    "grouping": lambda vertex: {"name": _title(vertex), "context": "unspecified"},
    "note": lambda vertex: {"content": "\n\n".join(texts(vertex, "description")) or _title(vertex)},
    "report": lambda vertex: {"name": _title(vertex), "published": timestamp(vertex.first_seen)},
}
