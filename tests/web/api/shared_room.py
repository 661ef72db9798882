"""A hub's collections, feeds and intake, served without the rest of the hub, and what opens them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from registry.callers import Scope
from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.intake import Intake
from registry.keys import Keys
from registry.taxii import TaxiiCollections
from tests.timing import PATIENCE
from tests.web.api.whole import TRUST
from vedette.clock import ManualClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.sharing import SharingSection
from vedette.sharing.taxii.resources import MEDIA_TYPE
from web.api.access import Rules
from web.api.application import create_app
from web.api.documents import DocumentRoutes
from web.api.live import Live
from web.api.server import ApiServer
from web.api.shared import shared_routes
from web.api.taxii_intake import MAX_CONTENT


class Room:
    """A hub's collections and intake, served, and what opens them."""

    def __init__(self, *, database: Database, folder: Path, configuration: FleetConfiguration) -> None:
        self.clock = ManualClock()
        self._configuration = configuration
        self.database = database
        self.filling = TaxiiCollections(database=database, clock=self.clock)
        self.keys = Keys(database=database, clock=self.clock)
        self._paths = FleetPaths(file=folder / "vedette.yml", configuration=configuration)
        content = ContentFolder(self._paths.documents, limit=MAX_CONTENT)
        self._documents = Documents(database=database, folder=content, clock=self.clock)
        self._intake = Intake(database=database, engine="engine@localhost", clock=self.clock)
        self._live = Live(
            database=database,
            clock=self.clock,
            intake=self._intake,
            roots={},
            committed=lambda _count, _senders: None,
        )
        self._content = content

    async def __aenter__(self) -> Self:
        self._paths.make()
        await self._documents.open()
        await self._intake.open()
        shared = await shared_routes(
            self._configuration,
            self._paths,
            database=self.database,
            items=self._live.items,
            documents=self._documents,
            clock=self.clock,
        )
        routes = [*shared, *self._live.routes(documents=self._content), DocumentRoutes(documents=self._documents)]
        self.server = ApiServer(app=create_app(rules=Rules(keys=self.keys), routes=routes))
        self._live.start()
        await self.server.start()
        self.root = f"{self.server.url}/taxii2/shared/"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._live.stop()
        await self.server.stop()

    async def key(self, *scopes: Scope, name: str = "test") -> str:
        """A new key."""
        return await self.keys.issue(name=name, scopes=scopes)

    async def items(self) -> list[dict[str, Any]]:
        """The items that came in, as SCANDALE shows them."""
        async with await self.client(Scope.READ, Accept="application/json") as client:
            found: list[dict[str, Any]] = (await client.get("/items/")).json()
            return [
                json.loads(one["scan_data"]) if isinstance(one["scan_data"], str) else one["scan_data"]
                for one in found
            ]

    async def client(self, *scopes: Scope, name: str = "test", **headers: str) -> httpx.AsyncClient:
        """A client that sends whatever it is told to."""
        sent = {"X-API-Key": await self.key(*scopes, name=name), "Accept": MEDIA_TYPE, **headers}
        return httpx.AsyncClient(
            base_url=self.server.url, headers=sent, verify=TRUST, trust_env=False, timeout=PATIENCE
        )


@asynccontextmanager
async def shared_room(migrated: Path, folder: Path, sharing: SharingSection) -> AsyncIterator[Room]:
    """Serve what is shared, over a copy of a migrated store."""
    shutil.copyfile(migrated, folder / "store.db")
    configuration = FleetConfiguration(sharing=sharing)
    with Database(f"sqlite:///{folder / 'store.db'}") as database:
        async with Room(database=database, folder=folder, configuration=configuration) as room:
            yield room
