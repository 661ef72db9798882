"""RT agents over the real embedded server: items become a graph once, whatever dies; what cannot be read says why."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from sqlite3 import connect
from typing import Any

import pytest
import yaml

from agents.identity import DocumentService, Identity
from agents.rt import RtAgent
from behaviours.extract import Extract
from behaviours.peers import Peer
from registry.graph import graph_database
from registry.keys import Scope
from tests.agents.room import ARGUS, Room, flows, uuid_of
from tests.agents.station import Station, Until, make_item
from tests.agents.test_documents import LIMIT, Service
from tests.timing import PATIENCE
from tests.vedette.cli.commands import running
from tests.vedette.extraction.flows import address, table
from vedette.configuration.credentials import Credentials, RegistryKey, save_credentials
from vedette.messages.card import Role
from vedette.messages.queue import Acknowledge, Reject
from vedette.messages.state import Panel


@pytest.fixture(scope="session")
def empty_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph to copy: making one takes a second, copying none."""
    path = tmp_path_factory.mktemp("graph") / "graph.db"
    graph_database(f"sqlite:///{path}").migrate()
    return path


@pytest.fixture
async def room(station: Station, empty_graph: Path) -> AsyncIterator[Room]:
    room = Room(station, Path(copyfile(empty_graph, station.folder / "graph.db")))
    yield room
    await room.close()


@pytest.fixture
async def service(station: Station) -> AsyncIterator[Service]:
    """The document service of the station."""
    made = Service(station, limit=LIMIT)
    await made.start()
    yield made
    await made.server.stop()


def cells(panels: list[Panel], title: str) -> list[dict[str, str]]:
    """Return the rows of a table on an agent's page, by their headings."""
    panel = next(panel for panel in panels if panel.title == title)
    return [dict(zip(panel.columns, (cell.text for cell in row), strict=True)) for row in panel.rows]


async def test_items_become_vertices_that_know_their_row_and_the_rest_is_told_apart(room: Room, until: Until) -> None:
    await room.open()
    sender = await room.station.sender()
    # Committed before there is a queue: it is held from the start on
    good, broken, words = await sender.observe(
        flows(1, 2),
        flows(3, content_encoding="gzip"),
        make_item(b"a sentence", source="vedette.in.structured.some-blog.of-a-friend"),
    )
    await until(lambda: sender.delivering.counters["confirmed"] == 3)
    rt = await room.start()
    await until(lambda: rt.extracting.counters["acknowledged"] == 2 and rt.extracting.counters["dead letters"] == 1)

    known = await room.known(address(1))
    assert known is not None
    vertex, (mention, *_) = known
    assert (vertex.type, vertex.name) == ("IP", address(1))
    assert (mention.origin.item, mention.origin.sha256) == (uuid_of(good), hashlib.sha256(table(1, 2)).hexdigest())
    assert (mention.origin.agent, mention.origin.source) == (sender.identity.jid, ARGUS)
    assert mention.origin.extractor == "argus"
    assert mention.origin.observed_at == good["meta"]["collected_at"]
    assert mention.position.label == "row 2"
    counts = await room.counts()
    assert (counts.origins, await room.known(address(3))) == (1, None)
    assert counts.edges > 0

    (reason,) = (await room.letters()).items()
    assert reason == (uuid_of(broken), "ExtractionError: is not compressed with gzip, bzip2, xz or Zstandard")

    panels = rt.state().panels
    (work,) = cells(panels, "Work")
    assert (work["Queue"], work["Fetched"], work["Not for rt"], work["Failed"]) == ("rt", "3", "1", "1")
    assert work["Engine"] == room.station.engine.identity.jid
    (argus,) = cells(panels, "Extractors")
    assert (argus["Extractor"], argus["Documents"], argus["Failed"]) == ("argus", "1", "1")
    assert "not compressed" in argus["Last problem"]
    (other,) = cells(panels, "Not for RT")
    assert other["Source"] == words["meta"]["source"]
    assert "no extractor for" in other["Why"]
    await until(lambda: cells(rt.state().panels, "Knowledge graph"))


HOSTILE: list[dict[str, Any]] = [
    {"name": "a\x00b", "description": ["\x00"]},
    {"name": "x" * 50_000, "description": ["y" * 150_000]},
    {"name": "10.0.0.1", "ipInt": 10**40, "score": -(2**63)},
    {"name": "' OR 1=1; --", "alias": ["\u202e", "\ufffe"] * 1000},
]


async def test_hostile_texts_neither_stop_the_graph_nor_come_back_for_ever(room: Room, until: Until) -> None:
    await room.open()
    edges = [{"outVertID": "1", "inVertID": "1", "relation": "\x00"}]
    documents = [{"vertices": {"1": {"vertexType": "Malware", **one}}, "edges": edges} for one in HOSTILE]
    sender = await room.station.sender()
    hostile = [make_item(json.dumps(one).encode(), source="vedette.in.structured.stucco") for one in documents]
    await sender.observe(*hostile, flows(1))
    await until(lambda: sender.delivering.counters["confirmed"] == len(hostile) + 1)
    rt = await room.start()
    await until(lambda: is_done(room))
    # What came back is a dead letter: nothing was the graph's fault, which would be tried for ever
    assert (rt.aligning.problem, rt.extracting.state().failures) == ("", 0)
    assert rt.extracting.counters["given back"] == len(await room.letters())
    assert await room.known(address(1)) is not None


class Deaf(Extract):
    """Reads and merges, and never answers: as a process that dies in between."""

    async def _tell(self, engine: Peer, request: Acknowledge | Reject) -> bool:
        return False


def deaf(agent: RtAgent) -> RtAgent:
    """Return the agent, unable to answer."""
    agent.extracting.__class__ = Deaf
    return agent


async def test_what_was_merged_and_not_acknowledged_comes_again_and_changes_nothing(room: Room, until: Until) -> None:
    await room.open(attempts=5)
    sender = await room.station.sender()
    first = deaf(await room.reader())
    await first.start()
    await sender.observe(*(flows(number, number + 1) for number in range(5)))
    await until(lambda: first.aligning.counters["origins"] == 5)
    before = await room.counts()
    await first.stop()
    assert await room.depth() == 5

    second = await room.start(identity=first.identity)
    await until(lambda: second.extracting.counters["acknowledged"] == 5)
    assert (second.aligning.counters["unchanged"], second.aligning.counters["mentions"]) == (5, 0)
    assert await room.counts() == before
    assert (await room.depth(), await room.letters()) == (0, {})


async def write_agent(room: Room, name: str) -> Path:
    """Write the configuration and credentials of an RT agent in a process of its own; return the former."""
    identity = await room.station.identity(name, Role.RT)
    folder = room.station.folder
    identity.key.save(folder / f"{name}.key")
    save_credentials(folder / f"{name}.json", credentials_of(identity, key=f"{name}.key"))
    file = folder / f"{name}.yml"
    settings = {
        "name": identity.name,
        "graph": "sqlite:///graph.db",
        "credentials": f"{name}.json",
        "lease": 2,
        "seconds": 1,
        "workers": 1,
    }
    file.write_text(yaml.safe_dump(settings))
    return file


def credentials_of(identity: Identity, *, key: str) -> Credentials:
    return Credentials(
        jid=identity.jid,
        role=identity.role,
        password=identity.password,
        key=key,
        registry=RegistryKey(jid=identity.registry.jid, public_key=identity.registry.verifying().text),
        server=str(identity.server),
        ca=str(identity.server.ca_file),
    )


async def test_what_a_killed_agent_had_goes_to_another_one_and_is_in_the_graph_once(room: Room, until: Until) -> None:
    await room.open(attempts=1000)
    sender = await room.station.sender()
    file = await write_agent(room, "victim")
    with running("agent", "rt", "-c", file, folder=room.station.folder, name="victim") as victim:
        await asyncio.to_thread(victim.until_said, "is up")
        with closing(connect(room.file, timeout=PATIENCE, isolation_level=None)) as blocker:
            # It can read, but not merge: it holds what it took
            blocker.execute("BEGIN IMMEDIATE")
            await sender.observe(*(flows(number) for number in range(20)))
            await until(lambda: leased(room))
            victim.process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(victim.process.wait)
            blocker.execute("ROLLBACK")
    rt = await room.start()
    await until(lambda: is_done(room))
    counts = await room.counts()
    assert (counts.origins, rt.extracting.counters["acknowledged"]) == (20, 20)
    for number in range(20):
        known = await room.known(address(number))
        assert known is not None
        assert len({mention.origin.item for mention in known[1]}) == 1
    assert await room.letters() == {}


async def leased(room: Room) -> bool:
    return any(status.leased for status in await room.station.queues.statuses())


async def is_done(room: Room) -> bool:
    statuses = await room.station.queues.statuses()
    return bool(statuses) and sum(status.depth for status in statuses) == 0


async def test_documents_by_reference_are_read_when_the_service_is_there_and_deleted_ones_are_dead(
    room: Room, service: Service, until: Until
) -> None:
    await room.open()
    key = await service.keys.issue(name="test", scopes=[Scope.READ], agent=room.station.jid("rt"))
    sender = await room.station.sender()
    kept, gone = [await put(service, gzip.compress(table(number))) for number in (1, 2)]
    items = [referring(kept), referring(gone), flows(3)]
    await sender.observe(*items)
    for sha256 in (kept, gone):
        await sender.outbox.uploaded(sha256)
    sender.delivering.wake()
    await until(lambda: sender.delivering.counters["confirmed"] == 3)
    await service.documents.delete(gone, by="test", reason="asked for")
    # The service has lost sight of it for a while, as with a disk that is not mounted
    stored = service.folder.path_of(kept)
    aside = stored.rename(room.station.folder / "aside")

    rt = await room.start(documents=DocumentService(url=service.server.url, api_key=key))
    await until(lambda: rt.extracting.counters["given back"] >= 1)
    assert "ConnectionFailedError" in rt.extracting.state().last_error
    await until(lambda: rt.extracting.counters["dead letters"] == 1)
    assert (await room.counts()).origins == 1
    aside.rename(stored)
    await until(lambda: is_done(room))

    known = await room.known(address(1))
    assert known is not None
    assert known[1][0].origin.sha256 == kept
    ((uuid, reason),) = (await room.letters()).items()
    assert uuid == uuid_of(items[1])
    assert reason.startswith(f"UnreadableDocumentError: the document {gone} is not there")
    assert "asked for" in reason


async def put(service: Service, content: bytes) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    document, _ = await service.documents.receive(pieces(), content_type="application/gzip", by="test")
    return document.sha256


def referring(sha256: str) -> dict[str, Any]:
    """Return an item whose payload is a document."""
    return flows(content_encoding="gzip") | {"payload": {"document": sha256}}
