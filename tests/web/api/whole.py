"""The whole application as the hub serves it, without a hub: composed by the same function, on a real server."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from registry.audit import Audit
from registry.callers import Actor, Scope
from registry.database import Database
from registry.graph import graph_database
from registry.graph_decisions import GraphDecisions
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.intake import Intake
from registry.keys import Keys
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.setup_links import SetupLinks
from registry.users import Users
from tests.timing import PATIENCE
from vedette.access.password_hash import Passwords
from vedette.clock import Clock, SystemClock
from vedette.configuration.api import ApiSection
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from web.api.gate import csrf_token
from web.api.live import Live
from web.api.people import open_access
from web.api.server import ApiServer
from web.api.service import compose_api

BY = Actor(who="command line root", origin="command line")
PASSWORD = "correct horse battery"

CHEAP = Passwords(passes=1, memory_kib=1024, lanes=1)
"""A real hash takes 0.15 s, and tests log in often."""

TRUST = httpx.create_ssl_context(trust_env=False)
"""Of all clients here: to read what one trusts takes 0.02 s, and there are hundreds of them."""


class Whole:
    """The application, served."""

    def __init__(self, *, store: Path, folder: Path, clock: Clock | None = None, **api: Any) -> None:
        self.clock = clock or SystemClock()
        self.database = Database(f"sqlite:///{store}")
        graph = store.with_name("graph.db")
        self.graph = graph_database(f"sqlite:///{graph}") if graph.is_file() else None
        self.configuration = FleetConfiguration(api=ApiSection(**api))
        self.paths = FleetPaths(file=folder / "vedette.yml", configuration=self.configuration)
        self.users = Users(database=self.database, clock=self.clock)
        self.sessions = Sessions(database=self.database, clock=self.clock)
        self.keys = Keys(database=self.database, clock=self.clock)
        self.links = SetupLinks(database=self.database, clock=self.clock)

    async def __aenter__(self) -> Self:
        self.paths.make()
        self.database.open()
        if self.graph is not None:
            self.graph.open()
        section = self.configuration.api
        self.access = open_access(section, database=self.database, clock=self.clock, passwords=CHEAP)
        intake = Intake(database=self.database, engine="engine@localhost", clock=self.clock)
        await intake.open()
        self.live = Live(
            database=self.database, clock=self.clock, intake=intake, roots={}, committed=lambda _count, _senders: None
        )
        self.live.start()
        self.app = await compose_api(
            self.configuration,
            self.paths,
            database=self.database,
            clock=self.clock,
            access=self.access,
            live=self.live,
            graph_store=self.graph,
            graph=None if self.graph is None else GraphRead(database=self.graph),
            decisions=self._decisions(),
        )
        near = self.paths.near
        self.server = ApiServer(
            app=self.app,
            certificate=None if section.certificate is None else near(section.certificate),
            key=None if section.key is None else near(section.key),
        )
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.live.stop()
        await self.server.stop()
        self.database.close()
        if self.graph is not None:
            self.graph.close()

    def _decisions(self) -> GraphDecisions | None:
        if self.graph is None:
            return None
        writing = GraphWriter(database=self.graph, clock=self.clock)
        return GraphDecisions(writing=writing, audit=Audit(database=self.database, clock=self.clock))

    def client(self, **more: Any) -> httpx.AsyncClient:
        """Return a client that shows nothing of who it is."""
        return httpx.AsyncClient(base_url=self.server.url, verify=TRUST, trust_env=False, timeout=PATIENCE, **more)

    async def add(self, name: str, role: UserRole) -> None:
        """Make an account with the usual password."""
        await self.users.add(name=name, role=role, password_hash=CHEAP.hash(PASSWORD), by=BY)

    async def key(self, *scopes: Scope, name: str = "test") -> str:
        """Return a new key."""
        return await self.keys.issue(name=name, scopes=scopes, by=BY)

    async def session_of(self, name: str) -> dict[str, str]:
        """Return the headers of a browser in which somebody is logged in, forms included."""
        found = await self.users.find(name)
        assert found is not None
        user, stored = found
        token = await self.sessions.start(user, verified=stored, origin="127.0.0.1")
        return {"Cookie": f"vedette_session={token}", "X-CSRF-Token": csrf_token(token)}
