"""The exporter `ndjson`: a line of JSON for each investigation, fact, edge, scan and proof.

Newline-delimited JSON (https://github.com/ndjson/ndjson-spec), UTF-8. The line of an investigation comes before those
of what is in it; see `records.py` for their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vedette.sharing.files import FileExporter
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.sinks.records import UnfitError, head_line, records_of


class Ndjson(FileExporter):
    """Writes lines of JSON."""

    name = "ndjson"
    summary = "A line of JSON for each fact, edge, scan and proof"
    suffix = ".ndjson"
    content_type = "application/x-ndjson"

    def parts(self, investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
        """Yield the lines, one investigation after the other."""
        for investigation in investigations:
            withheld.extend(investigation.withheld)
            yield head_line(investigation) + b"\n"
            for record in records_of(investigation):
                try:
                    yield record.line() + b"\n"
                except UnfitError as error:
                    withheld.append(record.withheld(str(error)))
