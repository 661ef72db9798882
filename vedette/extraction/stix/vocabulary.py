"""STIX 2.1's types, relationships and fields, and what they are in Stucco's vocabulary.

Source: STIX Version 2.1, OASIS Standard, sections 4 (domain objects), 5 (relationships), 6 (observables).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.extraction.building import EXPLOIT_TARGET, EXPLOITS, OBSERVABLE, RELATED_TTP, SUB_OBSERVABLE, USES_IP


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainType:
    """What a type of domain objects is."""

    type: str
    """`vertexType`."""
    named: bool = False
    """Whether its name says which one it is; if not, the id is the name, and the name is the title."""


DOMAIN_TYPES: Final[Mapping[str, DomainType]] = {
    "attack-pattern": DomainType(type="TTP", named=True),
    "campaign": DomainType(type="Campaign", named=True),
    "course-of-action": DomainType(type="Course_Of_Action"),
    "grouping": DomainType(type="Grouping"),
    "identity": DomainType(type="Identity", named=True),
    "incident": DomainType(type="Incident"),
    "indicator": DomainType(type="Indicator"),
    "infrastructure": DomainType(type="Infrastructure"),
    "intrusion-set": DomainType(type="Threat_Actor", named=True),
    "location": DomainType(type="Location", named=True),
    "malware": DomainType(type="Malware", named=True),
    "malware-analysis": DomainType(type="Malware_Analysis"),
    "note": DomainType(type="Note"),
    "observed-data": DomainType(type="Observed_Data"),
    "opinion": DomainType(type="Opinion"),
    "report": DomainType(type="Report"),
    "sighting": DomainType(type="Sighting"),
    "threat-actor": DomainType(type="Threat_Actor", named=True),
    "tool": DomainType(type="Tool", named=True),
    "vulnerability": DomainType(type="Vulnerability", named=True),
    "weakness": DomainType(type="Weakness", named=True),
    "x-mitre-analytic": DomainType(type="Analytic"),
    "x-mitre-asset": DomainType(type="Asset", named=True),
    "x-mitre-collection": DomainType(type="Collection"),
    "x-mitre-data-component": DomainType(type="Data_Component", named=True),
    "x-mitre-data-source": DomainType(type="Data_Source", named=True),
    "x-mitre-detection-strategy": DomainType(type="Detection_Strategy"),
    "x-mitre-matrix": DomainType(type="Matrix"),
    "x-mitre-tactic": DomainType(type="Tactic", named=True),
}

CUSTOM: Final = "x-vedette-thing"
"""Type of the things in our exports that STIX has no type for (`vedette.graph.stix_objects`)."""

CUSTOM_RELATION: Final = "x-vedette-relation"
"""Type of the relationships from or to such a thing, which STIX' own cannot have."""

NO_THINGS: Final = frozenset({"bundle", "extension-definition", "language-content", "marking-definition"})
"""Types of objects that speak of other objects, or of STIX itself."""

OBSERVABLE_TYPES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "artifact": ("Artifact", ("url",)),
    "autonomous-system": ("AS", ("number",)),
    "directory": ("Directory", ("path",)),
    "domain-name": ("Domain Name", ("value",)),
    "email-addr": ("Email Address", ("value",)),
    "email-message": ("Email Message", ("message_id", "subject")),
    "file": ("File", ("name",)),
    "ipv4-addr": ("Address", ("value",)),
    "ipv6-addr": ("Address", ("value",)),
    "mac-addr": ("MAC Address", ("value",)),
    "mutex": ("Mutex", ("name",)),
    "network-traffic": ("Network Flow", ()),
    "process": ("Process", ("name", "command_line", "pid")),
    "software": ("Product", ("cpe",)),
    "url": ("URI", ("value",)),
    "user-account": ("User Account", ("account_login", "user_id", "display_name")),
    "windows-registry-key": ("Windows Registry Key", ("key",)),
    "x509-certificate": ("X509 Certificate", ("serial_number", "subject")),
}
"""`observableType` of a cyber-observable object, and the fields of which the first that is there is its name."""

HASHES: Final[Mapping[str, str]] = {
    "SHA256": "sha256",
    "SHA1": "sha1",
    "MD5": "md5",
    "SHA512": "sha512",
    "SHA3256": "sha3_256",
    "SSDEEP": "ssdeep",
    "TLSH": "tlsh",
}
"""Properties by the name of the hash without dashes; the first that is there names a file without a name."""

TIMES: Final[Mapping[str, str]] = {
    "created": "createdDate",
    "first_observed": "firstSeen",
    "first_seen": "firstSeen",
    "last_observed": "lastSeen",
    "last_seen": "lastSeen",
    "modified": "modifiedDate",
    "published": "publishedDate",
    "start_time": "firstSeen",
    "stop_time": "lastSeen",
    "valid_from": "validFrom",
    "valid_until": "validUntil",
}
"""Properties that are milliseconds since 1970, by field."""

_ANY = ""
_RELATIONS: Final[Mapping[tuple[str, str], str]] = {
    ("attributed-to", "Threat_Actor"): "RelatedThreatActor",
    ("based-on", _ANY): OBSERVABLE,
    ("belongs-to", "Observable"): SUB_OBSERVABLE,
    ("communicates-with", "IP"): USES_IP,
    ("communicates-with", "Observable"): OBSERVABLE,
    ("consists-of", "IP"): USES_IP,
    ("consists-of", "Observable"): OBSERVABLE,
    ("exploits", "Vulnerability"): EXPLOITS,
    ("has", "Vulnerability"): EXPLOIT_TARGET,
    ("indicates", "Campaign"): "RelatedCampaign",
    ("indicates", "Malware"): "IndicatedTTP",
    ("indicates", "TTP"): "IndicatedTTP",
    ("indicates", "Threat_Actor"): "RelatedThreatActor",
    ("indicates", "Tool"): "IndicatedTTP",
    ("resolves-to", "IP"): SUB_OBSERVABLE,
    ("resolves-to", "Observable"): SUB_OBSERVABLE,
    ("subtechnique-of", "TTP"): RELATED_TTP,
    ("targets", "Vulnerability"): EXPLOIT_TARGET,
    ("uses", "Malware"): RELATED_TTP,
    ("uses", "TTP"): RELATED_TTP,
    ("uses", "Tool"): RELATED_TTP,
}
"""Stucco's relation by STIX's relationship and the target's `vertexType`; any type where that is empty."""

_TLP_1: Final = {
    "white": "613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green": "34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber": "f88d31f6-486f-44da-b317-01333bde0b82",
    "red": "5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
TLP_2: Final[Mapping[str, str]] = {
    "clear": "94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""UUIDs of the markings of TLP 2.0 (OASIS' extension)."""

MARKINGS: Final[Mapping[str, str]] = {
    f"marking-definition--{id}": f"TLP:{colour.upper()}" for colour, id in (*_TLP_1.items(), *TLP_2.items())
}
"""Names of the markings whose ids are fixed: TLP 1 (section 7.2.1.4) and TLP 2 (OASIS' extension of it)."""

_WORDS = re.compile(r"[-_ ]+")


def domain_type(type: str) -> DomainType:
    """Return what a type is; a foreign one is kept: `x-acme-thing` is `Acme_Thing`."""
    known = DOMAIN_TYPES.get(type)
    if known is not None:
        return known
    words = [word.capitalize() for word in _WORDS.split(type.removeprefix("x-")) if word]
    return DomainType(type="_".join(words) or "Thing", named=False)


def related(type: str) -> str:
    """Return the relation to something of a type that is in a list of things."""
    return OBSERVABLE if type in {"Observable", "IP", "AddressRange"} else f"Related{type.replace('_', '')}"


def relation(relationship: str, target: str) -> str:
    """Return Stucco's relation; STIX's own name where Stucco has none."""
    found = _RELATIONS.get((relationship, target)) or _RELATIONS.get((relationship, _ANY))
    if found:
        return found
    return related(target) if relationship == "related-to" else relationship


def property_name(field: str) -> str:
    """Return the name of a property, as Stucco writes names; one of an extension is kept as it is."""
    if field.startswith("x_"):
        return field
    first, *others = field.split("_")
    return first + "".join(word.capitalize() for word in others)
