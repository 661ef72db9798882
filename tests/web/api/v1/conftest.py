"""The whole application as the hub serves it, over a store in which something happened."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from registry.alarms import Alarms
from registry.audit import Audit
from registry.callers import Scope
from registry.content import ContentFolder
from registry.correlation import Correlation
from registry.database import Database
from registry.directory import Directory
from registry.documents import Documents
from registry.graph import graph_database
from registry.graph_decisions import GraphDecisions
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.heads import SignedHeads
from registry.intake import Delivery, Intake
from registry.keys import Keys
from registry.proofs import Proofs
from registry.queues import Asker, Queues
from registry.refusals import Refusal, Refusals
from tests.timing import PATIENCE
from tests.web.api.v1.graph_content import fill_graph
from tests.web.api.v1.sharing_content import SHARING
from tests.web.api.whole import TRUST
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.correlation.policy import CorrelationPolicy
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.finding import Finding
from vedette.messages.batch import Manifest, Signed
from vedette.messages.card import Role
from vedette.messages.item import ReceivedItem
from vedette.signing import SigningKey
from web.api.hub_view import HubView
from web.api.live import Live
from web.api.people import open_access
from web.api.server import ApiServer
from web.api.service import compose_api

ENGINE = "engine@localhost"
PROBE = "probe1@localhost"
KEY = SigningKey.generate()
FORMULA = '=HYPERLINK("http://attacker.example")'
RECEIVED_AT = 1_795_305_600_000_000


def uuid_of(number: int) -> str:
    """The uuid of the number-th item."""
    return f"00000000-0000-4000-8000-{number:012d}"


def an_item(number: int, **more: Any) -> ReceivedItem:
    """The number-th item."""
    meta = {"uuid": uuid_of(number), "ts": RECEIVED_AT // 1_000_000, "type": "scan", "agent": PROBE} | more
    raw = base64.b64encode(b"payload %d" % number).decode()
    return ReceivedItem({"version": "1", "format": "text", "meta": meta, "payload": {"raw": raw}})


def delivery(items: list[ReceivedItem], *, received_at: int = RECEIVED_AT) -> Delivery:
    """A signed delivery of items."""
    listed = [(item.uuid, item.digest.hex()) for item in items]
    manifest = Manifest(agent=PROBE, epoch="e1", first=0, last=len(items), items=listed)
    signed = Signed.seal(manifest, KEY)
    return Delivery(sender=PROBE, signed=signed, manifest=manifest, items=tuple(items), received_at=received_at)


async def _fill(database: Database, folder: Path) -> None:
    """Thirty items of which twenty are stamped, one document, and something of everything else."""
    clock = SystemClock()
    directory = Directory(database=database, clock=clock)
    await directory.enrol(PROBE, role=Role.PROBE, public_key=KEY.verifying.text)
    for show in ("available", "gone", "available"):
        await directory.presence(PROBE, show=show, status=show, cause="test")
    queues = Queues(database=database, clock=clock, max_attempts=1)
    asker = Asker(jid="rt@localhost", role="rt")
    await queues.bind("rt", owner="rt", asker=asker, patterns=["vedette.#"])
    documents = Documents(database=database, folder=ContentFolder(folder, limit=10**6), clock=clock)
    await documents.open()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a large payload"

    document, _ = await documents.receive(pieces(), content_type="text/html", by=PROBE)
    items = [an_item(number) for number in range(28)]
    items.append(an_item(28, target=FORMULA, verdict="deviates", source="vedette.in.structured.nmap.probe1"))
    large = an_item(29).data | {"payload": {"document": document.sha256}}
    items.append(ReceivedItem(large | {"meta": large["meta"] | {"content_type": "text/html\r\nX-Evil: 1"}}))
    intake = Intake(database=database, engine=ENGINE, clock=clock)
    await intake.open()
    await intake.commit([delivery(items)])
    correlation = Correlation(database=database, engine=ENGINE, clock=clock, policy=CorrelationPolicy())
    while (await correlation.advance(limit=100)).places:
        pass
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    authority = LocalAuthority.open(folder.parent / "tsa", clock=clock, create=True)
    for _ in range(2):
        batch = await proofs.close_batch(max_items=10)
        assert batch is not None
        await proofs.store_token(batch=batch, tsa="local", external=False, token=await authority.stamp(batch.root))
    await proofs.close_batch(max_items=5)
    held = await queues.lease("rt", asker=asker, life="l", limit=1, max_bytes=10**6, lease_seconds=60)
    await queues.reject("rt", asker=asker, life="l", failures=[(one.id, "no") for one in held])
    refusal = Refusal(at=1, sender=PROBE, uuid="", field="meta", reason="wrong")
    await Refusals(database=database).record([refusal])
    await SignedHeads(database=database, clock=clock).sign(registry="registry@localhost", key=KEY)
    await Alarms(database=database, clock=clock).report([Finding(kind="root", place="here", text="wrong")])


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder to copy."""
    folder = tmp_path_factory.mktemp("filled")
    database = Database(f"sqlite:///{folder / 'store.db'}")
    database.migrate()
    with database:
        asyncio.run(_fill(database, folder / "documents"))
    graph = graph_database(f"sqlite:///{folder / 'graph.db'}")
    graph.migrate()
    with graph:
        asyncio.run(fill_graph(GraphWriter(database=graph, clock=SystemClock())))
    return folder


@dataclass(kw_only=True)
class Hub:
    """An application over a store of its own."""

    app: FastAPI
    server: ApiServer
    database: Database
    graph: Database
    """The knowledge graph's."""
    keys: Keys
    paths: FleetPaths

    async def key(self, *scopes: Scope) -> str:
        """Return a new key."""
        return await self.keys.issue(name="test", scopes=scopes)

    async def client(self, *scopes: Scope) -> httpx.AsyncClient:
        """Return a client with a new key of these scopes, READ unless said."""
        headers = {"X-API-Key": await self.key(*(scopes or (Scope.READ,)))}
        return httpx.AsyncClient(
            base_url=self.server.url, headers=headers, verify=TRUST, trust_env=False, timeout=PATIENCE
        )


@pytest.fixture
def paths(filled: Path, tmp_path: Path) -> FleetPaths:
    """A copy of the data folder."""
    shutil.copytree(filled, tmp_path / "var")
    paths = FleetPaths(file=tmp_path / "vedette.yml", configuration=FleetConfiguration())
    paths.make()
    return paths


@pytest.fixture
def database(paths: FleetPaths) -> Iterator[Database]:
    """Its store."""
    with Database(paths.store_url) as opened:
        yield opened


@pytest.fixture
def hub_view() -> HubView | None:
    """The agents of the hub; none, unless a test has some."""
    return None


@asynccontextmanager
async def serving(paths: FleetPaths, database: Database, hub_view: HubView | None = None) -> AsyncIterator[Hub]:
    """The served application over an open store."""
    clock, configuration = SystemClock(), FleetConfiguration(sharing=SHARING)
    intake = Intake(database=database, engine=ENGINE, clock=clock)
    await intake.open()
    live = Live(database=database, clock=clock, intake=intake, roots={}, committed=lambda _count, _senders: None)
    live.start()
    access = open_access(configuration.api, database=database, clock=clock)
    graph = graph_database(paths.graph_url)
    graph.open()
    writer, audit = GraphWriter(database=graph, clock=clock), Audit(database=database, clock=clock)
    app = await compose_api(
        configuration,
        paths,
        database=database,
        clock=clock,
        access=access,
        live=live,
        hub=hub_view,
        graph_store=graph,
        graph=GraphRead(database=graph),
        decisions=GraphDecisions(writing=writer, audit=audit),
    )
    server = ApiServer(app=app)
    await server.start()
    keys = Keys(database=database, clock=clock)
    yield Hub(app=app, server=server, database=database, graph=graph, keys=keys, paths=paths)
    await server.stop()
    await live.stop()
    graph.close()


@pytest.fixture
async def hub(paths: FleetPaths, database: Database, hub_view: HubView | None) -> AsyncIterator[Hub]:
    """The served application."""
    async with serving(paths, database, hub_view) as served:
        yield served


@pytest.fixture(scope="module")
def unchanged(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One for all tests of a module that only read; it has a thread of its own, because each test has its loop."""
    folder = tmp_path_factory.mktemp("unchanged")
    shutil.copytree(filled, folder / "var")
    paths = FleetPaths(file=folder / "vedette.yml", configuration=FleetConfiguration())
    paths.make()
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="unchanged")
    thread.start()
    try:
        with Database(paths.store_url) as database:
            opened = AsyncExitStack()
            entering = opened.enter_async_context(serving(paths, database))
            yield asyncio.run_coroutine_threadsafe(entering, loop).result(PATIENCE)
            asyncio.run_coroutine_threadsafe(opened.aclose(), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@pytest.fixture
def read_only(request: pytest.FixtureRequest, hub_view: HubView | None) -> Hub:
    """The application that a test reads from: its own where it has one, else the one of its module."""
    own = hub_view is not None or bool({"hub", "paths", "database"} & {*request.fixturenames})
    found = request.getfixturevalue("hub" if own else "unchanged")
    assert isinstance(found, Hub)
    return found


@pytest.fixture
async def client(read_only: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read."""
    async with await read_only.client() as opened:
        yield opened
