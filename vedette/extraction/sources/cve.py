"""`cve`: the CVE list, its old XML items (CVE XML 1.0) and its JSON records 5 (cvelistV5, one record or many).

Sources: cve_1.0.xsd; CVE JSON record format 5.1 (cve-schema.json). A rejected entry is marked, not left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar
from xml.etree.ElementTree import Element

from vedette.extraction.building import EXPLOIT_TARGET_RELATED, Building
from vedette.extraction.dates import checked_date
from vedette.extraction.entries import Entry, done, each, is_xml
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.vulnerabilities import (
    Affected,
    Score,
    add_affected,
    add_weakness,
    cve_id,
    marked,
    score_properties,
    vector_version,
    version_range,
)
from vedette.extraction.xml_entries import xml_entries

_ENTRY = "Entry"
_METRICS = (("cvssV4_0", "4.0"), ("cvssV3_1", "3.1"), ("cvssV3_0", "3.0"), ("cvssV2_0", "2.0"))
# What stands for a name that nobody gave (CVE record format 5.1, product and vendor).
_UNKNOWN = frozenset({"", "n/a", "unknown", "-", "*"})
_ANY_VERSION = frozenset({"", "0", "*", "n/a", "unspecified", "unknown", "all", "all versions"})


class Cve(Extractor):
    """Reads entries of the CVE list: vulnerability, references, weaknesses, scores and affected products."""

    name: ClassVar[str] = "cve"
    summary: ClassVar[str] = "CVE list: XML 1.0, and JSON records 5 (one, an array, or lines)"

    def extract(self, document: Document) -> Subgraph:
        """Return vulnerabilities with the products that they affect."""
        building = Building(source="CVE")
        if is_xml(document):
            for old in each(building, xml_entries(document.content, roots={"cve"}, names={"item"})):
                _add_old(building, old)
        else:
            for entry in each(building, json_entries(document.content, arrays={"cveRecords", "records"})):
                _add(building, entry)
        return done(building)


# XML 1.0 -------------------------------------------------------------------------------


def _add_old(building: Building, entry: Entry[Element]) -> None:
    element = entry.value
    name = cve_id(element.get("name", ""))
    if not name:
        building.skip(entry.position(element.get("name", "")), f"{element.get('name', '')[:60]!r} is no CVE id")
        return
    status = (element.findtext("status") or "").strip()
    phase = element.find("phase")
    description = " ".join((element.findtext("desc") or "").split())
    building.vulnerability(
        name,
        entry.position(name),
        description=description,
        status=status,
        isPubliclyAcknowledged="true" if status == _ENTRY else "false",
        phase=(phase.text or "").strip() if phase is not None else "",
        phaseDate=phase.get("date", "").strip() if phase is not None else "",
        references=list(_old_references(element)),
        comments=[text for one in element.iter("comment") if (text := " ".join((one.text or "").split()))],
        **marked(description),
    )


def _old_references(element: Element) -> Iterator[str]:
    """Yield `SOURCE:text` of each reference, and its address."""
    for reference in element.iterfind("refs/ref"):
        source, text = reference.get("source", "").strip(), (reference.text or "").strip()
        if text:
            yield f"{source}:{text}" if source else text
        if url := reference.get("url", "").strip():
            yield url


# JSON 5 --------------------------------------------------------------------------------


def _add(building: Building, entry: Entry[object]) -> None:
    said = Record(entry.value, partial(building.skip, entry.position("")))
    meta = said.record("cveMetadata")
    name = cve_id(meta.text("cveId"))
    if not name:
        reason = f"{meta.text('cveId')[:60]!r} is no CVE id" if "cveMetadata" in said else "no CVE record 5"
        building.skip(entry.position(meta.text("cveId")), reason)
        return
    position = entry.position(name)
    containers = list(_containers(said.record("containers")))
    vulnerability = building.vulnerability(
        name,
        position,
        description=[text for one in containers for text in _texts(one, "descriptions", "rejectedReasons")],
        shortDescription=[one.text("title") for one in containers],
        state=meta.text("state"),
        tags=[tag for one in containers for tag in one.texts("tags")],
        assigner=meta.text("assignerShortName") or meta.text("assignerOrgId"),
        reservedDate=checked_date(building, position, "dateReserved", meta.text("dateReserved")),
        publishedDate=checked_date(building, position, "datePublished", meta.text("datePublished")),
        modifiedDate=checked_date(building, position, "dateUpdated", meta.text("dateUpdated")),
        rejectedDate=checked_date(building, position, "dateRejected", meta.text("dateRejected")),
        references=[url for one in containers for ref in one.records("references") if (url := ref.text("url"))],
        **score_properties(score for one in containers for score in _scores(one)),
    )
    for container in containers:
        _add_related(building, vulnerability, container, position)


def _add_related(building: Building, vulnerability: str, container: Record, position: Position) -> None:
    """Add the weaknesses and the products that a container names."""
    for problem in container.records("problemTypes"):
        for one in problem.records("descriptions"):
            words = one.text("description")
            add_weakness(building, vulnerability, one.text("cweId") or words.partition(" ")[0], position, words)
    for product in container.records("affected"):
        _add_product(building, vulnerability, product, position)


def _containers(containers: Record) -> Iterator[Record]:
    """Yield what the assigner says, then what others add (CISA's ADP container has scores and products)."""
    if "cna" in containers:
        yield containers.record("cna")
    yield from containers.records("adp")


def _texts(container: Record, *keys: str) -> Iterator[str]:
    for key in keys:
        for one in container.records(key):
            if one.text("lang").lower().startswith("en"):
                yield one.text("value")


def _scores(container: Record) -> Iterator[Score]:
    for metric in container.records("metrics"):
        for key, version in _METRICS:
            if key not in metric:
                continue
            data = metric.record(key)
            vector = data.text("vectorString")
            yield Score(
                version=data.text("version") or vector_version(vector, version),
                score=data.number("baseScore"),
                vector=vector,
                severity=data.text("baseSeverity"),
            )


def _add_product(building: Building, vulnerability: str, said: Record, position: Position) -> None:
    """Relate a vulnerability to a product, by its CPE names where it has some, else by vendor and product."""
    if not _is_affected(said):
        return
    ranges = list(_ranges(said))
    names = said.texts("cpes")
    if names:
        affected = {name: Affected(ranges=ranges) for name in names}
        add_affected(building, vulnerability, affected, position)
        return
    vendor, product = (_known(said.text(key)) for key in ("vendor", "product"))
    product = product or _known(said.text("packageName"))
    made = building.product(product, position, vendor=vendor, description=f"{vendor} {product}".strip())
    building.edge(vulnerability, made, EXPLOIT_TARGET_RELATED, position, versionRanges=ranges)


def _is_affected(said: Record) -> bool:
    """Tell whether any version of a product is affected: a record also lists products to say that they are not."""
    statuses = {one.text("status") for one in said.records("versions")}
    return "affected" in statuses or not statuses or said.text("defaultStatus") == "affected"


def _ranges(said: Record) -> Iterator[str]:
    """Yield the versions that are affected."""
    for one in said.records("versions"):
        if (one.text("status") or said.text("defaultStatus")) != "affected":
            continue
        version, before, end = one.text("version"), one.text("lessThan"), one.text("lessThanOrEqual")
        start = "" if version.lower() in _ANY_VERSION else version
        if before or end:
            # `*` stands for all that follow.
            bounds = version_range(start=start, before=before.replace("*", ""), end=end.replace("*", ""))
            if bounds:
                yield bounds
        elif start:
            yield f"= {start}"


def _known(text: str) -> str:
    return "" if text.lower() in _UNKNOWN else text
