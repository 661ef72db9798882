"""`urlhaus`: abuse.ch's URLs that serve malware: its CSV dumps, its JSON dumps, and answers of its API."""

from __future__ import annotations

from vedette.extraction.building import OBSERVABLE, SUB_OBSERVABLE, Building
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.listed import accuse, names_one, place_file
from vedette.extraction.records import Record
from vedette.extraction.sources.abuse_ch import date, extract_entries, one, tags
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout

_LAYOUT = Layout(
    columns=("id", "dateadded", "url", "url_status", "last_online", "threat", "tags", "urlhaus_link", "reporter"),
    comment="#",
)


class UrlHaus(Extractor):
    """Reads URLs with what they serve."""

    name = "urlhaus"
    summary = "abuse.ch URLhaus: URLs that serve malware, with tags, state and payloads (CSV, JSON)"

    def extract(self, document: Document) -> Subgraph:
        """Return what is listed."""
        return extract_entries(document, source="URLhaus", layout=_LAYOUT, array="urls", state=_state)


def _state(building: Building, record: Record, position: Position) -> None:
    text = record.text("url")
    if not names_one(text):
        building.skip(position, f"names no URL: {(text or record.text('query_status'))[:60]!r}")
        return
    first = date(record, "dateadded", "date_added")
    uri = accuse(
        building,
        building.malware(record.text("threat"), position),
        text,
        position,
        properties={
            "tags": tags(record),
            "status": record.text("url_status"),
            "firstSeen": first,
            "lastSeen": date(record, "last_online") or first,
            "references": one(record.text("urlhaus_link") or record.text("urlhaus_reference")),
            "reporter": one(record.text("reporter")),
        },
    )
    for payload in record.records("payloads"):
        _payload(building, payload, uri, position)


def _payload(building: Building, payload: Record, uri: str, position: Position) -> None:
    """State a file that was served."""
    size = payload.number("response_size")
    file = place_file(
        building,
        payload.text("response_sha256") or payload.text("sha256_hash") or payload.text("response_md5"),
        position,
        md5=payload.text("response_md5").lower(),
        fileName=one(payload.text("filename")),
        fileType=payload.text("file_type"),
        size=int(size) if size is not None else None,
        firstSeen=date(payload, "firstseen"),
    )
    building.edge(uri, file, SUB_OBSERVABLE, position)
    malware = building.malware(payload.text("signature"), position)
    building.edge(malware, file, OBSERVABLE, position)
    building.edge(malware, uri, OBSERVABLE, position)
