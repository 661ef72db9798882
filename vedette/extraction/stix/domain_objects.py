"""What a domain object of STIX 2.x is in the graph: its type, what it is called, and what else it is called."""

from __future__ import annotations

from typing import Final

from vedette.extraction.drafting import Given
from vedette.extraction.stix.bundle_index import BundleIndex, attack_id, external_ids
from vedette.extraction.stix.cyber_observables import Values, single
from vedette.extraction.stix.observables import Thing
from vedette.extraction.stix.vocabulary import CUSTOM, domain_type

_NUMBERED: Final = frozenset({"attack-pattern", "course-of-action", "x-mitre-tactic"})
"""ATT&CK calls several of these by the same name (`Domains`, `Phishing`): only their ids there tell them apart."""

_CALLED: Final = ("aliases", "x_mitre_aliases")
_DESCRIBED: Final = ("description", "abstract", "content", "explanation")
_IDENTIFIED: Final = {"vulnerability": "cve", "weakness": "cwe"}


def domain_thing(fields: Values, index: BundleIndex) -> Thing:
    """Return what an object is; the id is its name where no other tells it from others."""
    type = single(fields.get("type"))
    kind = domain_type(type)
    given, number = single(fields.get("name")), attack_id(fields)
    said: dict[str, Given] = {"description": [text for field in _DESCRIBED if (text := single(fields.get(field)))]}
    if fields.get("x_mitre_deprecated") is True:
        said["deprecated"] = "true"
    if type == CUSTOM:
        kinds = single(fields.get("vertex_type")) or "Thing", single(fields.get("observable_type"))
        return Thing(type=kinds[0], observable=kinds[1], name=given, properties=said)
    if type in _NUMBERED and number:
        parent = index.technique(number.partition(".")[0]) if "." in number else ""
        return Thing(
            type=kind.type,
            observable="",
            name=number,
            properties={**said, "title": f"{parent}: {given}" if parent else given},
        )
    name = _public_id(fields, _IDENTIFIED.get(type, "")) or (given if kind.named else "")
    said["alias"] = [one for one in (*_called(fields), number) if one and one != name]
    if given != name:
        said["title"] = given
    return Thing(type=kind.type, observable="", name=name, properties=said)


def _public_id(fields: Values, source: str) -> str:
    """Return the CVE or CWE id of an object; empty where it has none."""
    if not source:
        return ""
    found = next((id.upper() for named, id in external_ids(fields) if named.lower() == source), "")
    return f"{source.upper()}-{found}" if found.isdigit() else found


def _called(fields: Values) -> list[str]:
    given = [fields.get(field) for field in _CALLED]
    return [one.strip() for names in given if isinstance(names, list) for one in names if isinstance(one, str)]
