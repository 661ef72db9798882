"""The document service over HTTP: stored once, streamed, bounded, and nothing for strangers."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.keys import Scope
from tests.timing import PATIENCE
from tests.web.api.conftest import LIMIT, Serve, Served
from vedette.clock import SystemClock

BODY = random.Random(1).randbytes(300_000)
ID = hashlib.sha256(BODY).hexdigest()


def is_problem(response: httpx.Response, status: int) -> bool:
    """Tell whether an answer is a problem with this status."""
    body = response.json()
    described = response.headers["content-type"] == "application/problem+json" and bool(body["detail"])
    return response.status_code == status and body["status"] == status and described


async def test_what_is_posted_comes_back_as_it_was(served: Served) -> None:
    async with await served.client(Scope.INGEST, Scope.READ) as client:
        stored = await client.post("/document", content=BODY, headers={"Content-Type": "application/xml"})
        assert stored.status_code == 201
        assert stored.headers["location"] == f"/document/{ID}"
        assert stored.json() == {
            "ok": "true",
            "key": ID,
            "message": "stored",
            "error": None,
            "size": len(BODY),
        }
        found = await client.get(f"/document/{ID}")
        head = await client.head(f"/document/{ID}", headers={"Accept-Encoding": "identity"})
        packed = await client.head(f"/document/{ID}")
    assert (found.status_code, found.content) == (200, BODY)
    assert found.headers["content-type"] == head.headers["content-type"] == "application/xml"
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert (head.content, head.headers["content-length"]) == (b"", str(len(BODY)))
    assert (packed.headers["content-encoding"], "content-length" in packed.headers) == ("gzip", False)


async def test_the_same_content_is_one_file_and_keeps_its_first_type(served: Served) -> None:
    async with await served.client(Scope.INGEST) as client:
        first = await client.put(f"/document/{ID}", content=BODY, headers={"Content-Type": "text/plain"})
        again = await client.post(f"/document/{ID}", content=BODY, headers={"Content-Type": "text/html"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert list(served.content.ids()) == [ID]
    assert (await served.documents.find(ID)).content_type == "text/plain"


async def test_an_empty_document_is_one(served: Served) -> None:
    async with await served.client(Scope.INGEST, Scope.READ) as client:
        stored = await client.post("/document", content=b"")
        assert stored.json()["key"] == hashlib.sha256(b"").hexdigest()
        assert (await client.get(stored.headers["location"])).content == b""


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_bytes_that_are_not_those_of_the_id_leave_nothing(served: Served, method: str) -> None:
    async with await served.client(Scope.INGEST) as client:
        refused = await client.request(method, f"/document/{ID}", content=BODY + b"x")
    assert is_problem(refused, 409)
    assert (list(served.content.ids()), served.partials()) == ([], [])


@pytest.mark.parametrize(
    "id",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        ID.upper(),
        ID[:-1],
        ID + "0",
        f"{ID}%00",
        f"{ID}%0a",
        f"partial%2f{ID}",
        "\N{FULLWIDTH DIGIT ONE}" * 64,
        f"..{ID[2:]}",
    ],
)
async def test_no_id_leaves_the_folder(served: Served, id: str) -> None:
    before = sorted(served.content.folder.parent.rglob("*"))
    async with await served.client(Scope.INGEST, Scope.READ, Scope.ADMIN) as client:
        answers = [
            await client.request(method, f"/document/{id}", content=b"x" if method in {"PUT", "POST"} else None)
            for method in ("PUT", "POST", "GET", "HEAD", "DELETE")
        ]
    assert {answer.status_code for answer in answers} <= {404, 422}
    after = [path for path in sorted(served.content.folder.parent.rglob("*")) if "store" not in path.name]
    assert after == [path for path in before if "store" not in path.name]


async def test_gzip_is_unpacked_before_it_is_named(served: Served) -> None:
    text = b"the same line again\n" * 10_000
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    async with await served.client(Scope.INGEST, Scope.READ) as client:
        stored = await client.post("/document", content=gzip.compress(text), headers=headers)
        assert stored.json()["key"] == hashlib.sha256(text).hexdigest()
        assert (await client.get(stored.headers["location"])).content == text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not gzip at all", 400),
        (gzip.compress(BODY)[:-9], 400),
        (gzip.compress(BODY) + b"and more", 400),
        (zlib.compress(BODY), 400),
        (gzip.compress(bytes(LIMIT + 1)), 413),
    ],
)
async def test_wrong_gzip_and_bombs_leave_nothing(served: Served, body: bytes, status: int) -> None:
    async with await served.client(Scope.INGEST) as client:
        refused = await client.post("/document", content=body, headers={"Content-Encoding": "gzip"})
    assert is_problem(refused, status)
    assert (list(served.content.ids()), served.partials()) == ([], [])


async def test_unknown_encodings_and_types_are_refused(served: Served) -> None:
    async with await served.client(Scope.INGEST) as client:
        assert is_problem(await client.post("/document", content=b"x", headers={"Content-Encoding": "br"}), 415)
        assert is_problem(await client.post("/document", content=b"x", headers={"Content-Type": "nonsense"}), 415)


async def test_more_than_the_limit_is_refused_announced_or_not(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 65536 + 1):
            yield bytes(65536)

    async with await served.client(Scope.INGEST) as client:
        in_pieces = await client.post("/document", content=pieces())
    assert is_problem(in_pieces, 413)
    key = await served.key(Scope.INGEST)
    head = f"POST /document HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    assert (await _raw(served, head.encode())).startswith(b"HTTP/1.1 413 ")
    assert (list(served.content.ids()), served.partials()) == ([], [])


async def test_a_full_disk_is_said_and_nothing_stays(serve: Serve) -> None:
    served = await serve(reserve=2**60)
    async with await served.client(Scope.INGEST) as client:
        refused = await client.post("/document", content=BODY)
    assert is_problem(refused, 507)
    assert (list(served.content.ids()), served.partials()) == ([], [])


async def _raw(served: Served, request: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are and return the answer's; with `close`, go away at once."""
    host, port = served.server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        if close:
            return b""
        return await asyncio.wait_for(reader.read(65536), PATIENCE)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_body_without_length_is_refused(served: Served) -> None:
    key = await served.key(Scope.INGEST)
    answer = await _raw(served, f"POST /document HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 411 ")


async def test_an_upload_that_breaks_off_leaves_nothing(served: Served) -> None:
    key = await served.key(Scope.INGEST)
    head = (
        f"PUT /document/{ID} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    await _raw(served, head.encode() + BODY[:-1], close=True)
    async with await served.client(Scope.READ) as client:
        # Answered only after the broken one was seen, as both go through the same loop.
        async with asyncio.timeout(PATIENCE):
            while served.partials():
                await asyncio.sleep(0.01)
        assert is_problem(await client.get(f"/document/{ID}"), 404)
    assert list(served.content.ids()) == []


async def test_a_refused_upload_that_asked_first_sends_nothing(served: Served) -> None:
    head = b"POST /document HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4000000\r\n\r\n"
    answer = await _raw(served, head)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer
    assert b"100 Continue" not in answer


async def test_a_damaged_file_is_never_answered_whole_and_is_mended_by_an_upload(served: Served) -> None:
    async with await served.client(Scope.INGEST, Scope.READ) as client:
        await client.put(f"/document/{ID}", content=BODY)
        path = served.content.path_of(ID)
        path.write_bytes(b"x" + BODY[1:])
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/document/{ID}")
        assert (await client.put(f"/document/{ID}", content=BODY)).status_code == 200
        assert (await client.get(f"/document/{ID}")).content == BODY


async def test_deleting_leaves_a_tombstone_and_keeps_the_reason(served: Served) -> None:
    async with await served.client(Scope.INGEST, Scope.READ, Scope.ADMIN) as client:
        await client.put(f"/document/{ID}", content=BODY)
        assert is_problem(await client.delete(f"/document/{ID}", params={"reason": " "}), 422)
        deleted = await client.delete(f"/document/{ID}", params={"reason": "asked for by the data subject"})
        assert deleted.json()["ok"] == "true"
        gone = await client.get(f"/document/{ID}")
    assert is_problem(gone, 410)
    assert "asked for by the data subject" in gone.json()["detail"]
    (tombstone,) = await served.documents.tombstones(ID)
    assert (tombstone.deleted_by, tombstone.size) == ("key test", len(BODY))
    audit = Audit(database=served.database, clock=SystemClock())
    (entry,) = (await audit.page(wanted=AuditFilter(action="document.delete"))).entries
    assert (entry.who, entry.object, entry.origin) == ("key test", ID, "127.0.0.1")
    assert entry.detail == "asked for by the data subject"
    assert list(served.content.ids()) == []
