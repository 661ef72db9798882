"""Vulnerabilities, malware, actors and other threats, as MISP has them; functions as in `network_facts`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sharing.investigation import Fact
from vedette.sharing.misp.composing import Composing, Part, Said
from vedette.sharing.misp.galaxies import ACTORS, MALWARE, TECHNIQUES, TOOLS, galaxy_tags
from vedette.sharing.misp.marking import kind_of
from vedette.sharing.misp.network_facts import first, time_of
from vedette.sharing.misp.values import UnfitValueError, canonical_value

Adding = Callable[[Composing, Fact, Said], str]
"""Adds a fact, and returns the id of what references to it point at; empty where nothing is left."""

_PATTERNS: Final = {
    "stix": "stix2-pattern",
    "sigma": "sigma",
    "snort": "snort",
    "suricata": "suricata",
    "yara": "yara",
}
"""Types of attributes by the language of a pattern."""


def add_vulnerability(to: Composing, fact: Fact, said: Said) -> str:
    """Add a vulnerability; one without a CVE number as links to what is known of it, or as text."""
    vertex = fact.vertex
    try:
        number = canonical_value("vulnerability", vertex.name)
    except UnfitValueError:
        return _other_vulnerability(to, fact, said)
    parts = [
        Part("id", number),
        Part("summary", _description(fact)),
        Part("cvss-score", first(vertex, "cvss4Score", "cvss3Score", "cvssScore", "cvss2Score")),
        Part("cvss-string", first(vertex, "cvss4Vector", "cvss3Vector", "cvssVector", "cvss2Vector")),
        Part("published", time_of(vertex, "publishedDate")),
        Part("modified", time_of(vertex, "modifiedDate")),
        *_links(to, fact, "references"),
    ]
    return to.object("vulnerability", number, parts, said)


def add_weakness(to: Composing, fact: Fact, said: Said) -> str:
    """Add a weakness; its CWE number, or as text."""
    try:
        return to.attribute("weakness", canonical_value("weakness", fact.vertex.name), said)
    except UnfitValueError:
        return to.attribute("text", fact.vertex.name, said, comment="Weakness")


def add_exploit(to: Composing, fact: Fact, said: Said) -> str:
    """Add an exploit."""
    vertex = fact.vertex
    parts = [
        Part("exploit", vertex.name),
        Part("title", first(vertex, "title", "shortDescription")),
        Part("description", _description(fact)),
        *_links(to, fact, "reference"),
    ]
    return to.object("exploit", vertex.name, parts, said)


def add_malware(to: Composing, fact: Fact, said: Said) -> str:
    """Add a malware, and the tags of the galaxies that know it."""
    vertex = fact.vertex
    aliases = [text for text in vertex.texts("alias") if text != vertex.name]
    parts = [
        Part("name", vertex.name),
        Part("is_family", "1" if "true" in vertex.texts("isFamily") else "0"),
        *(Part("alias", text) for text in aliases),
        *(Part("malware_type", text) for text in vertex.texts("malwareTypes")),
        Part("description", _description(fact)),
    ]
    to.tags.update(galaxy_tags(MALWARE, vertex.name, aliases))
    return to.object("malware", vertex.name, parts, said)


def add_actor(to: Composing, fact: Fact, said: Said) -> str:
    """Add a threat actor, and the tags of the galaxies that know it."""
    to.tags.update(galaxy_tags(ACTORS, fact.vertex.name, fact.vertex.texts("alias")))
    return to.attribute("threat-actor", fact.vertex.name, said)


def add_campaign(to: Composing, fact: Fact, said: Said) -> str:
    """Add a campaign."""
    return to.attribute("campaign-name", fact.vertex.name, said)


def add_technique(to: Composing, fact: Fact, said: Said) -> str:
    """Add a technique: a tag where ATT&CK knows it, else an object."""
    vertex = fact.vertex
    numbers = [text for text in vertex.texts("externalIds") if text[:1] in "Tt"]
    tags = galaxy_tags(TECHNIQUES, vertex.name, (*numbers, *vertex.texts("title")))
    to.tags.update(tags)
    if tags:
        return ""
    parts = [
        Part("name", first(vertex, "title") or vertex.name),
        Part("id", numbers[0] if numbers else ""),
        Part("summary", _description(fact)),
    ]
    return to.object("attack-pattern", vertex.name, parts, said)


def add_tool(to: Composing, fact: Fact, said: Said) -> str:
    """Add a tool, and the tags of the galaxies that know it."""
    to.tags.update(galaxy_tags(TOOLS, fact.vertex.name, fact.vertex.texts("alias")))
    return to.attribute("text", fact.vertex.name, said, comment="Tool")


def add_indicator(to: Composing, fact: Fact, said: Said) -> str:
    """Add an indicator: its pattern, or what it is called."""
    vertex = fact.vertex
    type = _PATTERNS.get(first(vertex, "patternType"), "")
    pattern = first(vertex, "pattern")
    title = first(vertex, "title") or vertex.name
    if type and pattern:
        return to.attribute(type, pattern, said, comment=title[:200])
    return to.attribute("text", title, said, comment="Indicator")


def add_remedy(to: Composing, fact: Fact, said: Said) -> str:
    """Add a course of action."""
    parts = [Part("name", fact.vertex.name), Part("description", _description(fact))]
    return to.object("course-of-action", fact.vertex.name, parts, said)


def add_identity(to: Composing, fact: Fact, said: Said) -> str:
    """Add an organisation, a person or a group."""
    vertex = fact.vertex
    parts = [
        Part("name", vertex.name),
        Part("identity_class", first(vertex, "identityClass")),
        *(Part("sectors", text) for text in vertex.texts("sectors")),
        *(Part("roles", text) for text in vertex.texts("roles")),
        Part("description", _description(fact)),
    ]
    return to.object("identity", vertex.name, parts, said)


def add_infrastructure(to: Composing, fact: Fact, said: Said) -> str:
    """Add infrastructure of an attacker."""
    vertex = fact.vertex
    parts = [
        Part("name", vertex.name),
        *(Part("infrastructure_type", text) for text in vertex.texts("infrastructureTypes")),
        Part("description", _description(fact)),
    ]
    return to.object("infrastructure", vertex.name, parts, said)


def add_report(to: Composing, fact: Fact, said: Said) -> str:
    """Add what somebody published."""
    vertex = fact.vertex
    parts = [Part("title", first(vertex, "title") or vertex.name), Part("summary", _description(fact))]
    return to.object("report", vertex.name, [*parts, *_links(to, fact, "link")], said)


def add_other(to: Composing, fact: Fact, said: Said) -> str:
    """Add what MISP has no form for: its name as text, and its type."""
    return to.attribute("text", fact.vertex.name, said, comment=kind_of(fact.vertex)[:100])


def _other_vulnerability(to: Composing, fact: Fact, said: Said) -> str:
    called = f"{fact.vertex.name[:200]}: a vulnerability without a CVE number"
    made = [to.attribute("link", part.value, said, comment=called) for part in _links(to, fact, "references")]
    if made:
        return made[0]
    return to.attribute("text", fact.vertex.name, said, comment="a vulnerability without a CVE number")


def _description(fact: Fact) -> str:
    """Return what is said of a fact, other than its name again."""
    return "\n\n".join(text for text in fact.vertex.texts("description") if text != fact.vertex.name)


def _links(to: Composing, fact: Fact, relation: str) -> list[Part]:
    """Return the references of a fact that are links; identifiers in other systems are among them, too."""
    found = []
    for text in fact.vertex.texts("references"):
        try:
            found.append(Part(relation, canonical_value("link", text)))
        except UnfitValueError:
            to.withhold_one_of("references of facts", "they are no http or https links")
    return found
