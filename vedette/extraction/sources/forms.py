"""The standard forms of our probes: how one is read, and what they have in common.

Only their JSON is known here: the tools themselves bring network libraries that nothing else of an extraction needs.
"""

from __future__ import annotations

from abc import abstractmethod

from vedette.canonical import parse_json
from vedette.errors import RefusedError
from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.drafting import Given
from vedette.extraction.entries import done
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.records import Record
from vedette.extraction.subgraph import WHOLE, Position, Subgraph
from vedette.extraction.urls import place_host

MAX_FORM = 64 * 1024 * 1024
"""Bytes of a form: as objects it takes up to twenty times its size."""


class FormExtractor(Extractor):
    """Reads one of our probes' forms: its `form` is the extractor's name with a version behind it."""

    def extract(self, document: Document) -> Subgraph:
        """Return what the probe saw; empty where it saw nothing.

        Raises:
            ExtractionError: it is no such form, or nothing of it can be read.
        """
        building = Building(source=self.name)
        form = Record(read_form(document.content, self.name), lambda reason: building.skip(WHOLE, reason))
        self.state(building, form)
        return done(building)

    @abstractmethod
    def state(self, building: Building, form: Record) -> None:
        """State what a form says."""


def read_json(content: bytes) -> object:
    """Return what a probe sent as JSON.

    Raises:
        ExtractionError: not JSON, or too large.
    """
    if len(content) > MAX_FORM:
        raise ExtractionError(f"{len(content)} bytes; forms up to {MAX_FORM} are read")
    try:
        return parse_json(content)
    except RefusedError as error:
        raise ExtractionError(error.reason) from error


def read_form(content: bytes, name: str) -> object:
    """Return a form; the one within, where a parser put the output of the tool beside it.

    Raises:
        ExtractionError: not JSON, or another form.
    """
    value = read_json(content)
    if isinstance(value, dict) and "parser" in value and "result" in value:
        value = value["result"]
    if not isinstance(value, dict):
        raise ExtractionError(f"not a form of {name}")
    said = str(value.get("form", ""))
    if said.partition("/")[0] != name:
        raise ExtractionError(f"its form is {said[:60]!r}, not {name!r}")
    return value


def place_target(building: Building, target: str, address: str, position: Position = WHOLE) -> str:
    """Make what a probe looked at, and what its name resolved to; returns the id of the address, else of the name.

    Args:
        building: what is stated so far.
        target: a host name or an address.
        address: the address that was spoken to; empty: not known.
        position: where it stands.
    """
    host = place_host(building, target, position) if target else ""
    ip = building.ip(address, position) if address else ""
    if host and ip and host != ip:
        resolve(building, host, ip, position)
    return ip or host


def resolve(building: Building, name: str, found: str, position: Position = WHOLE, **properties: Given) -> str:
    """State what a name, or an address, resolved to: `X_resolved_to_Y`, with both; returns its id.

    Nothing, and an empty id, where one of them is empty.
    """
    if not name or not found:
        return ""
    here, there = building.name_of(name), building.name_of(found)
    said: dict[str, Given] = {"description": f"Requested {here} resolved to {there}", **properties}
    record = building.add(
        "Observable", f"{here}_resolved_to_{there}", said, observable="DNS Record", position=position
    )
    building.edge(record, name, SUB_OBSERVABLE, position)
    building.edge(record, found, SUB_OBSERVABLE, position)
    return record


def milliseconds_of(form: Record, key: str) -> int | None:
    """Return a time of a form, which is in microseconds, as milliseconds; None where it has none."""
    time = form.number(key)
    return None if time is None else int(time) // 1_000
