"""`cpe`: the dictionary of platform names, its XML (2.2, 2.3), NVD's JSON of the CPE API 2.0, and lists of names.

Sources: cpe-dictionary_2.2.xsd with cpe-dictionary-metadata_0.2.xsd; cpe-dictionary-extension_2.3.xsd;
cpe_api_json_2.0.schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar
from xml.etree.ElementTree import Element

from vedette.extraction.building import Building
from vedette.extraction.dates import checked_date
from vedette.extraction.drafting import Given
from vedette.extraction.entries import Entry, done, each, first_byte, is_json, is_xml
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.xml_entries import xml_entries

_PARTS = ("vendor", "product", "version", "update", "edition", "language", "sw_edition", "target_sw", "target_hw")

MAX_LINE = 8_000
"""Bytes of a line with a name."""


class Cpe(Extractor):
    """Reads products: name, titles, parts of the name, references, and what replaces a deprecated one."""

    name: ClassVar[str] = "cpe"
    summary: ClassVar[str] = "CPE dictionary: XML 2.2 and 2.3, JSON of the CPE API 2.0, or names, one a line"

    def extract(self, document: Document) -> Subgraph:
        """Return products."""
        building = Building(source="CPE")
        if is_xml(document):
            items = xml_entries(document.content, roots={"cpe-list"}, names={"cpe-item"})
            for item in each(building, items):
                _add_item(building, item)
        elif is_json(document):
            for entry in each(building, json_entries(document.content, arrays={"products"})):
                _add_record(building, entry)
        else:
            for line in _lines(document.content):
                platform = _platform(building, line, line.value)
                if platform is not None:
                    _add(building, line.value, line.position(line.value), platform)
        return done(building)


def _platform(building: Building, entry: Entry[object], name: str) -> PlatformName | None:
    """Return the name of an entry; None where it is none, which is said."""
    try:
        return PlatformName.parse(name)
    except PlatformNameError as error:
        building.skip(entry.position(name), str(error))
        return None


def _add(
    building: Building,
    name: str,
    position: Position,
    platform: PlatformName,
    titles: Iterable[str] = (),
    **said: Given,
) -> str:
    parts = {part: platform.plain(part) for part in _PARTS}
    return building.cpe(
        name, position, description=[*titles, platform.description], part=f"/{platform.part}", **parts, **said
    )


def _add_item(building: Building, entry: Entry[Element]) -> None:
    element = entry.value
    name = element.get("name", "").strip()
    platform = _platform(building, entry, name)
    if platform is None:
        return
    position = entry.position(name)
    newer, metadata = element.find("cpe23-item"), element.find("item-metadata")
    facts = {} if metadata is None else metadata.attrib
    replaced = [element.get("deprecated_by", ""), *(one.get("name", "") for one in element.iter("deprecated-by"))]
    _add(
        building,
        name,
        position,
        platform,
        [" ".join((title.text or "").split()) for title in element.iterfind("title")],
        alias=newer.get("name", "").strip() if newer is not None else "",
        references=[one.get("href", "").strip() for one in element.iter("reference")],
        status="deprecated" if element.get("deprecated") == "true" else facts.get("status"),
        deprecatedBy=[name.strip() for name in replaced],
        nvdId=facts.get("nvd-id"),
        modifiedDate=checked_date(building, position, "modification-date", facts.get("modification-date", "")),
    )


def _add_record(building: Building, entry: Entry[object]) -> None:
    said = Record(entry.value, partial(building.skip, entry.position("")))
    cpe = said.record("cpe") if "cpe" in said else said
    name = cpe.text("cpeName")
    platform = _platform(building, entry, name)
    if platform is None:
        return
    position = entry.position(name)
    _add(
        building,
        name,
        position,
        platform,
        [one.text("title") for one in cpe.records("titles") if one.text("lang").lower().startswith("en")],
        references=[one.text("ref") for one in cpe.records("refs")],
        status="deprecated" if cpe.flag("deprecated") else "",
        deprecatedBy=[one.text("cpeName") for one in cpe.records("deprecatedBy")],
        nvdId=cpe.text("cpeNameId"),
        createdDate=checked_date(building, position, "created", cpe.text("created")),
        modifiedDate=checked_date(building, position, "lastModified", cpe.text("lastModified")),
    )


def _lines(content: bytes) -> Iterator[Entry[str]]:
    """Yield the lines that say something; comments begin with `#`."""
    at = first_byte(content)
    while at < len(content):
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        text = content[at : min(end, at + MAX_LINE)].decode("utf-8", errors="replace").strip()
        if text and not text.startswith("#"):
            yield Entry(value=text, start=at, end=end)
        at = end + 1
