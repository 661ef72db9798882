"""What STIX 1.2's components are in the graph: Stucco's types, names and properties of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.extraction.drafting import Given
from vedette.extraction.xml_tree import XmlElement


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A vertex as a component describes it."""

    type: str
    """`vertexType`."""
    name: str = ""
    """Its name; the component's id is the name where it is empty."""
    properties: Mapping[str, Given] = field(default_factory=dict)
    """What is said of it."""

    @property
    def says_something(self) -> bool:
        """Tell whether it is more than a type."""
        return bool(self.name) or any(self.properties.values())


_SOURCES = ("Information_Source", "Producer", "Observable_Source")
_IDENTITIES = (
    "Identity/Name",
    "Contributing_Sources/Source/Identity/Name",
    "Information_Source_Type",
    "Contributing_Sources/Source/Information_Source_Type",
)


def sources(element: XmlElement) -> list[str]:
    """Return the names of who says what an element holds."""
    named = [f"{place}/{path}" for place in _SOURCES for path in _IDENTITIES]
    return list(dict.fromkeys(text for path in named for text in element.texts(path)))


def _common(element: XmlElement, *described: XmlElement) -> dict[str, Given]:
    """Return what all components have, and the descriptions of parts of it."""
    parts = (*described, element)
    return {
        "description": [text for part in parts for text in part.texts("Description")],
        "shortDescription": [text for part in parts for text in part.texts("Short_Description")],
        "source": sources(element) or None,
        "title": element.find("Title"),
    }


def _plain(type: str, *, aliases: Iterable[str] = ()) -> Callable[[XmlElement], list[Described]]:
    paths = tuple(aliases)

    def describe(element: XmlElement) -> list[Described]:
        alias = [text for path in paths for text in element.texts(path)]
        return [Described(type=type, properties={**_common(element), "alias": alias})]

    return describe


def _threat_actor(element: XmlElement) -> list[Described]:
    name = element.find("Identity/Name") or element.find("Identity/Specification/PartyName/OrganisationName")
    alias = element.texts("Identity/Specification/PartyName/PersonName") if name else []
    return [Described(type="Threat_Actor", name=name, properties={**_common(element), "alias": alias})]


def _ttp(element: XmlElement) -> list[Described]:
    """A TTP is a malware or an exploit where its behaviour is one; a further instance is a vertex of its own."""
    malware = list(element.all("Behavior/Malware/Malware_Instance"))
    exploits = list(element.all("Behavior/Exploits/Exploit"))
    patterns = list(element.all("Behavior/Attack_Patterns/Attack_Pattern"))
    if malware:
        return _instances(element, "Malware", malware)
    if exploits:
        return _instances(element, "Exploit", exploits)
    said = _common(element, *patterns)
    said["alias"] = [text for one in patterns for text in (one.attribute("capec_id"), *one.texts("Title")) if text]
    return [Described(type="TTP", properties=said)]


def _instances(element: XmlElement, type: str, parts: list[XmlElement]) -> list[Described]:
    first, *others = parts
    main = Described(type=type, properties={**_common(element, first), **_instance(first)})
    further = [
        Described(
            type=type, name=names[0], properties={**_instance(other), "description": other.texts("Description")}
        )
        for other in others
        if (names := _names(other))
    ]
    return [main, *further]


def _instance(part: XmlElement) -> dict[str, Given]:
    """Return what an instance of a malware or an exploit says; its title is only what kind of thing a TTP is."""
    return {"alias": _names(part), "malwareType": part.texts("Type")}


def _names(part: XmlElement) -> list[str]:
    return list(dict.fromkeys(part.texts("Name") or part.texts("Title")))


_VULNERABILITY: Final = {
    "publishedDate": "Published_DateTime",
    "discoveredDate": "Discovered_DateTime",
    "score": "CVSS_Score/Overall_Score",
    "cvssScore": "CVSS_Score/Base_Score",
}


def _exploit_target(element: XmlElement) -> list[Described]:
    """An exploit target is each of its vulnerabilities and weaknesses."""
    found = [_vulnerability(element, part) for part in element.all("Vulnerability")]
    found += [_weakness(element, part) for part in element.all("Weakness")]
    return found or [
        Described(
            type="Exploit_Target",
            properties={
                **_common(element, *element.all("Configuration")),
                "alias": element.texts("Configuration/CCE_ID"),
            },
        )
    ]


def _vulnerability(element: XmlElement, part: XmlElement) -> Described:
    osvdb = part.find("OSVDB_ID")
    title = part.find("Title")
    name = part.find("CVE_ID").upper() or (f"OSVDB-{osvdb}" if osvdb else title)
    said = _common(element, part)
    said |= {key: part.find(path) for key, path in _VULNERABILITY.items()}
    said["source"] = [*part.texts("Source"), *sources(element)] or None
    said["references"] = part.texts("References/Reference")
    said["shortDescription"] = part.texts("Short_Description") or ([title] if title != name else [])
    return Described(type="Vulnerability", name=name, properties=said)


def _weakness(element: XmlElement, part: XmlElement) -> Described:
    return Described(type="Weakness", name=part.find("CWE_ID").upper(), properties=_common(element, part))


COMPONENTS: Final[Mapping[str, Callable[[XmlElement], list[Described]]]] = {
    "Campaign": _plain("Campaign", aliases=("Names/Name",)),
    "Course_Of_Action": _plain("Course_Of_Action"),
    "Exploit_Target": _exploit_target,
    "Incident": _plain("Incident", aliases=("External_ID",)),
    "Indicator": _plain("Indicator", aliases=("Alternative_ID",)),
    "Report": _plain("Report"),
    "TTP": _ttp,
    "Threat_Actor": _threat_actor,
}
"""Components by the name of their elements, observables apart; each is at least one vertex, the first with its id."""
