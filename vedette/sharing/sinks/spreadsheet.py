"""The exporter `csv`: a row for each fact, for spreadsheets and databases (RFC 4180, UTF-8 without a mark).

Columns: `investigation` (its key), `tlp`, `type`, `observable_type`, `name`, `description`, `first_seen`, `last_seen`
(ISO 8601, UTC), `mentions`, `confidence` (0 to 1), `malicious`, `alarming`, `own`, `reviewed` (`true`, `false`),
`warned` (the warning list), `sources`, `items` (each a list, one value a line), `properties` (JSON), `vertex` (id).

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and names are chosen by strangers:
such a cell gets an apostrophe before it (OWASP, "CSV Injection"), and control characters become U+FFFD.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from vedette.clock import iso_time
from vedette.sharing.files import FileExporter
from vedette.sharing.investigation import Fact, Investigation, Withheld
from vedette.sharing.sinks.records import UnfitError, records_of

COLUMNS: Final = (
    "investigation",
    "tlp",
    "type",
    "observable_type",
    "name",
    "description",
    "first_seen",
    "last_seen",
    "mentions",
    "confidence",
    "malicious",
    "alarming",
    "own",
    "reviewed",
    "warned",
    "sources",
    "items",
    "properties",
    "vertex",
)
"""Names of the columns, in their order."""

# The wide forms become the narrow ones in some spreadsheets; blanks before them are skipped by others.
_FORMULA: Final = re.compile(r"[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Csv(FileExporter):
    """Writes a table."""

    name = "csv"
    summary = "A table with a row for each fact"
    suffix = ".csv"
    content_type = "text/csv; charset=utf-8; header=present"

    def parts(self, investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
        """Yield the rows of one table with all facts."""
        return _rows(investigations, withheld)


def safe_cell(text: str) -> str:
    """Return a stranger's text as a cell that no spreadsheet computes."""
    shown = _CONTROL.sub("\ufffd", text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _rows(investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
    yield _row(COLUMNS)
    for investigation in investigations:
        withheld.extend(investigation.withheld)
        for fact, record in zip(investigation.facts, records_of(investigation), strict=False):
            try:
                record.line()
            except UnfitError as error:
                withheld.append(record.withheld(str(error)))
            else:
                yield _row(_cells(investigation, fact, record.values["properties"]))


def _cells(investigation: Investigation, fact: Fact, properties: dict[str, Any]) -> list[str]:
    vertex = fact.vertex
    others = {name: value for name, value in properties.items() if name not in {"name", "description"}}
    described = properties.get("description", "")
    return [
        safe_cell(investigation.key),
        investigation.tlp.value,
        safe_cell(vertex.type),
        safe_cell(vertex.observable_type),
        safe_cell(vertex.name),
        safe_cell("\n".join(described) if isinstance(described, list) else str(described)),
        iso_time(vertex.first_seen),
        iso_time(vertex.last_seen),
        str(vertex.mentions),
        str(fact.confidence),
        *(str(one).lower() for one in (fact.malicious, fact.alarming, fact.own, fact.reviewed)),
        safe_cell(fact.warned),
        safe_cell("\n".join(fact.sources)),
        safe_cell("\n".join(fact.items)),
        safe_cell(orjson.dumps(others).decode()),
        safe_cell(vertex.id),
    ]


def _row(cells: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
