"""Extractors that are a mapping: what a row says is read from it, so that a new source is a file and three lines."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Object
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from vedette.extraction.building import Building
from vedette.extraction.drafting import Given
from vedette.extraction.entries import refuse_empty
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.making import MAKES
from vedette.extraction.mapping import HOST, EdgeMapping, Mapping, VertexMapping, load_mapping
from vedette.extraction.subgraph import WHOLE, Position, Subgraph
from vedette.extraction.tables import rows
from vedette.extraction.terms import Cells, TermReader

_HOST_KEYS = ("hostname", "host", "agent")
"""Members of an item's meta that name the machine it is about; the first that is there."""

_MAX_DEPTH = 5


class Members:
    """A JSON object as a row; members of members are `outer.inner`."""

    __slots__ = ("_value", "position")

    def __init__(self, value: Object[str, Any], position: Position) -> None:
        self._value = value
        self.position = position

    def __getitem__(self, column: str) -> str:
        """Return a member as text; empty where it is an object or array."""
        value: Any = self._value
        for name in column.split(".", _MAX_DEPTH):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value.strip()
        return str(value) if isinstance(value, int | float) else ""


class MappedExtractor(Extractor):
    """Reads tables, or JSON objects, as a mapping says: a subclass names itself and its file."""

    mapping: ClassVar[Path]
    """The mapping's file."""
    source: ClassVar[str] = ""
    """What vertices say where they come from; empty: as the mapping has it."""

    def extract(self, document: Document) -> Subgraph:
        """Return what the rows say; empty where there are none.

        Raises:
            ExtractionError: it is no table, or none of its rows can be read.
            ConfigurationError: the mapping is wrong.
        """
        reading = reader(self.mapping_of(document))
        building = Building(source=self.source or reading.mapping.source)
        reading.read(document, building)
        return building.done()

    def mapping_of(self, document: Document) -> Path:
        """Return the file of the mapping that a document is read by."""
        return self.mapping


class Reader:
    """A mapping, made ready to read rows."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._leave_out = [
            (column, frozenset(word.casefold() for word in words)) for column, words in mapping.leave_out.items()
        ]
        readers = [_VertexReader(key, vertex) for key, vertex in mapping.vertices.items()]
        self._of_document = [vertex for vertex in readers if vertex.is_of_document]
        self._of_row = [vertex for vertex in readers if not vertex.is_of_document]
        self._edges = [_EdgeReader(edge) for edge in mapping.edges]

    def read(self, document: Document, building: Building) -> None:
        """Add what a document's rows say.

        Raises:
            ExtractionError: it is no table, or none of its rows can be read.
        """
        host = host_of(document.meta)
        if not document.content.strip():
            return
        # Who is watched is known even where nothing happens.
        whole = Members({}, WHOLE)
        made = {vertex.key: vertex.make(whole, host, building) for vertex in self._of_document}
        read = 0
        for row in self._rows(document, building):
            read += self._row(row, host, building, made)
        if building.skipped and not read:
            raise ExtractionError(f"none of its rows can be read; {building.first_problem}")

    def _rows(self, document: Document, building: Building) -> Iterator[Cells]:
        if self.mapping.rows == "table":
            columns = document.meta.get("columns")
            named = columns if isinstance(columns, list) and all(isinstance(name, str) for name in columns) else ()
            yield from rows(document.content, self.mapping.layout, building.skip, columns=named)
        else:
            yield from objects(document, building)

    def _row(self, row: Cells, host: str, building: Building, made: Object[str, str]) -> bool:
        """Add what one row says; tells whether it can be read."""
        if self._is_left_out(row):
            return True
        reason = self._objection(row, building)
        if reason:
            building.skip(row.position, reason)
            return False
        before = building.skipped
        ids = {vertex.key: vertex.make(row, host, building) for vertex in self._of_row}
        if ids and not any(ids.values()):
            if building.skipped == before:
                building.skip(row.position, "none of its columns says anything")
            return False
        ids.update(made)
        for edge in self._edges:
            edge.state(ids, row, host, building)
        return True

    def _is_left_out(self, row: Cells) -> bool:
        cells = [(row[column].casefold(), words) for column, words in self._leave_out]
        # A row that is empty in all of them is of no known kind, and not of one that is left out.
        return any(cell in words for cell, words in cells) and any(cell for cell, _ in cells)

    def _objection(self, row: Cells, building: Building) -> str:
        for column in self.mapping.needs:
            if not row[column]:
                return f"no {column}"
        for column in self.mapping.addresses:
            text = row[column]
            if text and not building.is_ip(text):
                return f"{column}: {text[:60]!r} is no IP address"
        return ""


@cache
def reader(file: Path) -> Reader:
    """Return a mapping's reader; the file is read once.

    Raises:
        ConfigurationError: the mapping is wrong.
    """
    return Reader(load_mapping(file))


def objects(document: Document, building: Building, *, arrays: tuple[str, ...] = ()) -> Iterator[Members]:
    """Yield the JSON objects of a document, one or several, in arrays or not; what is none is said.

    Raises:
        ExtractionError: empty, or no JSON where it begins; what is cut off later is said as a problem.
    """
    refuse_empty(document)
    number = 0
    try:
        for entry in json_entries(document.content, arrays=arrays):
            number += 1
            position = Position(f"record {number}", entry.start, entry.end)
            if isinstance(entry.value, dict):
                yield Members(entry.value, position)
            else:
                building.skip(position, "is no JSON object")
    except ExtractionError as error:
        if not number:
            raise
        building.skip(Position(f"record {number + 1}"), str(error))


def host_of(meta: Object[str, Any]) -> str:
    """Return the machine that an item is about; empty where its meta does not say."""
    for key in _HOST_KEYS:
        value = meta.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


class _VertexReader:
    """One vertex of a row."""

    def __init__(self, key: str, vertex: VertexMapping) -> None:
        self.key = key
        self._vertex = vertex
        self._of = [TermReader(term) for term in vertex.of]
        readers = [(name, term.rule, TermReader(term)) for name, term in vertex.properties.items()]
        self._said = [(name, term) for name, rule, term in readers if rule is None]
        self._amended = [(name, rule, term) for name, rule, term in readers if rule is not None]
        self._make = MAKES.get(vertex.make)
        self._required = 1 if self._make is None else self._make.least

    @property
    def is_of_document(self) -> bool:
        """Tell whether nothing of it is in the rows."""
        terms = (*self._vertex.of, *self._vertex.properties.values())
        return {name for term in terms for name in term.columns} == {HOST}

    def make(self, row: Cells, host: str, building: Building) -> str:
        """Make it; an empty id where a part of its name is empty."""
        of = [term.text(row, host, building) for term in self._of]
        if not all(of[: self._required]):
            return ""
        said: dict[str, Given] = {name: term.value(row, host, building) for name, term in self._said}
        if self._make is not None:
            made = self._make.make(building, of, row.position, said)
        else:
            type, observable = self._vertex.type, self._vertex.observable
            said = {"description": of[0]} | said
            made = building.add(type, of[0], said, observable=observable, position=row.position)
        for name, rule, term in self._amended if made else ():
            value = term.value(row, host, building)
            if not isinstance(value, list):
                building.amend(made, rule, **{name: value})
        return made


class _EdgeReader:
    """One relation of a row."""

    def __init__(self, edge: EdgeMapping) -> None:
        self._edge = edge
        self._properties = [(name, TermReader(term)) for name, term in edge.properties.items()]

    def state(self, made: Object[str, str], row: Cells, host: str, building: Building) -> None:
        """State it where both ends are made."""
        said: dict[str, Given] = {name: term.value(row, host, building) for name, term in self._properties}
        building.edge(made[self._edge.out], made[self._edge.into], self._edge.relation, row.position, **said)
