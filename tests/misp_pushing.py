"""Investigations brought to a fake MISP: what the tests of the push have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fake_misp import KEY, FakeMisp, serving
from tests.fake_misp_analyst import Analyst
from tests.fake_misp_store import MispStore, Row
from tests.sharing_memory import KeptMemory
from tests.sharing_parts import accused, fact, investigation
from vedette.clock import SystemClock
from vedette.sharing.exporter import Exported, Outfit, Plan
from vedette.sharing.investigation import Fact, Investigation
from vedette.sharing.misp.destination import MispDestination
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.holding import holding_of


@dataclass
class Pushing:
    """A fake MISP, what we remember of it, and our side of the wire."""

    fake: FakeMisp
    folder: Path
    memory: KeptMemory = field(default_factory=KeptMemory)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> MispStore:
        """What the server holds."""
        return self.fake.store

    @property
    def analyst(self) -> Analyst:
        """A person who works on the server."""
        return Analyst(self.store)

    def destination(self) -> MispDestination:
        """Return a new one, as a process that just started has it."""
        settings = {"url": self.fake.url, "key_file": "key", "time_limit": 60, **self.settings}
        outfit = Outfit(clock=SystemClock(), name="misp", settings=settings, folder=self.folder, memory=self.memory)
        return MispDestination(outfit)

    async def send(self, what: Investigation, *, only: str | None = None) -> Exported:
        """Send, as a process of its own."""
        destination = self.destination()
        try:
            return await destination.send(what, only=only)
        finally:
            await destination.aclose()

    async def plan(self, what: Investigation) -> Plan:
        """Plan, as a process of its own."""
        destination = self.destination()
        try:
            return await destination.plan(what)
        finally:
            await destination.aclose()

    async def write_requests(self, what: Investigation) -> int:
        """Send; return how many requests changed something on the server."""
        before = len(self.fake.writes)
        await self.send(what)
        return len(self.fake.writes) - before

    def attribute(self, value: str) -> Row:
        """Return the attribute that has a value, deleted or not."""
        found: Row = next(row for row in self.store.attributes.values() if row["value"] == value)
        return found

    def alive(self) -> set[str]:
        """Return the values of all attributes that are not deleted."""
        return {row["value"] for row in self.store.attributes.values() if not row["deleted"]}


@contextmanager
def pushing(folder: Path, **settings: Any) -> Iterator[Pushing]:
    """Serve a fake MISP, and give an exporter for it."""
    (folder / "key").write_text(f"{KEY}\n", encoding="ascii")
    with serving() as fake:
        yield Pushing(fake, folder, settings=settings)


def addresses(*numbers: int, bad: Iterable[int] = ()) -> list[Fact]:
    """Return facts of IP addresses 192.0.2.N; those that are bad are accused by a feed."""
    accused_ones = set(bad)
    return [(accused if number in accused_ones else fact)("IP", f"192.0.2.{number}") for number in numbers]


def about(*facts: Fact, tags: Iterable[str] = ()) -> Investigation:
    """Return an investigation that has these facts."""
    return investigation("search:botnet", facts, [], title="A botnet", tags=sorted(tags))


def said(what: Investigation) -> set[str]:
    """Return the UUIDs of all that is said of an investigation."""
    return set(holding_of(misp_event(what).event))


def held(store: MispStore, event: str) -> set[str]:
    """Return the UUIDs of an event and all in it that is not deleted."""
    # What is in a deleted object is not there, nor is a reference that starts at one.
    gone = {uuid for uuid, row in store.objects.items() if row["deleted"]}
    rows = (store.attributes, store.objects, store.references, store.reports)
    found = (row for kind in rows for row in kind.values() if row["event"] == event and not row["deleted"])
    return {event} | {row["uuid"] for row in found if row.get("object", "") not in gone}
