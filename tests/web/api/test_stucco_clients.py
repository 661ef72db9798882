"""Stucco's clients, by what they send and read: the requests byte for byte as theirs, the answers read as strictly.

Written from the behaviour of stucco/document-service (its Go client and tests) and of
stucco/document-service-client-java (used by its collectors and by its rt). The only thing added is the key, which
an address with user and password brings.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest

from registry.keys import Scope
from tests.timing import PATIENCE
from tests.web.api.conftest import Served

CONTENT = '{"k1": 123, "k2": 456}'


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def send(url: str, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
    """Send exactly these headers, none added."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.getheaders()},
            body=answer.read(),
        )
    finally:
        connection.close()


@dataclass(frozen=True, kw_only=True)
class GoClient:
    """Go's net/http: says nothing of what it accepts but gzip, which it undoes by itself."""

    url: str
    key: str

    async def send(self, method: str, id: str, body: str | None = None, type: str = "") -> dict[str, Any]:
        address, data = urlsplit(self.url), None if body is None else body.encode()
        # Go takes user and password from the address.
        basic = base64.b64encode(f"stucco:{self.key}".encode()).decode()
        headers = {"Host": address.netloc, "User-Agent": "Go-http-client/1.1", "Authorization": f"Basic {basic}"}
        if data is not None:
            headers |= {"Content-Length": str(len(data)), "Content-Type": type}
        headers["Accept-Encoding"] = "gzip"
        answer = await asyncio.to_thread(send, self.url, method, f"/document/{id}", headers, data)
        text = answer.body
        if answer.headers.get("content-encoding") == "gzip":
            text = zlib.decompress(text, wbits=31)
        return self.unmarshal(json.loads(text))

    @staticmethod
    def unmarshal(answer: dict[str, Any]) -> dict[str, Any]:
        """Fail where encoding/json does: `ok` is `json:",string"`, all else has one type or is null."""
        assert answer["ok"] in ("true", "false")
        for name in ("key", "message", "error", "document", "name", "content-type", "extractor", "title"):
            assert isinstance(answer.get(name) or "", str), name
        for name in ("creation-date", "modification-date"):
            assert isinstance(answer.get(name) or "", str), name
        assert isinstance(answer.get("timestamp", 0), int)
        return answer


@dataclass(frozen=True, kw_only=True)
class JavaClient:
    """HttpURLConnection, as `DocServiceClient` uses it; metadata and `extract` go into the query."""

    url: str
    key: str

    def headers(self, **more: str) -> dict[str, str]:
        basic = base64.b64encode(f"stucco:{self.key}".encode()).decode()
        usual = {"User-Agent": "Java/1.8.0_292", "Host": urlsplit(self.url).netloc, "Connection": "keep-alive"}
        return {"Authorization": f"Basic {basic}", **more, **usual}

    async def store(self, data: bytes, type: str, *, id: str = "", method: str = "POST", **metadata: str) -> str:
        said = {**metadata, **({"extract": "false"} if method == "POST" else {})}
        query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in said.items())
        path = f"/document{'/' + id if id else ''}{'?' + query if query else ''}"
        # Java says so by itself, as a default for whatever it asks.
        accept = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
        headers = self.headers(**{"content-Type": type, "Accept": accept, "Content-Length": str(len(data))})
        answer = await asyncio.to_thread(send, self.url, method, path, headers, data)
        assert answer.status < 400  # getInputStream() throws from there on
        return str(json.loads(answer.body)["key"])

    async def fetch(self, id: str, *, accept: str = "application/octet-stream", extract: bool = False) -> bytes:
        path = f"/document/{id}?extract={str(extract).lower()}"
        answer = await asyncio.to_thread(send, self.url, "GET", path, self.headers(accept=accept), None)
        if answer.status >= 400:
            raise FileNotFoundError(id)
        assert "content-encoding" not in answer.headers  # it never asked for any
        return answer.body

    async def fetch_text(self, id: str) -> str:
        return str(json.loads(await self.fetch(id, accept="application/json", extract=True))["text"])


@pytest.fixture
async def go(served: Served) -> GoClient:
    return GoClient(url=served.server.url, key=await served.key(Scope.INGEST, Scope.READ, Scope.ADMIN))


@pytest.fixture
async def java(served: Served) -> JavaClient:
    return JavaClient(url=served.server.url, key=await served.key(Scope.INGEST, Scope.READ))


@pytest.mark.parametrize("id", ["", "2345-6789", "k-5051", "4f1c2a3e-8f0e-4c5e-9d6a-0123456789ab"])
async def test_the_go_client_stores_reads_and_deletes(go: GoClient, id: str) -> None:
    stored = await go.send("POST", id, CONTENT, "application/json")
    assert stored["ok"] == "true"
    assert id in ("", stored["key"])
    found = await go.send("GET", stored["key"])
    assert (found["ok"], found["key"], found["document"]) == ("true", stored["key"], CONTENT)
    assert (found["content-type"], found["timestamp"] > 1_700_000_000) == ("application/json", True)
    assert (await go.send("DELETE", stored["key"]))["ok"] == "true"
    # Its tests run again and again over the same data.
    assert (await go.send("POST", id, CONTENT, "application/json"))["key"] == stored["key"]


async def test_the_go_client_reads_a_long_text_that_came_packed(go: GoClient) -> None:
    text = 'a "long" text\n' * 100_000
    stored = await go.send("POST", "", text, "text/plain")
    assert (await go.send("GET", stored["key"]))["document"] == text


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("id", ["", "cve-2026-0001"])
async def test_the_java_client_stores_and_fetches_bytes(java: JavaClient, method: str, id: str) -> None:
    data = bytes(range(256)) * 50
    key = await java.store(data, "application/pdf", id=id, method=method)
    assert id in ("", key)
    assert await java.fetch(key) == data


async def test_the_java_client_gets_the_text_for_rt_and_what_it_said_is_kept(java: JavaClient, go: GoClient) -> None:
    key = await java.store("Käse & more".encode(), "text/plain", title="A title", **{"dc:title": "Ein Titel"})
    assert await java.fetch_text(key) == "Käse & more"
    assert (await go.send("GET", key))["title"] == "Ein Titel"


async def test_the_java_client_sees_that_a_document_is_not_there(java: JavaClient) -> None:
    with pytest.raises(FileNotFoundError):
        await java.fetch("nothing")
