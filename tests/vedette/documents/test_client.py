"""The client of the document service against a real server: verified TLS, and refusals told apart."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ejabberd.authority import Authority
from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.keys import Keys, Scope
from vedette.clock import SystemClock
from vedette.documents.client import DocumentClient, UnreadableDocumentError, UploadRefusedError
from vedette.errors import ConnectionFailedError
from web.api.access import Rules
from web.api.application import create_app
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes
from web.api.server import ApiServer

BODY = random.Random(1).randbytes(2 * 1024 * 1024)
ID = hashlib.sha256(BODY).hexdigest()


class Service:
    """A document service over TLS."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'store.db'}")
        self.database.migrate()
        self.database.open()
        self.content = ContentFolder(folder / "documents", limit=4 * 1024 * 1024)
        self.documents = Documents(database=self.database, folder=self.content, clock=SystemClock())
        self.keys = Keys(database=self.database, clock=SystemClock())
        (folder / "ca").mkdir()
        authority = Authority(folder / "ca")
        certificate, key = authority.server("localhost", names=["127.0.0.1"])
        self.ca = authority.ca_file
        routes = [HealthRoutes(ready=self._ready), DocumentRoutes(documents=self.documents)]
        app = create_app(rules=Rules(keys=self.keys), routes=routes)
        self.server = ApiServer(app=app, certificate=certificate, key=key)

    async def _ready(self) -> None:
        return

    async def client(self, *, ca: Path | None = None, scope: Scope = Scope.INGEST) -> DocumentClient:
        key = await self.keys.issue(name="test", scopes=[scope], agent="probe@localhost")
        return DocumentClient(url=self.server.url, api_key=key, ca=ca or self.ca)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path)
    await service.documents.open()
    await service.server.start()
    yield service
    await service.server.stop()
    service.database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(BODY)
    return path


async def test_a_document_is_handed_in_over_verified_tls(service: Service, file: Path) -> None:
    assert service.server.url.startswith("https://")
    async with await service.client() as client:
        assert not await client.has(ID)
        await client.put(ID, file.open("rb"), content_type="application/xml")
        assert await client.has(ID)
    assert (await service.documents.find(ID)).content_type == "application/xml"


async def test_a_document_is_found_by_the_name_that_it_was_handed_in_under(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield BODY

    await service.documents.receive(pieces(), content_type="text/plain", by="somebody", name="report-1.pdf")
    async with await service.client(scope=Scope.READ) as client:
        assert await client.find("report-1.pdf") == ID
        assert await client.find(ID) == ID
        assert await client.find("../a report") is None
    # Who may only hand in learns nothing of what others handed in.
    async with await service.client() as client:
        assert await client.find("report-1.pdf") is None


async def test_a_server_that_cannot_be_verified_gets_neither_key_nor_bytes(
    service: Service, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    other.server("localhost")
    async with await service.client(ca=other.ca_file) as client:
        with pytest.raises(ConnectionFailedError, match="certificate"):
            await client.put(ID, file.open("rb"), content_type="text/plain")
        with pytest.raises(ConnectionFailedError, match="certificate"):
            await client.has(ID)
    assert list(service.content.ids()) == []


async def test_what_will_never_do_is_told_from_what_may_do_later(service: Service, file: Path) -> None:
    async with await service.client() as client:
        with pytest.raises(UploadRefusedError, match="409"):
            await client.put("0" * 64, file.open("rb"), content_type="text/plain")
        with pytest.raises(UploadRefusedError, match="415"):
            await client.put(ID, file.open("rb"), content_type="nonsense")
        await service.keys.revoke_agent("probe@localhost")
        with pytest.raises(ConnectionFailedError, match="401"):
            await client.put(ID, file.open("rb"), content_type="text/plain")
        await service.server.stop()
        with pytest.raises(ConnectionFailedError, match="does not answer"):
            await client.put(ID, file.open("rb"), content_type="text/plain")
    shutil.rmtree(service.content.folder)


async def test_no_key_is_in_an_error_or_a_description(service: Service) -> None:
    client = DocumentClient(url="http://127.0.0.1:1", api_key="vdt_secret")
    with pytest.raises(ConnectionFailedError) as caught:
        await client.has(ID)
    assert "vdt_secret" not in f"{caught.value!r} {caught.value.__cause__!r} {client!r}"
    await client.close()


async def test_a_document_is_read_whole_and_only_up_to_a_limit(service: Service, file: Path) -> None:
    async with await service.client() as client:
        await client.put(ID, file.open("rb"), content_type="application/xml")
        with pytest.raises(ConnectionFailedError, match="403"):
            await client.get(ID, limit=len(BODY))
    async with await service.client(scope=Scope.READ) as client:
        assert await client.get(ID, limit=len(BODY)) == BODY
        with pytest.raises(UnreadableDocumentError, match=f"more than the {len(BODY) - 1} bytes"):
            await client.get(ID, limit=len(BODY) - 1)
        with pytest.raises(UnreadableDocumentError, match="is not there"):
            await client.get("0" * 64, limit=1)
        await service.documents.delete(ID, by="test", reason="asked for")
        with pytest.raises(UnreadableDocumentError, match="asked for"):
            await client.get(ID, limit=len(BODY))
        await service.server.stop()
        with pytest.raises(ConnectionFailedError, match="does not answer"):
            await client.get(ID, limit=1)


async def test_a_document_that_was_damaged_is_not_read(service: Service, file: Path) -> None:
    async with await service.client() as client:
        await client.put(ID, file.open("rb"), content_type="application/xml")
    stored = service.content.path_of(ID)
    stored.chmod(0o600)
    stored.write_bytes(b"x" + BODY[1:])
    async with await service.client(scope=Scope.READ) as client:
        with pytest.raises((UnreadableDocumentError, ConnectionFailedError)):
            await client.get(ID, limit=len(BODY))
