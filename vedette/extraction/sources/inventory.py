"""`installed_package`, `servicelist`: what hosts have: packages and services, as tables and as our own lists."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.entries import is_json
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.mapped import MappedExtractor, host_of
from vedette.extraction.subgraph import Position, Subgraph

_FOLDER = Path(__file__).parent
_MAX_LIST = 64 * 1024 * 1024


class _Inventory(MappedExtractor):
    """Reads a table, or a list of what a host has."""

    list_source: ClassVar[str]
    """What the list is called as a source."""
    probe_kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds by which a probe's own form is known."""

    def extract(self, document: Document) -> Subgraph:
        """Return what hosts have; what a difference says was removed is no more.

        Raises:
            ExtractionError: nothing of it can be read.
        """
        if not is_json(document):
            return super().extract(document)
        building = Building(source=self.list_source)
        said = _object(document)
        host = building.hostname(host_of(document.meta))
        for kind, name, value in _entries(said, building, kinds=self.probe_kinds):
            self._add(building, host, kind, name, value, Position(f"{kind} {name}"[:200]))
        return building.done()

    @abstractmethod
    def _add(self, building: Building, host: str, kind: str, name: str, value: str, position: Position) -> None:
        """Add what a host has."""


class InstalledPackage(_Inventory):
    """Reads installed packages."""

    name = "installed_package"
    summary = "Installed packages by host: Stucco's columns, and the lists of the collector PACKAGES and the probes"
    mapping = _FOLDER / "installed_package.yml"
    list_source = "PackageList"
    probe_kinds = ("dpkg", "rpm", "python")

    def _add(self, building: Building, host: str, kind: str, name: str, value: str, position: Position) -> None:
        software = building.product(name, position, version=value, alias=f"{name}_{value}", packageManager=[kind])
        building.edge(host, software, SUB_OBSERVABLE, position)


class ServiceList(_Inventory):
    """Reads services and their ports, or what runs and listens on a host."""

    name = "servicelist"
    summary = "Services: IANA's register, and the lists of the collector SERVICES"
    mapping = _FOLDER / "servicelist.yml"
    list_source = "service_list"

    def _add(self, building: Building, host: str, kind: str, name: str, value: str, position: Position) -> None:
        if kind == "listening":
            _listening(building, host, name, value, position)
        else:
            unit = building.process(name, position, state=value)
            building.edge(host, unit, SUB_OBSERVABLE, position)


def _listening(building: Building, host: str, place: str, programs: str, position: Position) -> None:
    """Add who listens at a place such as `tcp [::]:22`."""
    protocol, _, where = place.partition(" ")
    ip, _, port = where.rpartition(":")
    address = building.socket(ip, port, position, protocol=[protocol])
    building.edge(host, address, SUB_OBSERVABLE, position)
    for program in programs.split():
        process = building.process(program, position)
        building.edge(host, process, SUB_OBSERVABLE, position)
        building.edge(address, process, SUB_OBSERVABLE, position)


def _object(document: Document) -> Mapping[str, Any]:
    if len(document.content) > _MAX_LIST:
        raise ExtractionError(f"a list of {len(document.content)} bytes; {_MAX_LIST} are read at most")
    try:
        value = orjson.loads(document.content)
    except orjson.JSONDecodeError as error:
        raise ExtractionError(f"it is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ExtractionError("it is no JSON object: a list of packages or services is expected")
    return value


def _entries(
    said: Mapping[str, Any], building: Building, *, kinds: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and version or state of what is there: of a list, of a difference, or of a probe's form.

    Raises:
        ExtractionError: it is none of them.
    """
    lists, changes = said.get("list"), said.get("changes")
    if isinstance(lists, dict):
        yield from _named(lists, building)
    elif isinstance(changes, dict):
        for kind, change in changes.items():
            after = change if isinstance(change, dict) else {}
            yield from _named({kind: after.get("added") or {}}, building)
            changed = after.get("changed")
            pairs = changed.items() if isinstance(changed, dict) else ()
            latest = {name: pair[-1] for name, pair in pairs if isinstance(pair, list) and pair}
            yield from _named({kind: latest}, building)
    elif any(kind in said for kind in kinds):
        yield from _named({kind: said[kind] for kind in kinds if said.get(kind) is not None}, building)
    else:
        raise ExtractionError("it is no list, and no difference of lists: `list` or `changes` is missing")


def _named(lists: Mapping[str, Any], building: Building) -> Iterator[tuple[str, str, str]]:
    for kind, entries in lists.items():
        if not isinstance(entries, dict):
            building.skip(Position(kind[:200]), "is no object of names")
            continue
        for name, value in entries.items():
            if isinstance(value, str):
                yield kind, name, value
            else:
                building.skip(Position(f"{kind} {name}"[:200]), "is no text")
