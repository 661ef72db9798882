"""The API as it is served: a real server in this process, over a real store and folder."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.graph import graph_database
from registry.keys import Keys, Scope
from tests.timing import PATIENCE
from tests.web.api.whole import TRUST, Whole
from vedette.clock import SystemClock
from vedette.documents.quota import Quotas
from web.api.access import Rules
from web.api.application import create_app
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes
from web.api.server import ApiServer

LIMIT = 4 * 1024 * 1024


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated store to copy."""
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    graph_database(f"sqlite:///{path.with_name('graph.db')}").migrate()
    return path


class Served:
    """A running API with its parts."""

    def __init__(
        self, *, database: Database, folder: Path, limit: int, reserve: int, quotas: Quotas | None = None
    ) -> None:
        self.database = database
        self.content = ContentFolder(folder, limit=limit, reserve=reserve)
        self.documents = Documents(database=database, folder=self.content, clock=SystemClock(), quotas=quotas)
        self.keys = Keys(database=database, clock=SystemClock())
        routes = [HealthRoutes(ready=self._ready), DocumentRoutes(documents=self.documents)]
        self.app = create_app(rules=Rules(keys=self.keys), routes=routes)
        self.server = ApiServer(app=self.app)

    async def _ready(self) -> None:
        await self.database.read(lambda _connection: None)

    async def key(self, *scopes: Scope, agent: str | None = None) -> str:
        """Return a new key."""
        return await self.keys.issue(name="test", scopes=scopes, agent=agent)

    async def client(self, *scopes: Scope, agent: str | None = None) -> httpx.AsyncClient:
        """Return a client with a new key; without scopes one without a key."""
        headers = {"X-API-Key": await self.key(*scopes, agent=agent)} if scopes else {}
        return httpx.AsyncClient(
            base_url=self.server.url, headers=headers, verify=TRUST, trust_env=False, timeout=PATIENCE
        )

    def partials(self) -> list[Path]:
        """Return the files that are half written."""
        return list(self.content.partial.iterdir())


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(migrated: Path, tmp_path: Path) -> AsyncIterator[Serve]:
    """Start an API; it is stopped after the test."""
    running: list[Served] = []

    async def start(*, limit: int = LIMIT, reserve: int = 0, quotas: Quotas | None = None) -> Served:
        path = tmp_path / f"store{len(running)}.db"
        shutil.copyfile(migrated, path)
        database = Database(f"sqlite:///{path}")
        database.open()
        folder = tmp_path / f"documents{len(running)}"
        served = Served(database=database, folder=folder, limit=limit, reserve=reserve, quotas=quotas)
        running.append(served)
        await served.documents.open()
        await served.server.start()
        return served

    yield start
    for served in running:
        await served.server.stop()
        served.database.close()


@pytest.fixture
async def served(serve: Serve) -> Served:
    """A running API."""
    return await serve()


@pytest.fixture
async def whole(migrated: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    """The whole application, served."""
    shutil.copyfile(migrated, tmp_path / "whole.db")
    shutil.copyfile(migrated.with_name("graph.db"), tmp_path / "graph.db")
    async with Whole(store=tmp_path / "whole.db", folder=tmp_path) as served:
        yield served
