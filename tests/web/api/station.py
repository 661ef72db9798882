"""The live part of the API as the hub serves it: items come in, batches are stamped, events go out."""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from registry.callers import Scope
from registry.content import ContentFolder
from registry.database import Database
from registry.intake import Intake
from registry.keys import Keys
from registry.proofs import Proofs, ProofState
from tests.timing import PATIENCE
from tests.web.api.whole import TRUST
from vedette.clock import SystemClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots
from web.api.access import Rules
from web.api.application import create_app
from web.api.live import Live
from web.api.server import ApiServer

ENGINE = "engine@localhost"
CLOCK = SystemClock()


def an_item(payload: bytes = b"22/tcp open", **meta: Any) -> dict[str, Any]:
    """An item as SCANDALE's external sources post it."""
    values = {"uuid": str(uuid4()), "ts": 1_795_305_600, "type": "scan"}
    raw = base64.b64encode(payload).decode()
    return {"version": "1", "format": "nmap", "meta": values | meta, "payload": {"raw": raw}}


class Station:
    """A running API over a store, with a time-stamping authority of its own."""

    def __init__(self, *, database: Database, folder: Path, tsa: Path) -> None:
        self.database = database
        self.authority = LocalAuthority.open(tsa, clock=CLOCK, create=True)
        self.roots = {"local": TrustRoots.load(tsa / "roots.pem")}
        self.content = ContentFolder(folder / "documents", limit=1024 * 1024)
        self.content.prepare()
        self.intake = Intake(database=database, engine=ENGINE, clock=CLOCK)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=CLOCK)
        self.keys = Keys(database=database, clock=CLOCK)
        self.commits: list[tuple[int, list[str]]] = []
        self.live = Live(
            database=database,
            clock=CLOCK,
            intake=self.intake,
            roots=self.roots,
            committed=lambda count, senders: self.commits.append((count, senders)),
        )
        rules = Rules(keys=self.keys)
        self.app = create_app(rules=rules, routes=self.live.routes(documents=self.content))
        self.server = ApiServer(app=self.app)

    async def key(self, *scopes: Scope, name: str = "test", agent: str | None = None) -> str:
        """Return a new key."""
        return await self.keys.issue(name=name, scopes=scopes, agent=agent)

    @asynccontextmanager
    async def client(
        self, *scopes: Scope, name: str = "test", agent: str | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client with a new key as SCANDALE's clients send it; without scopes one without a key."""
        auth = ("anybody", await self.key(*scopes, name=name, agent=agent)) if scopes else None
        async with httpx.AsyncClient(
            base_url=self.server.url, auth=auth, verify=TRUST, trust_env=False, timeout=PATIENCE
        ) as client:
            yield client

    async def stamp(self, *, tsa: str = "local", max_items: int = 1000) -> ProofState:
        """Close a batch of what waits and stamp it."""
        batch = await self.proofs.close_batch(max_items=max_items)
        assert batch is not None
        token = await self.authority.stamp(batch.root)
        state = await self.proofs.store_token(batch=batch, tsa=tsa, external=False, token=token)
        self.live.wake()
        return state


@asynccontextmanager
async def a_station(migrated: Path, folder: Path) -> AsyncIterator[Station]:
    """Start a station over a copy of a migrated store."""
    path = folder / "station.db"
    shutil.copyfile(migrated, path)
    with Database(f"sqlite:///{path}") as database:
        # Making an authority takes longer than a test: all of a session have one.
        station = Station(database=database, folder=folder, tsa=migrated.parent / "tsa")
        await station.intake.open()
        station.live.start()
        await station.server.start()
        try:
            yield station
        finally:
            await station.live.stop()
            await station.server.stop()
