"""What abuse.ch's feeds have in common: the shapes of their JSON, and their dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from vedette.extraction.building import Building
from vedette.extraction.dates import milliseconds
from vedette.extraction.entries import done, each, first_byte, is_json
from vedette.extraction.interface import Document
from vedette.extraction.json_entries import json_entries, json_members
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout, rows

Stater = Callable[[Building, Record, Position], None]
"""States what one entry says."""

_DUMP = re.compile(rb'\{\s{0,100}"\d{1,12}"\s{0,100}:')
_DATE = "%Y-%m-%d %H:%M:%S UTC"


def extract_entries(document: Document, *, source: str, layout: Layout, array: str, state: Stater) -> Subgraph:
    """Return what the entries of a feed state, be it CSV, a dump in JSON, or an answer of the API.

    Args:
        document: the feed.
        source: what vertices name as their source.
        layout: columns of the CSV; members of JSON are called likewise, or nearly so.
        array: name of the array in an answer of the API.
        state: is called with each entry.

    Raises:
        ExtractionError: not one entry can be read.
    """
    building = Building(source=source)
    if is_json(document):
        entries = _objects(building, document.content, array)
    else:
        table = rows(document.content, layout, building.skip)
        entries = ((row.named(layout.columns), row.position) for row in table)
    for value, position in entries:
        if isinstance(value, dict):
            state(building, Record(value, _complaint(building, position)), position)
        else:
            building.skip(position, "is no object")
    return done(building)


def date(record: Record, *keys: str) -> int | None:
    """Return the first of some members that is a date, as milliseconds since 1970."""
    return next((found for key in keys if (found := milliseconds(record.text(key), _DATE)) is not None), None)


def tags(record: Record) -> list[str] | None:
    """Return an entry's tags, which CSV has in one cell; None where it has none."""
    found = [part.strip() for tag in record.texts("tags") for part in tag.split(",")]
    return [tag for tag in found if tag and tag != "None"] or None


def one(text: str) -> list[str] | None:
    """Return a text as a set that others may add to; None where it says nothing."""
    return [text] if text not in {"", "None"} else None


def _objects(building: Building, content: bytes, array: str) -> Iterator[tuple[Any, Position]]:
    """Yield the objects that are about one thing each, of a dump (arrays of them, by their numbers) or an answer."""
    if _DUMP.match(content, first_byte(content)) is None:
        for entry in each(building, json_entries(content, arrays=(array,))):
            yield entry.value, entry.position("")
        return
    for entry in each(building, json_members(content)):
        for value in entry.value if isinstance(entry.value, list) else [entry.value]:
            yield value, entry.position(entry.key)


def _complaint(building: Building, position: Position) -> Callable[[str], None]:
    return lambda reason: building.skip(position, reason)
