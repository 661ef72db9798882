"""What must hold on a real MISP 2.5 as well: point these tests at one with VEDETTE_MISP_URL and VEDETTE_MISP_KEY.

The key needs a role that may tag and publish; VEDETTE_MISP_CA names a PEM file, where the server's roots are its own.
Without these the fake server answers, so that the tests themselves are known to work. Each makes an event of its own
that nobody else has, and deletes it; a real server keeps its UUID on the blocklist.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_misp import KEY, serving
from tests.misp_pushing import about, addresses
from tests.sharing_cases import everything
from tests.sharing_memory import KeptMemory
from vedette.clock import SystemClock
from vedette.sharing.exporter import Exported, ExportError, Outfit
from vedette.sharing.investigation import Fact, Investigation
from vedette.sharing.misp.destination import MispDestination
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.holding import holding_of

URL, SECRET, CA = (os.environ.get(f"VEDETTE_MISP_{name}", "") for name in ("URL", "KEY", "CA"))


@dataclass
class Server:
    """A server, and an event that only this test has."""

    folder: Path
    settings: dict[str, Any]
    key: str
    memory: KeptMemory
    destination: MispDestination

    def of(self, what: Investigation) -> Investigation:
        """Return an investigation as this test's own."""
        return replace(what, key=self.key, title=f"Vedette's tests: {self.key}")

    async def send(self, what: Investigation) -> Exported:
        """Send it."""
        return await self.destination.send(self.of(what))

    async def there(self, what: Investigation) -> set[str]:
        """Return the UUIDs of all that is there and not deleted."""
        event = await self.destination._server.event(str(self.of(what).uuid))
        return {uuid for uuid, child in holding_of(event or {}).items() if not child.deleted and uuid}

    def said(self, what: Investigation) -> set[str]:
        """Return the UUIDs of all that is said."""
        return set(holding_of(misp_event(self.of(what)).event))

    async def call(self, name: str, *arguments: Any) -> Any:
        """Do what a person would, through PyMISP."""
        session = await self.destination._server._opened()
        return getattr(session, name)(*arguments)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    (tmp_path / "key").write_text(SECRET or KEY)
    settings: dict[str, Any] = {"key_file": "key", "time_limit": 300}
    if URL:
        yield tmp_path, {**settings, "url": URL, **({"ca": CA} if CA else {})}
        return
    with serving() as fake:
        yield tmp_path, {**settings, "url": fake.url}


@pytest.fixture
async def server(place: tuple[Path, dict[str, Any]]) -> AsyncIterator[Server]:
    folder, settings = place
    memory = KeptMemory()
    outfit = Outfit(clock=SystemClock(), name="misp", settings=settings, folder=folder, memory=memory)
    key = f"search:{uuid.uuid4()}" if URL else "search:the-fake-is-always-the-same"
    found = Server(folder, settings, key, memory, MispDestination(outfit))
    yield found
    # A test may have deleted it, or made none.
    with contextlib.suppress(ExportError):
        await found.call("delete_event", str(found.of(about()).uuid))
    await found.destination.aclose()


def _many(number: int) -> list[Fact]:
    return addresses(*range(1, number + 1))


async def test_it_says_who_we_are(server: Server) -> None:
    assert (await server.destination.check()).startswith("MISP 2.")


async def test_everything_arrives_once(server: Server) -> None:
    exported = await server.send(everything())
    assert await server.there(everything()) == server.said(everything()), exported.withheld
    again = await server.send(everything())
    assert (again.sent, again.requests) == (0, 0)


async def test_two_hundred_attributes_are_one_request_and_one_change_is_one(server: Server) -> None:
    assert (await server.send(about(*_many(200)))).requests == 1
    exported = await server.send(about(*addresses(*range(1, 201), bad=[7])))
    assert exported.requests == 1
    assert 1 <= exported.sent <= 3, "what is accused has another flag, and a comment"


async def test_what_goes_is_soft_deleted_and_what_returns_is_restored(server: Server) -> None:
    few, many = about(*_many(2)), about(*_many(5))
    await server.send(many)
    await server.send(few)
    assert await server.there(few) == server.said(few)
    await server.send(many)
    assert await server.there(many) == server.said(many)
    nothing = replace(everything(), facts=(), edges=(), scans=(), proofs=())
    await server.send(everything())
    await server.send(nothing)
    assert await server.there(nothing) == server.said(nothing)


async def test_a_persons_edit_stays_and_we_are_not_locked_out(server: Server) -> None:
    await server.send(about(*_many(2)))
    child = next(uuid for uuid in server.said(about(*_many(1))) - server.said(about()))
    event = str(server.of(about()).uuid)
    held = holding_of(await server.destination._server.event(event) or {})
    edit = {"uuid": child, "comment": "seen by a person", "timestamp": str(held[event].timestamp + 50)}
    document = {"uuid": event, "timestamp": edit["timestamp"], "Attribute": [{**held[child].raw, **edit}]}
    await server.destination._server.edit(event, document)
    exported = await server.send(about(*_many(3)))
    assert await server.there(about(*_many(3))) == server.said(about(*_many(3)))
    assert any("comment changed there" in note for note in exported.notes)


async def test_an_event_that_a_person_deleted_is_not_made_again(server: Server) -> None:
    await server.send(about(*_many(1)))
    await server.call("delete_event", str(server.of(about()).uuid))
    with pytest.raises(ExportError):
        await server.send(about(*_many(1)))
    server.memory.values.clear()
    with pytest.raises(ExportError):
        await server.send(about(*_many(1)))
