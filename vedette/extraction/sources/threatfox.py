"""`threatfox`: abuse.ch's indicators of compromise: its CSV and JSON exports, and answers of its API."""

from __future__ import annotations

from vedette.extraction.building import Building
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.listed import accuse, names_one
from vedette.extraction.records import Record
from vedette.extraction.sources.abuse_ch import date, extract_entries, one, tags
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout

_COLUMNS = (
    "first_seen_utc",
    "ioc_id",
    "ioc_value",
    "ioc_type",
    "threat_type",
    "fk_malware",
    "malware_alias",
    "malware_printable",
    "last_seen_utc",
    "confidence_level",
    "is_compromised",
    "reference",
    "tags",
    "anonymous",
    "reporter",
)
_LAYOUT = Layout(columns=_COLUMNS, comment="#", ragged=True)
_UNKNOWN = frozenset({"", "none", "null", "unknown", "unknown malware"})


class ThreatFox(Extractor):
    """Reads indicators with the malware that they are of."""

    name = "threatfox"
    summary = "abuse.ch ThreatFox: sockets, domains, URLs and hashes of malware, with confidence (CSV, JSON)"

    def extract(self, document: Document) -> Subgraph:
        """Return what is listed."""
        return extract_entries(document, source="ThreatFox", layout=_LAYOUT, array="data", state=_state)


def _state(building: Building, record: Record, position: Position) -> None:
    text = record.text("ioc_value") or record.text("ioc")
    if not names_one(text):
        building.skip(position, f"names no indicator: {(text or record.text('query_status'))[:60]!r}")
        return
    seen = {
        "firstSeen": date(record, "first_seen_utc", "first_seen"),
        "lastSeen": date(record, "last_seen_utc", "last_seen"),
    }
    confidence = record.number("confidence_level")
    accuse(
        building,
        _malware(building, record, position),
        text,
        position,
        properties={
            **seen,
            "tags": tags(record),
            "references": one(record.text("reference")),
            "reporter": one(record.text("reporter")),
        },
        relation={
            **seen,
            "threatType": record.text("threat_type"),
            # In percent there.
            "confidence": None if confidence is None else confidence / 100,
        },
    )


def _malware(building: Building, record: Record, position: Position) -> str:
    """Return the malware that an indicator is of, by Malpedia's names; empty where nobody knows."""
    key = record.text("fk_malware") or record.text("malware")
    name = record.text("malware_printable") or key
    if name.casefold() in _UNKNOWN:
        return ""
    others = [key, *(part.strip() for part in record.text("malware_alias").split(","))]
    aliases = [other for other in others if other.casefold() not in _UNKNOWN and other != name]
    return building.malware(name, position, alias=aliases or None)
