"""`caida`: CAIDA's inferred owners of autonomous systems (`as-org2info`), and the prefixes they announce (`pfx2as`).

Either alone is a document, and both in one are, too. The first has two tables, each behind a line `# format:…`, and
fields apart by `|`; or it is JSON lines. The second has fields apart by tabs: prefix, length, and origin, where `_`
joins systems that both announce it, and `,` those of a set (BGP's AS_SET).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.entries import MAX_UNREAD, done, each, is_json
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_entries
from vedette.extraction.lines import Line, lines
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph

_ORIGINS = re.compile(r"[_,]")
_ORGANIZATION = ("org_id", "changed", "org_name", "country", "source")
_SYSTEM = ("aut", "changed", "aut_name", "org_id", "source")
_FORMAT = "# format:"


@dataclass(slots=True)
class _Tables:
    """What is being read: names of the columns, and organisations by id, which systems name before or after them."""

    columns: tuple[str, ...] = ()
    organizations: dict[str, str] = field(default_factory=dict)
    owned: list[tuple[str, str, Position]] = field(default_factory=list)


class Caida(Extractor):
    """Reads systems, who they belong to, and their prefixes."""

    name = "caida"
    summary = "CAIDA: autonomous systems, their organisations (as-org2info) and prefixes (pfx2as), v4 and v6"

    def extract(self, document: Document) -> Subgraph:
        """Return what the tables state."""
        building, tables = Building(source="CAIDA"), _Tables()
        if is_json(document):
            for entry in each(building, json_entries(document.content, arrays=())):
                _object(building, tables, entry.value, entry.position(""))
        else:
            for line in lines(document.content, building.skip):
                _line(building, tables, line)
                if building.is_empty and building.skipped > MAX_UNREAD:
                    break
        for organization, system, position in tables.owned:
            building.edge(tables.organizations.get(organization, ""), system, SUB_OBSERVABLE, position)
        return done(building)


def _line(building: Building, tables: _Tables, line: Line) -> None:
    text = line.text
    if text.startswith(_FORMAT):
        tables.columns = tuple(name.strip() for name in text.removeprefix(_FORMAT).split("|"))
    elif text.startswith("#") or not text.strip():
        return
    elif "|" in text:
        cells = [cell.strip() for cell in text.split("|")]
        columns = tables.columns or _guessed(cells)
        if len(cells) != len(columns):
            building.skip(line.position, f"{len(cells)} fields, but {len(columns)} columns")
            return
        _said(building, tables, dict(zip(columns, cells, strict=True)), line.position)
    else:
        _prefix(building, text.split(), line.position)


def _guessed(cells: list[str]) -> tuple[str, ...]:
    """Return the columns of a row without a header: numbers come first where it is of systems."""
    return _SYSTEM if cells[0].isdigit() else _ORGANIZATION


def _object(building: Building, tables: _Tables, value: object, position: Position) -> None:
    record = Record(value, lambda reason: building.skip(position, reason))
    names = {
        "org_id": "organizationId",
        "changed": "changed",
        "org_name": "name",
        "aut_name": "name",
        "country": "country",
        "source": "source",
        "aut": "asn",
    }
    columns = _SYSTEM if record.text("type").upper() == "ASN" else _ORGANIZATION
    _said(building, tables, {column: record.text(names[column]) for column in columns}, position)


def _said(building: Building, tables: _Tables, said: dict[str, str], position: Position) -> None:
    """Take one row of either of the two tables."""
    id, registry = said.get("org_id", ""), said.get("source", "")
    if "aut" in said:
        number, name = said["aut"], said.get("aut_name", "")
        if not number.isdigit():
            building.skip(position, f"{number[:60]!r} is no autonomous system")
            return
        words = f"AS {name} has ASN {number}" if name else None
        system = building.autonomous_system(number, position, description=words, asName=name, registry=registry)
        if id:
            tables.owned.append((id, system, position))
    elif said.get("org_name"):
        name, country = said["org_name"], said.get("country", "")
        where = f" located in {country}" if country else ""
        tables.organizations[id] = building.organization(
            name,
            position,
            description=f"Organization {name}{where} has a range of IP addresses",
            organizationId=[id] if id else None,
            countryCode=country,
            registry=registry,
        )
    else:
        building.skip(position, "neither a system nor an organisation")


def _prefix(building: Building, cells: list[str], position: Position) -> None:
    if len(cells) != 3:
        building.skip(position, f"{len(cells)} fields, not prefix, length and system")
        return
    made = building.address_range(f"{cells[0]}/{cells[1]}", position=position)
    if not made:
        return
    for number in _numbers(cells[2]):
        if number.isascii() and number.isdigit() and len(number) <= 10:
            building.edge(building.autonomous_system(number, position), made, SUB_OBSERVABLE, position)
        else:
            building.skip(position, f"{number[:60]!r} is no autonomous system")


def _numbers(origin: str) -> Iterator[str]:
    yield from (number for number in _ORIGINS.split(origin) if number)
