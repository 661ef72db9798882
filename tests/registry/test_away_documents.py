"""Documents that an engine on another host reads at the hub: what cannot be asked for now waits."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.away_documents import AwayDocuments, AwayError
from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.intake import Intake
from registry.keys import Scope
from tests.registry.conftest import RECEIVED_AT, Sender
from tests.registry.watched import MINUTE, Watched
from tests.vedette.documents.test_client import Service
from vedette.clock import ManualClock
from vedette.documents.client import DocumentClient
from vedette.messages.item import ReceivedItem


async def put(documents: Documents, body: bytes) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield body

    document, _ = await documents.receive(pieces(), content_type="application/json", by="probe@localhost")
    return document.sha256


async def test_documents_are_read_at_the_hub_or_it_is_said_that_they_cannot_be_now(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        await service.documents.open()
        await service.server.start()
        id = await put(service.documents, b"seen")
        key = await service.keys.issue(name="engine", scopes=[Scope.READ], agent="engine@localhost")
        away = AwayDocuments(lambda: DocumentClient(url=service.server.url, api_key=key, ca=service.ca))
        assert await asyncio.to_thread(away.read, id, limit=100) == b"seen"
        assert await asyncio.to_thread(away.read, id, limit=3) is None
        assert await asyncio.to_thread(away.read, hashlib.sha256(b"unknown").hexdigest(), limit=100) is None
        await service.server.stop()
        with pytest.raises(AwayError, match="cannot be read at the hub now"):
            await asyncio.to_thread(away.read, id, limit=100)
    finally:
        await service.server.stop()
        service.database.close()


class Hub:
    """Documents at a hub that may be away."""

    def __init__(self, folder: ContentFolder) -> None:
        self.folder = folder
        self.away = False

    def read(self, sha256: str, *, limit: int) -> bytes | None:
        if self.away:
            raise AwayError("the hub is away")
        return self.folder.read(sha256, limit=limit)


async def test_the_correlation_waits_for_a_hub_that_is_away(
    database: Database, intake: Intake, clock: ManualClock, sender: Sender, tmp_path: Path
) -> None:
    folder = ContentFolder(tmp_path / "documents", limit=1024 * 1024, reserve=0)
    documents, hub = Documents(database=database, folder=folder, clock=clock), Hub(folder)
    await documents.open()
    watched = Watched(database, intake, clock)
    watched.correlation = watched.opened(documents=hub)
    for minute, state in enumerate(["closed", "closed", "open"]):
        id = await put(documents, json.dumps({"port 22": state}).encode())
        at = RECEIVED_AT + minute * MINUTE
        data = sender.item(target="www.example.org", check="a", collected_at=at).data
        await intake.commit([sender.deliver(ReceivedItem({**data, "payload": {"document": id}}), received_at=at)])
    hub.away = True
    for _ in range(3):
        with pytest.raises(AwayError):
            await watched.correlation.advance(limit=10)
    hub.away = False
    assert [one.kind.value for one in await watched.findings()] == ["first seen", "changed"]
