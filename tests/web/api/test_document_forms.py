"""Documents in the form that a client wants, under the name that it gave, with what it said of them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
from typing import Any

import httpx
import pytest

from registry.keys import Scope
from tests.web.api.conftest import LIMIT, Serve, Served
from vedette.documents.quota import Quotas

TEXT = '<p>a line with "quotes", a tab\t, ünïcode and \N{GRINNING FACE}</p>\n'.encode() * 5_000
TEXT_ID = hashlib.sha256(TEXT).hexdigest()
BINARY = random.Random(2).randbytes(400_001)
BINARY_ID = hashlib.sha256(BINARY).hexdigest()
EVERYTHING = (Scope.INGEST, Scope.READ, Scope.ADMIN)


def is_problem(response: httpx.Response, status: int, words: str = "") -> bool:
    body = response.json()
    return response.status_code == body["status"] == status and body["ok"] is False and words in body["detail"]


async def put(
    client: httpx.AsyncClient, path: str, data: bytes, type: str = "text/html", **more: Any
) -> httpx.Response:
    return await client.post(path, content=data, headers={"Content-Type": type}, **more)


TYPES = {
    "*/*": "text/html; charset=utf-8",
    "text/html": "text/html; charset=utf-8",
    "text/plain": "text/plain; charset=utf-8",
    "text/*;q=0.5, application/octet-stream": "application/octet-stream",
    "application/octet-stream;q=0.1, text/plain;q=0.01": "application/octet-stream",
    "application/json;q=0, */*;q=0.1": "text/html; charset=utf-8",
    "text/html;q=0, text/*": "text/plain; charset=utf-8",
    "image/png, text/plain;q=0.1": "text/plain; charset=utf-8",
}


async def test_the_bytes_come_under_the_type_that_is_wanted(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", TEXT, "text/html; charset=utf-8")
        for accept, type in TYPES.items():
            found = await client.get(f"/document/{TEXT_ID}", headers={"Accept": accept})
            head = await client.head(f"/document/{TEXT_ID}", headers={"Accept": accept})
            assert (found.status_code, found.content, found.headers["content-type"]) == (200, TEXT, type), accept
            assert found.headers["vary"] == "Accept, Accept-Encoding"
            same = ("content-type", "etag", "vary", "content-encoding")
            assert [head.headers.get(name) for name in same] == [found.headers.get(name) for name in same]


async def test_what_there_is_not_is_406_and_names_what_there_is(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", TEXT)
        for accept in ("image/png", "text/plain;q=0", "*/*;q=0", "application/*;q=0, text/*;q=0"):
            refused = await client.get(f"/document/{TEXT_ID}", headers={"Accept": accept})
            assert is_problem(refused, 406, "application/octet-stream, application/json"), accept
        binary = await put(client, "/document", BINARY, "image/gif")
        plain = await client.get(binary.headers["location"], headers={"Accept": "text/plain"})
    assert is_problem(plain, 406)


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, len(TEXT)])
async def test_the_envelope_has_the_text_and_all_that_was_said(served: Served, size: int) -> None:
    text = TEXT[:size].decode("utf-8", "ignore").encode()
    said = {"name": "a.html", "title": "old", "dc:title": "A page", "dcterms:created": "2026-11-01", "source": "x"}
    async with await served.client(*EVERYTHING) as client:
        stored = await put(client, "/document", text, params={**said, "extract": "false", "token": "vdt_secret"})
        wanted = {"Accept": "application/json"}
        found = await client.get(stored.headers["location"], headers=wanted)
        extracted = await client.get(stored.headers["location"], headers=wanted, params={"extract": "true"})
    body = found.json()
    assert found.headers["content-type"] == "application/json"
    assert body.pop("timestamp") > 1_700_000_000
    sha256 = hashlib.sha256(text).hexdigest()
    assert body == {
        "ok": "true",
        "key": sha256,
        "content-type": "text/html",
        "name": "a.html",
        "title": "A page",
        "creation-date": "2026-11-01",
        "size": len(text),
        "sha256": sha256,
        "description": {"source": "x"},
        "document": text.decode(),
    }
    assert extracted.json()["text"] == text.decode()
    assert found.headers["etag"] != extracted.headers["etag"]


async def test_the_envelope_of_bytes_that_are_no_text_is_base64_and_says_so(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", BINARY, "text/plain")
        body = (await client.get(f"/document/{BINARY_ID}", headers={"Accept": "application/json"})).json()
    assert (body["encoding"], base64.b64decode(body["document"])) == ("base64", BINARY)


async def test_json_is_itself_unless_json_is_asked_for(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        stored = await put(client, "/document", b'{"a": 2}', "application/json")
        itself = await client.get(stored.headers["location"])
        envelope = await client.get(stored.headers["location"], headers={"Accept": "application/json"})
    assert itself.content == b'{"a": 2}'
    assert envelope.json()["document"] == '{"a": 2}'


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_text_is_packed_for_who_takes_it_and_has_a_tag_of_its_own(served: Served, accept: str) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", TEXT)
        tags = {}
        for encoding in ("gzip", "identity", "gzip;q=0, *", "br, x-gzip;q=0.1"):
            headers = {"Accept": accept, "Accept-Encoding": encoding}
            async with client.stream("GET", f"/document/{TEXT_ID}", headers=headers) as found:
                raw = b"".join([piece async for piece in found.aiter_raw()])
            packed = found.headers.get("content-encoding") == "gzip"
            assert packed == ("gzip" in encoding and "gzip;q=0," not in encoding)
            tags[packed] = found.headers["etag"]
            assert TEXT_ID in found.headers["etag"]
            if packed:
                assert len(raw) < len(TEXT) / 10
                raw = gzip.decompress(raw)
            assert raw == TEXT or accept == "application/json"
        assert tags[True] != tags[False]
        await put(client, "/document", BINARY, "image/png")
        picture = await client.get(f"/document/{BINARY_ID}", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in picture.headers


async def test_who_has_it_already_is_told_so(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document/page", TEXT)
        for headers in (
            {},
            {"Accept-Encoding": "identity"},
            {"Accept": "application/json"},
            {"Accept": "text/plain"},
        ):
            found = await client.get("/document/page", headers=headers)
            tag = found.headers["etag"]
            for known in (tag, f"W/{tag}", "*", f'"other", {tag}'):
                again = await client.get("/document/page", headers={**headers, "If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
                assert (again.headers["etag"], again.headers["vary"]) == (tag, found.headers["vary"])
                assert (
                    await client.head("/document/page", headers={**headers, "If-None-Match": known})
                ).status_code == 304
            for unknown in ('"other"', tag.strip('"'), "", f'"x{tag[1:]}'):
                assert (
                    await client.get("/document/page", headers={**headers, "If-None-Match": unknown})
                ).status_code == 200


@pytest.mark.parametrize("name", ["23456", "3f2b8e6c-9d7e-4f4e-8a42-6f1f5b0f3a11", "feed:cve@2026.11~1", "z" * 128])
async def test_a_name_finds_the_document_with_what_was_said_under_it(served: Served, name: str) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", TEXT, "text/plain", params={"title": "first"})
        stored = await put(client, f"/document/{name}", TEXT, "text/html", params={"title": "named"})
        assert (stored.status_code, stored.json()["key"]) == (201, name)
        assert stored.headers["location"] == f"/document/{name}"
        assert stored.headers["link"] == f'</document/{TEXT_ID}>; rel="canonical"'
        again = await put(client, f"/document/{name}", TEXT, "text/xml")
        assert (again.status_code, again.json()["message"]) == (200, "was stored before")
        found = await client.get(f"/document/{name}")
        assert (found.content, found.headers["content-type"]) == (TEXT, "text/html")
        said = (await client.get(f"/document/{name}", headers={"Accept": "application/json"})).json()
        assert (said["key"], said["title"], said["sha256"]) == (name, "named", TEXT_ID)
        assert (await client.get(f"/document/{TEXT_ID}")).headers["content-type"] == "text/plain"
        other = await put(client, f"/document/{name}", TEXT + b"x")
        assert is_problem(other, 409, "another document")
    assert list(served.content.ids()) == [TEXT_ID]
    assert served.partials() == []


async def test_what_is_no_name_is_refused_and_stores_nothing(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        for name in ("z" * 129, "-a", ".hidden", "a%2fb", "a b", "ä", "f" * 41, TEXT_ID.upper(), "a%00"):
            assert (await put(client, f"/document/{name}", b"text")).status_code in {404, 422}, name
            assert (await client.get(f"/document/{name}")).status_code == 404, name
    assert list(served.content.ids()) == []


async def test_a_deleted_document_is_gone_under_every_name_and_names_are_free_again(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        for name in ("one", "two"):
            await put(client, f"/document/{name}", TEXT, params={"title": "Jane Doe"})
        deleted = await client.delete("/document/one", params={"reason": "asked for by Jane"})
        assert (deleted.status_code, deleted.json()["key"]) == (200, "one")
        for name in ("one", "two", TEXT_ID):
            assert is_problem(await client.get(f"/document/{name}"), 410, "asked for by Jane")
            assert is_problem(await client.delete(f"/document/{name}"), 410)
        assert (await put(client, "/document/one", b"another")).status_code == 201
        assert (await client.get("/document/one")).content == b"another"
        assert (await client.get("/document/two")).status_code == 410
        assert (await put(client, "/document/two", TEXT)).status_code == 201
        assert (await client.get("/document/two")).content == TEXT


TOO_MUCH: list[dict[str, str]] = [
    {f"key{number}": "x" for number in range(33)},
    {"title": "x" * 1025},
    {"title": "a\x00b"},
    {"title": "a\nb"},
    {"": "x"},
    {"a b": "x"},
    {"k" * 65: "x"},
]


async def test_what_is_said_is_bounded(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        for params in TOO_MUCH:
            assert is_problem(await put(client, "/document", b"text", params=params), 400), params
    assert list(served.content.ids()) == []


async def test_a_key_in_the_query_is_never_stored(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        await put(client, "/document", TEXT, params={"token": "vdt_secret", "title": "t"})
    assert "vdt_secret" not in (await served.documents.find(TEXT_ID)).description


async def test_a_form_brings_a_file_and_what_is_said_of_it(served: Served) -> None:
    files = {"upload": ("report ü.pdf", BINARY, "application/pdf")}
    async with await served.client(*EVERYTHING) as client:
        stored = await client.post(
            "/document", data={"dc:title": "Bericht"}, files=files, params={"extractor": "tika"}
        )
        assert (stored.status_code, stored.json()["key"]) == (201, BINARY_ID)
        found = await client.get(f"/document/{BINARY_ID}")
        said = (await client.get(f"/document/{BINARY_ID}", headers={"Accept": "application/json"})).json()
        named = await client.post("/document/report", data={"name": "given"}, files={"f": ("x", TEXT, "text/css")})
        also = (await client.get("/document/report", headers={"Accept": "application/json"})).json()
    assert (found.content, found.headers["content-type"]) == (BINARY, "application/pdf")
    assert (said["title"], said["name"], said["extractor"]) == ("Bericht", "report ü.pdf", "tika")
    assert (named.status_code, also["name"], also["content-type"]) == (201, "given", "text/css")


def form(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    return b"".join(b"--B\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + end


FILE = b'name="f"; filename="f"\r\n\r\nbytes'


WRONG_FORMS = [
    b"",
    b"not a form",
    form(),
    form(b'name="a"\r\n\r\nx'),
    form(FILE, FILE),
    form(FILE, end=b""),
    form(b'filename="f"\r\n\r\nbytes'),
    form(FILE, b'name="a"\r\n\r\n' + b"x" * 5000),
    form(FILE, *[b'name="a"\r\n\r\nx'] * 65),
    form(FILE, *[b'name="key%d"\r\n\r\nx' % number for number in range(33)]),
    form(FILE, b'name="a"\r\n\r\n\xff'),
    form(FILE.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 9000 + b"\r\n\r\n")),
    form(FILE.replace(b"\r\n\r\n", b"\r\nX: y" * 20 + b"\r\n\r\n")),
]


async def test_a_wrong_form_leaves_nothing(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        for body in WRONG_FORMS:
            headers = {"Content-Type": "multipart/form-data; boundary=B"}
            assert is_problem(await client.post("/document", content=body, headers=headers), 400), body[:100]
        without = await client.post("/document", content=b"", headers={"Content-Type": "multipart/form-data"})
        assert is_problem(without, 400, "boundary")
    assert (list(served.content.ids()), served.partials()) == ([], [])


async def test_the_file_of_a_form_has_the_same_limit(served: Served) -> None:
    async with await served.client(*EVERYTHING) as client:
        refused = await client.post("/document", files={"f": ("f", bytes(LIMIT + 1))})
        assert (await client.post("/document", files={"f": ("f", bytes(LIMIT))})).status_code == 201
    assert is_problem(refused, 413)


async def test_a_quota_refuses_what_is_new_says_why_and_is_free_again(serve: Serve) -> None:
    served = await serve(quotas=Quotas(usual=len(TEXT) + 10, own={"rich@localhost": 2**40}))
    async with await served.client(*EVERYTHING, agent="poor@localhost") as poor:
        assert (await put(poor, "/document", TEXT)).status_code == 201
        refused = await put(poor, "/document", BINARY)
        assert is_problem(refused, 507, f"poor@localhost has {len(TEXT)} bytes of documents of {len(TEXT) + 10}")
        assert (await put(poor, "/document", TEXT)).status_code == 200
        assert (await put(poor, "/document", b"tiny")).status_code == 201
        async with await served.client(*EVERYTHING, agent="rich@localhost") as rich:
            assert (await put(rich, "/document", BINARY)).status_code == 201
        # What somebody else had first counts for him.
        assert (await put(poor, "/document", BINARY)).status_code == 200
        await poor.delete(f"/document/{TEXT_ID}", params={"reason": "room"})
        assert (await put(poor, "/document", TEXT)).status_code == 201
    assert served.partials() == []
