"""`metasploit`: the modules of the Metasploit framework, as a table (CSV) or as its `modules_metadata_base.json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from vedette.extraction.building import EXPLOITS, Building
from vedette.extraction.dates import checked_date
from vedette.extraction.entries import done, each, first_byte, is_json
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.json_entries import json_members
from vedette.extraction.records import Record
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.tables import Layout, Row, rows
from vedette.extraction.vulnerabilities import cve_id

_LAYOUT = Layout(
    columns=(
        "id",
        "mtime",
        "file",
        "mtype",
        "refname",
        "fullname",
        "name",
        "rank",
        "description",
        "license",
        "privileged",
        "disclosure_date",
        "default_target",
        "default_action",
        "stance",
        "ready",
        "ref_names",
        "author_names",
    )
)
# With a zone behind white space: `2017-07-24 06:26:21 +0000`.
_TIME = "%Y-%m-%d %H:%M:%S %z"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Module:
    """One module, in whichever form it is written."""

    fullname: str
    name: str
    description: str
    type: str
    rank: str
    path: str
    modified: str
    disclosed: str
    references: tuple[str, ...]
    authors: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Metasploit(Extractor):
    """Reads modules: an exploit each, and the vulnerabilities that it exploits."""

    name: ClassVar[str] = "metasploit"
    summary: ClassVar[str] = "Metasploit's modules: CSV, or modules_metadata_base.json"

    def extract(self, document: Document) -> Subgraph:
        """Return exploits, and the vulnerabilities that they exploit."""
        building = Building(source="Metasploit")
        if is_json(document):
            for entry in each(building, json_members(document.content)):
                module = _of_record(Record(entry.value, partial(building.skip, entry.position(entry.key))))
                _add(building, module, entry.position(module.fullname or entry.key))
        elif first_byte(document.content) < len(document.content):
            for row in rows(document.content, _LAYOUT, building.skip):
                _add(building, _of_row(row), row.position)
        return done(building)


def _add(building: Building, module: _Module, position: Position) -> None:
    if not module.fullname:
        building.skip(position, "a module without a full name")
        return
    exploit = building.exploit(
        module.fullname,
        position,
        description=module.description,
        shortDescription=module.name,
        exploitType=module.type,
        rank=module.rank,
        path=module.path,
        modifiedDate=checked_date(building, position, "modified", module.modified, _TIME),
        discoveryDate=checked_date(building, position, "disclosure_date", module.disclosed, _TIME),
        references=module.references,
        authors=module.authors,
        platforms=module.platforms,
        targets=module.targets,
        alias=module.aliases,
    )
    for name in dict.fromkeys(filter(None, map(cve_id, module.references))):
        vulnerability = building.vulnerability(name, position)
        building.edge(exploit, vulnerability, EXPLOITS, position)


def _of_row(row: Row) -> _Module:
    return _Module(
        fullname=row["fullname"],
        name=row["name"],
        description=row["description"],
        type=row["mtype"],
        rank=row["rank"],
        path=row["file"],
        modified=row["mtime"],
        disclosed=row["disclosure_date"],
        references=_listed(row["ref_names"].split(", ")),
        authors=_listed(row["author_names"].split(", ")),
    )


def _of_record(said: Record) -> _Module:
    return _Module(
        fullname=said.text("fullname"),
        name=said.text("name"),
        description=" ".join(said.text("description").split()),
        type=said.text("type"),
        rank=said.text("rank"),
        path=said.text("path"),
        modified=said.text("mod_time"),
        disclosed=said.text("disclosure_date"),
        references=_listed(said.texts("references")),
        authors=_listed(said.texts("author")),
        platforms=_listed(said.text("platform").split(",")),
        targets=_listed(said.texts("targets")),
        aliases=_listed(said.texts("aliases")),
    )


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(plain for text in texts if (plain := text.strip()))
