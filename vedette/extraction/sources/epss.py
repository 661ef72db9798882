"""`epss`: how likely it is that a vulnerability is exploited (FIRST's EPSS), the daily CSV and the API's JSON.

A score is of a day: the graph keeps the latest, and each day's as a mention.
"""

from __future__ import annotations

import re
from functools import partial
from typing import ClassVar

from vedette.extraction.building import Building
from vedette.extraction.dates import checked_date
from vedette.extraction.drafting import Given
from vedette.extraction.entries import done, each, first_byte, is_json
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.records import Record, number_of
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout, rows
from vedette.extraction.vulnerabilities import cve_id

_LAYOUT = Layout(columns=("cve", "epss", "percentile"), comment="#", ragged=True)
# `#model_version:v2023.03.01,score_date:2026-11-22T00:00:00+0000`
_COMMENT = re.compile(rb"#([^\r\n]{0,400})")
_FORM = "%Y-%m-%dT%H:%M:%S%z"


class Epss(Extractor):
    """Reads score and percentile of vulnerabilities, with the day and the model that they are of."""

    name: ClassVar[str] = "epss"
    summary: ClassVar[str] = "FIRST's EPSS: the daily CSV, or the API's JSON"

    def extract(self, document: Document) -> Subgraph:
        """Return vulnerabilities with their scores."""
        building = Building(source="EPSS")
        if is_json(document):
            for entry in each(building, json_entries(document.content, arrays={"data"})):
                record = Record(entry.value, partial(building.skip, entry.position("")))
                position = entry.position(record.text("cve"))
                date = checked_date(building, position, "date", record.text("date"))
                cells = (record.text("cve"), record.text("epss"), record.text("percentile"))
                _add(building, cells, position, {"epssDate": date})
        elif first_byte(document.content) < len(document.content):
            of = _comment(building, document.content)
            for row in rows(document.content, _LAYOUT, building.skip):
                _add(building, (row["cve"], row["epss"], row["percentile"]), row.position, of)
        return done(building)


def _comment(building: Building, content: bytes) -> dict[str, Given]:
    """Return the day and the model, which a comment above the header names."""
    begin = first_byte(content)
    found = _COMMENT.match(content, begin)
    if found is None:
        return {}
    pairs = (part.partition(":") for part in found[1].decode("utf-8", errors="replace").split(","))
    said = {name.strip(): value.strip() for name, _, value in pairs}
    position = Position("comment", begin, found.end())
    date = checked_date(building, position, "score_date", said.get("score_date", ""), _FORM)
    return {"epssDate": date, "epssModel": said.get("model_version")}


def _add(building: Building, cells: tuple[str, str, str], position: Position, of: dict[str, Given]) -> None:
    name, score, percentile = cve_id(cells[0]), number_of(cells[1]), number_of(cells[2])
    if not name:
        building.skip(position, f"{cells[0][:60]!r} is no CVE id")
    elif score is None or not 0 <= score <= 1:
        building.skip(position, f"epss: {cells[1][:60]!r} is no probability")
    else:
        building.vulnerability(name, position, description=None, epssScore=score, epssPercentile=percentile, **of)
