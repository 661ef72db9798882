"""A small fleet to gather investigations from: a store with stamped items, and the graph of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from registry.database import Database
from registry.graph_writing import GraphWriter
from registry.investigations import Investigations
from tests.registry.conftest import Sender
from tests.registry.kept import Kept
from tests.sharing_parts import AT
from vedette.canonical import canonical_json
from vedette.clock import ManualClock
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.sources.nmap import Nmap
from vedette.extraction.sources.threatfox import ThreatFox
from vedette.graph.port import Origin, Said
from vedette.messages.item import ReceivedItem
from vedette.sharing.investigation import Fact, Investigation
from vedette.sharing.own import Own
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection
from vedette.sharing.warning_lists import WarningLists

INSTANCE = UUID("6d1f7d0e-3c1c-4a63-9a53-52c3a2f3b5d1")
PROBE_SOURCE = "vedette.in.structured.nmap-xml.probe"
FEED_SOURCE = "vedette.in.structured.threatfox"
SCAN: dict[str, Any] = {
    "source": PROBE_SOURCE,
    "content_type": "application/xml",
    "exit_code": 0,
    "check": "check-1",
}


def uuid_of(number: int) -> str:
    """The uuid of the number-th item."""
    return str(UUID(int=number, version=4))


def scanned(address: str, *, name: str = "", ports: Mapping[int, str] | None = None) -> bytes:
    """What nmap puts out of a host with these ports and services."""
    named = f'<hostnames><hostname name="{name}" type="user"/></hostnames>' if name else ""
    listed = "".join(
        f'<port protocol="tcp" portid="{port}"><state state="open"/><service name="{service}"/></port>'
        for port, service in (ports or {22: "ssh", 443: "https"}).items()
    )
    return (
        '<?xml version="1.0"?><nmaprun scanner="nmap" version="7.94"><host endtime="1795305605">'
        f'<status state="up"/><address addr="{address}" addrtype="ipv4"/>{named}<ports>{listed}</ports></host>'
        '<runstats><finished time="1795305606" exit="success"/></runstats></nmaprun>'
    ).encode()


def listed(*entries: tuple[str, str, str]) -> bytes:
    """What ThreatFox lists: value, its type there, malware."""
    rows = [
        f'"2026-11-20 10:00:00", "{number}", "{value}", "{kind}", "botnet_cc", "win.x", "None", "{malware}", "",'
        f' "75", "False", "None", "{malware.lower()}", "0", "someone"'
        for number, (value, kind, malware) in enumerate(entries)
    ]
    return "\n".join(["# ThreatFox", *rows, ""]).encode()


def origin_of(number: int, *, source: str = FEED_SOURCE, extractor: Extractor | None = None) -> Origin:
    """Where what the number-th item says comes from; by itself, ThreatFox's list."""
    reader = extractor or ThreatFox()
    return Origin(
        item=uuid_of(number),
        sha256=f"{number:064x}",
        source=source,
        agent="probe@localhost",
        extractor=reader.name,
        version=reader.version,
        observed_at=AT + number,
    )


def warning_lists(folder: Path) -> Path:
    """Write a list of resolvers to a folder."""
    resolvers = {
        "name": "Known public DNS resolvers",
        "type": "cidr",
        "matching_attributes": ["ip-src", "ip-dst"],
        "list": ["8.8.8.8", "9.9.9.0/24"],
    }
    (folder / "resolvers").mkdir(parents=True)
    (folder / "resolvers" / "list.json").write_bytes(canonical_json(resolvers))
    return folder


class Fleet:
    """A fleet whose investigations are gathered."""

    def __init__(self, *, database: Database, graph: Database, clock: ManualClock, folder: Path) -> None:
        self.kept = Kept(database=database, clock=clock, folder=folder, sender=Sender("probe@localhost"))
        self.database = database
        self.graph = graph
        self.clock = clock
        self.write = GraphWriter(database=graph, clock=clock)
        self.lists = WarningLists(warning_lists(folder / "lists"))

    async def scan(self, number: int, target: str, payload: bytes, *, stamped: bool = True, **meta: Any) -> str:
        """Commit what nmap put out, and merge what it says; returns the item's uuid."""
        words = {"target": target, "command": ["nmap", "-oX", "-", target], **SCAN, **meta}
        return await self.item(number, payload, Nmap(), form="nmap-xml", stamped=stamped, **words)

    async def feed(self, number: int, payload: bytes, **meta: Any) -> str:
        """Commit what a feed of threats lists, and merge what it says."""
        words = {"type": "document", "source": FEED_SOURCE, "collector": "WEB", "target": "https://feed.example/x"}
        return await self.item(number, payload, ThreatFox(), form="document", **{**words, **meta})

    async def item(
        self, number: int, payload: bytes, extractor: Extractor, *, form: str, stamped: bool = True, **meta: Any
    ) -> str:
        """Commit an item, and merge what an extractor reads in it."""
        uuid = uuid_of(number)
        made = self.kept.sender.item(uuid=uuid, payload=payload, collected_at=AT + number, **meta).data
        received = ReceivedItem({**made, "format": form})
        await self.kept.commit(received, stamped=stamped)
        origin = origin_of(number, source=meta["source"], extractor=extractor)
        subgraph = extractor.extract(Document(content=payload, meta=made["meta"]))
        await self.write.merge([Said(origin=origin, subgraph=subgraph)])
        return uuid

    def investigations(self, *, own: Own | None = None, graph: bool = True) -> Investigations:
        """What gathers."""
        return Investigations(
            database=self.database,
            graph=self.graph if graph else None,
            clock=self.clock,
            instance=INSTANCE,
            documents=self.kept.content,
            organisation="Example CSIRT",
            own=own,
            warning_lists=self.lists,
        )

    async def gather(
        self, select: str, *, own: Own | None = None, bundles: bool = False, **policy: Any
    ) -> Investigation:
        """What a selection and a policy give."""
        return await self.investigations(own=own).gather(
            Selection.parse(select, clock=self.clock), policy=SharingPolicy.model_validate(policy), bundles=bundles
        )


@pytest.fixture
async def fleet(database: Database, graph_store: Database, clock: ManualClock, tmp_path: Path) -> Fleet:
    """A fleet that saw nothing yet."""
    made = Fleet(database=database, graph=graph_store, clock=clock, folder=tmp_path)
    await made.kept.open()
    return made


def fact_of(investigation: Investigation, name: str) -> Fact:
    """The one fact of a name."""
    (found,) = [fact for fact in investigation.facts if fact.vertex.name == name]
    return found


def names_of(investigation: Investigation) -> set[str]:
    """The names of all facts."""
    return {fact.vertex.name for fact in investigation.facts}
