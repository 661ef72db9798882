"""`kev`: CISA's catalogue of known exploited vulnerabilities, its JSON and its CSV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from vedette.extraction.building import EXPLOIT_TARGET_RELATED, Building
from vedette.extraction.dates import checked_date
from vedette.extraction.entries import done, each, first_byte, is_json
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout, rows
from vedette.extraction.vulnerabilities import add_weakness, cve_id

_LAYOUT = Layout(
    columns=(
        "cveID",
        "vendorProject",
        "product",
        "vulnerabilityName",
        "dateAdded",
        "shortDescription",
        "requiredAction",
        "dueDate",
        "knownRansomwareCampaignUse",
        "notes",
        "cwes",
    ),
    ragged=True,
)
_NOTES_BETWEEN = " ; "


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """One entry, in whichever form it is written."""

    cells: dict[str, str]
    """By column."""
    cwes: Iterable[str]
    position: Position


class Kev(Extractor):
    """Reads which vulnerabilities are exploited, of which product, and until when they must be repaired."""

    name: ClassVar[str] = "kev"
    summary: ClassVar[str] = "CISA's known exploited vulnerabilities: JSON or CSV"

    def extract(self, document: Document) -> Subgraph:
        """Return vulnerabilities and the product of each."""
        building = Building(source="CISA KEV")
        if is_json(document):
            for entry in each(building, json_entries(document.content, arrays={"vulnerabilities"})):
                record = Record(entry.value, partial(building.skip, entry.position("")))
                cells = {name: record.text(name) for name in _LAYOUT.columns if name != "cwes"}
                position = entry.position(cells["cveID"])
                _add(building, _Said(cells=cells, cwes=record.texts("cwes"), position=position))
        elif first_byte(document.content) < len(document.content):
            for row in rows(document.content, _LAYOUT, building.skip):
                cells = {name: row[name] for name in _LAYOUT.columns}
                _add(building, _Said(cells=cells, cwes=cells["cwes"].split(","), position=row.position))
        return done(building)


def _add(building: Building, said: _Said) -> None:
    cells, position = said.cells, said.position
    name = cve_id(cells["cveID"])
    if not name:
        building.skip(position, f"{cells['cveID'][:60]!r} is no CVE id")
        return
    vulnerability = building.vulnerability(
        name,
        position,
        description=cells["shortDescription"],
        shortDescription=cells["vulnerabilityName"],
        knownExploited="true",
        knownRansomware=cells["knownRansomwareCampaignUse"],
        dateAdded=checked_date(building, position, "dateAdded", cells["dateAdded"]),
        dueDate=checked_date(building, position, "dueDate", cells["dueDate"]),
        requiredAction=cells["requiredAction"],
        references=[note.strip() for note in cells["notes"].split(_NOTES_BETWEEN)],
    )
    vendor, product = cells["vendorProject"], cells["product"]
    made = building.product(product, position, vendor=vendor, description=f"{vendor} {product}".strip())
    building.edge(vulnerability, made, EXPLOIT_TARGET_RELATED, position)
    for cwe in said.cwes:
        add_weakness(building, vulnerability, cwe, position)
