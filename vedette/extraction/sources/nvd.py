"""`nvd`: vulnerabilities of the National Vulnerability Database, its old XML 2.0 and its JSON of the CVE API 2.0.

Sources: nvd-cve-feed_2.0.xsd with vulnerability_0.4.xsd and cvss-v2_0.2.xsd; cve_api_json_2.0.schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar
from xml.etree.ElementTree import Element

from vedette.extraction.building import Building
from vedette.extraction.dates import checked_date
from vedette.extraction.drafting import Given
from vedette.extraction.entries import Entry, done, each, is_xml
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.records import Record, number_of
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.vulnerabilities import (
    PUBLISHED,
    REJECTED,
    Affected,
    Score,
    add_affected,
    add_weakness,
    cve_id,
    marked,
    score_properties,
    version_range,
)
from vedette.extraction.xml_entries import xml_entries

# Its JSON names weaknesses and descriptions in several languages.
_LANGUAGE = "en"
_METRICS = (
    ("cvssMetricV40", "4.0"),
    ("cvssMetricV31", "3.1"),
    ("cvssMetricV30", "3.0"),
    ("cvssMetricV2", "2.0"),
)
_OLD_METRICS = (
    ("access-vector", "AV"),
    ("access-complexity", "AC"),
    ("authentication", "Au"),
    ("confidentiality-impact", "C"),
    ("integrity-impact", "I"),
    ("availability-impact", "A"),
)
_OLD_VALUES = {"ADJACENT_NETWORK": "A", "NONE": "N", "SINGLE_INSTANCE": "S", "MULTIPLE_INSTANCES": "M"}
_REJECTED = "Rejected"


class Nvd(Extractor):
    """Reads NVD's entries: vulnerability, its scores, weaknesses, references and affected products."""

    name: ClassVar[str] = "nvd"
    summary: ClassVar[str] = "NVD: XML 2.0 feeds, and JSON of the CVE API 2.0 and its feeds"

    def extract(self, document: Document) -> Subgraph:
        """Return vulnerabilities with the products that they affect."""
        building = Building(source="NVD")
        if is_xml(document):
            for old in each(building, xml_entries(document.content, roots={"nvd"}, names={"entry"})):
                _add_old(building, old)
        else:
            for entry in each(building, json_entries(document.content, arrays={"vulnerabilities"})):
                _add(building, entry)
        return done(building)


# JSON 2.0 ------------------------------------------------------------------------------


def _add(building: Building, entry: Entry[object]) -> None:
    said = Record(entry.value, partial(building.skip, entry.position("")))
    cve = said.record("cve") if "cve" in said else said
    name = cve_id(cve.text("id"))
    if not name:
        building.skip(entry.position(cve.text("id")), f"{cve.text('id')[:60]!r} is no CVE id")
        return
    position = entry.position(name)
    affected, platforms = _products(cve)
    vulnerability = building.vulnerability(
        name,
        position,
        description=[one.text("value") for one in cve.records("descriptions") if one.text("lang") == _LANGUAGE],
        publishedDate=checked_date(building, position, "published", cve.text("published")),
        modifiedDate=checked_date(building, position, "lastModified", cve.text("lastModified")),
        status=cve.text("vulnStatus"),
        state=REJECTED if cve.text("vulnStatus") == _REJECTED else PUBLISHED,
        assigner=cve.text("sourceIdentifier"),
        tags=[tag for one in cve.records("cveTags") for tag in one.texts("tags")],
        references=[url for one in cve.records("references") if (url := one.text("url"))],
        platforms=platforms,
        affectedVersions=[f"{cpe}: {words}" for cpe, one in affected.items() for words in one.ranges],
        **score_properties(_scores(cve.record("metrics"))),
        **_known_exploited(building, cve, position),
    )
    for weakness in cve.records("weaknesses"):
        for one in weakness.records("description"):
            add_weakness(building, vulnerability, one.text("value"), position)
    add_affected(building, vulnerability, affected, position)


def _known_exploited(building: Building, cve: Record, position: Position) -> dict[str, Given]:
    """Return what NVD repeats of CISA's list of known exploited vulnerabilities."""
    if "cisaExploitAdd" not in cve:
        return {}
    return {
        "knownExploited": "true",
        "dateAdded": checked_date(building, position, "cisaExploitAdd", cve.text("cisaExploitAdd")),
        "dueDate": checked_date(building, position, "cisaActionDue", cve.text("cisaActionDue")),
        "requiredAction": cve.text("cisaRequiredAction"),
        "shortDescription": cve.text("cisaVulnerabilityName"),
    }


def _scores(metrics: Record) -> Iterator[Score]:
    """Yield the judgements, NVD's own before those of others."""
    for key, version in _METRICS:
        for one in sorted(metrics.records(key), key=lambda metric: metric.text("type") != "Primary"):
            data = one.record("cvssData")
            yield Score(
                version=data.text("version") or version,
                score=data.number("baseScore"),
                vector=data.text("vectorString"),
                severity=data.text("baseSeverity") or one.text("baseSeverity"),
            )


def _products(cve: Record) -> tuple[dict[str, Affected], list[str]]:
    """Return the products that are affected, by their CPE names, and the names of what they must run on."""
    affected: dict[str, Affected] = {}
    platforms: list[str] = []
    for configuration in cve.records("configurations"):
        for node in configuration.records("nodes"):
            for match in node.records("cpeMatch"):
                name = match.text("criteria")
                if match.flag("vulnerable") is False:
                    platforms.append(name)
                    continue
                words = version_range(
                    start=match.text("versionStartIncluding"),
                    after=match.text("versionStartExcluding"),
                    before=match.text("versionEndExcluding"),
                    end=match.text("versionEndIncluding"),
                )
                affected.setdefault(name, Affected()).ranges += [words] if words else []
    return affected, platforms


# XML 2.0 -------------------------------------------------------------------------------


def _add_old(building: Building, entry: Entry[Element]) -> None:
    element = entry.value
    name = cve_id(element.get("id", "") or element.findtext("cve-id", ""))
    if not name:
        building.skip(entry.position(element.get("id", "")), f"{element.get('id', '')[:60]!r} is no CVE id")
        return
    position = entry.position(name)
    summary = (element.findtext("summary") or "").strip()
    vulnerability = building.vulnerability(
        name,
        position,
        description=summary,
        publishedDate=checked_date(building, position, "published", element.findtext("published-datetime", "")),
        modifiedDate=checked_date(building, position, "modified", element.findtext("last-modified-datetime", "")),
        references=list(_old_references(element)),
        **marked(summary),
        **score_properties(_old_scores(element)),
    )
    for weakness in element.iter("cwe"):
        add_weakness(building, vulnerability, weakness.get("id", ""), position)
    products = [product.text.strip() for product in element.iterfind(".//product") if product.text]
    add_affected(building, vulnerability, {name: Affected() for name in products}, position)


def _old_references(element: Element) -> Iterator[str]:
    """Yield the address of each reference; where it has none, `SOURCE:text`."""
    for references in element.iterfind("references"):
        source = (references.findtext("source") or "").strip()
        for reference in references.iterfind("reference"):
            text = (reference.text or "").strip()
            href = reference.get("href", "").strip()
            if href or text:
                yield href or f"{source}:{text}"


def _old_scores(element: Element) -> Iterator[Score]:
    for metrics in element.iterfind("cvss/base_metrics"):
        parts = [f"{short}:{_old_value(metrics.findtext(name) or '')}" for name, short in _OLD_METRICS]
        vector = "" if any(part.endswith(":") for part in parts) else "/".join(parts)
        yield Score(version="2.0", score=number_of(metrics.findtext("score", "")), vector=vector)


def _old_value(text: str) -> str:
    text = text.strip().upper()
    return _OLD_VALUES.get(text, text[:1])
