"""Real databases for the store's tests: an SQLite file, and a PostgreSQL server of our own."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.database import Database
from registry.graph import graph_database
from registry.intake import Delivery, Intake
from tests.registry.pool import DatabasePool
from tests.registry.postgresql import empty_database
from vedette.clock import ManualClock
from vedette.messages.batch import Manifest, Signed
from vedette.messages.item import ReceivedItem
from vedette.signing import SigningKey

ENGINE = "engine@localhost"
RECEIVED_AT = 1_795_305_600_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store that nobody has migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
    else:
        folder: Path = request.getfixturevalue("postgres_folder")
        with empty_database(folder) as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty store."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
    else:
        pool: DatabasePool = request.getfixturevalue("postgres_stores")
        with pool.lend() as url:
            yield url


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An open store."""
    with Database(store_url) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def graph_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty graph."""
    if request.param == "sqlite":
        path = tmp_path / "graph.db"
        shutil.copyfile(request.getfixturevalue("migrated_graph"), path)
        yield f"sqlite:///{path}"
    else:
        pool: DatabasePool = request.getfixturevalue("postgres_graphs")
        with pool.lend() as url:
            yield url


@pytest.fixture
def graph_store(graph_store_url: str) -> Iterator[Database]:
    """An open graph."""
    with graph_database(graph_store_url) as opened:
        yield opened


class Sender:
    """An agent with a key, that makes items and signed deliveries of them."""

    def __init__(self, jid: str = "probe@localhost") -> None:
        self.jid = jid
        self.key = SigningKey.generate()
        self._next_seq = 0

    def item(self, **meta: Any) -> ReceivedItem:
        """An item with the next number; `payload` is its bytes, all else goes into its meta."""
        payload: bytes = meta.pop("payload", b"22/tcp open")
        values = {
            "uuid": str(uuid4()),
            "ts": RECEIVED_AT // 1_000_000,
            "type": "scan",
            "agent": self.jid,
            "origin_seq": self._next_seq,
        }
        self._next_seq += 1
        raw = base64.b64encode(payload).decode()
        return ReceivedItem({"version": "1", "format": "text", "meta": values | meta, "payload": {"raw": raw}})

    def deliver(self, *items: ReceivedItem, count: int = 0, received_at: int = RECEIVED_AT) -> Delivery:
        """A signed delivery of these items, or of `count` new ones."""
        items = items or tuple(self.item() for _ in range(count))
        manifest = Manifest(
            agent=self.jid,
            epoch="e1",
            first=0,
            last=self._next_seq,
            items=[(item.uuid, item.digest.hex()) for item in items],
        )
        signed = Signed.seal(manifest, self.key)
        return Delivery(sender=self.jid, signed=signed, manifest=manifest, items=items, received_at=received_at)

    def send_unsigned(self, item: ReceivedItem) -> Delivery:
        """A bare message."""
        return Delivery(sender=self.jid, signed=None, manifest=None, items=(item,), received_at=RECEIVED_AT)


@pytest.fixture
def sender() -> Sender:
    """An agent."""
    return Sender()


@pytest.fixture
def make_sender() -> Callable[[str], Sender]:
    """Makes more agents."""
    return Sender


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock(now=RECEIVED_AT)


@pytest.fixture
async def intake(database: Database, clock: ManualClock) -> Intake:
    """An open intake of the engine `engine@localhost`."""
    opened = Intake(database=database, engine=ENGINE, clock=clock)
    await opened.open()
    return opened
