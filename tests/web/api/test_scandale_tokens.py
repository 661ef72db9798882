"""SCANDALE's tokens: shown as DER or base64, really checked, and verified before they are stored."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection, insert, update

from registry import tables
from registry.callers import Scope
from registry.document_tables import document_tombstone
from registry.scandale_tables import posted_token
from tests.registry.payloads import change_payload
from tests.web.api.station import CLOCK, Station, a_station, an_item
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.token import read_token
from web.api.scandale_tokens import read_posted

ROOT = "/TimeStampTokens/"


@pytest.fixture
async def station(migrated: Path, tmp_path: Path) -> AsyncIterator[Station]:
    async with a_station(migrated, tmp_path) as running:
        yield running


@pytest.fixture
async def client(station: Station) -> AsyncIterator[httpx.AsyncClient]:
    async with station.client(Scope.INGEST, Scope.READ) as opened:
        yield opened


async def post(client: httpx.AsyncClient, count: int = 1, **more: Any) -> list[str]:
    """Post items and return their uuids."""
    items = [an_item(payload=b"payload %d" % number, **more) for number in range(count)]
    for item in items:
        assert (await client.post("/items/", json=item)).status_code == 201
    return [item["meta"]["uuid"] for item in items]


async def validity(client: httpx.AsyncClient, uuid: str) -> bool:
    answer = await client.get(f"{ROOT}check/{uuid}")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"validity"}
    return bool(answer.json()["validity"])


async def test_an_item_without_token_has_none(client: httpx.AsyncClient) -> None:
    (uuid,) = await post(client)
    for path in ("", "token/", "check/", "get_timestamp/"):
        for one in (uuid, str(uuid4())):
            answer = await client.get(f"{ROOT}{path}{one}")
            assert answer.status_code == 404
            assert answer.json()["detail"] == "TimeStampToken not found"
    assert (await client.get(ROOT)).json() == []


async def test_a_token_is_shown_as_it_is(station: Station, client: httpx.AsyncClient) -> None:
    uuids = await post(client, 3)
    await station.stamp(max_items=2)

    token = await client.get(f"{ROOT}token/{uuids[0]}")
    one = (await client.get(f"{ROOT}{uuids[0]}")).json()
    listed = (await client.get(ROOT)).json()
    second = (await client.get(f"{ROOT}?skip=1&limit=1")).json()
    time = (await client.get(f"{ROOT}get_timestamp/{uuids[0]}")).json()

    assert token.headers["content-type"] == "application/timestamp-token"
    assert base64.b64decode(one["tst"]) == token.content
    assert one["scan_uuid"] == uuids[0]
    assert [entry["scan_uuid"] for entry in listed] == uuids[:2]
    assert second == listed[1:]
    assert time["timestamp"].startswith("20")
    assert read_token(token.content).info.gen_time > 0


async def test_every_item_of_batches_of_all_sizes_is_valid(station: Station, client: httpx.AsyncClient) -> None:
    sizes = [1, 2, 31, 32, 33, 3]
    uuids = await post(client, sum(sizes))
    for size in sizes:
        await station.stamp(max_items=size)
    assert [await validity(client, uuid) for uuid in uuids] == [True] * len(uuids)


async def change(station: Station, uuid: str, **values: Any) -> None:
    table = tables.item

    def work(connection: Connection) -> None:
        if "payload" in values:
            change_payload(connection, uuid, values.pop("payload"))
        else:
            connection.execute(update(table).where(table.c.uuid == uuid).values(**values))

    await station.database.write(work)


TAMPERED: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"payload": b"something else"}, True),
    ({"payload": None}, True),
    ({"payload_sha256": "0" * 64}, True),
    ({"size": 1}, True),
    ({"received_at": 0}, True),
    ({"digest": b""}, True),
    ({"statement": b"{}"}, False),
    ({"statement": b""}, False),
)


async def test_what_was_tampered_with_is_not_valid(station: Station, client: httpx.AsyncClient) -> None:
    for values, neighbour in TAMPERED:
        uuids = await post(client, 3)
        await station.stamp()
        assert await validity(client, uuids[1])
        await change(station, uuids[1], **values)
        assert not await validity(client, uuids[1]), values
        # A leaf that is gone takes the witness of the items around it.
        assert await validity(client, uuids[0]) is neighbour, values


async def test_a_garbage_token_is_not_valid(station: Station, client: httpx.AsyncClient) -> None:
    (uuid,) = await post(client)
    await station.stamp()
    for token in (b"", b"garbage", b"\x30\x80" + b"\x00" * 50, secrets.token_bytes(3000)):
        values = update(tables.token).values(token=token)
        await station.database.write(lambda connection, values=values: connection.execute(values))  # type: ignore[misc]
        assert await validity(client, uuid) is False


async def test_a_token_of_an_authority_that_nobody_configured_is_not_valid(
    station: Station, client: httpx.AsyncClient
) -> None:
    (uuid,) = await post(client)
    await station.stamp(tsa="stranger")
    assert await validity(client, uuid) is False


async def test_a_deleted_document_stays_proved_and_a_lost_one_does_not(
    station: Station, client: httpx.AsyncClient
) -> None:
    (uuid,) = await post(client)
    await station.stamp()
    await change(station, uuid, payload=None)
    assert await validity(client, uuid) is False
    row = {
        "sha256": hashlib.sha256(b"payload 0").hexdigest(),
        "size": 9,
        "content_type": "text/plain",
        "created_at": 0,
        "created_by": "anybody",
        "deleted_at": 1,
        "deleted_by": "anybody",
        "reason": "test",
    }
    await station.database.write(lambda connection: connection.execute(insert(document_tombstone).values(row)))
    assert await validity(client, uuid) is True


async def test_bad_uuids_are_refused(client: httpx.AsyncClient) -> None:
    for path in ("", "token/", "check/", "get_timestamp/"):
        for id in ("1", "%00", "x" * 36, "{}"):
            assert (await client.get(f"{ROOT}{path}{id}")).status_code == 422, (path, id)
        assert (await client.get(f"{ROOT}{path}..%2f..")).status_code == 404


# Posted tokens ------------------------------------------------------------------------


async def a_token(authority: LocalAuthority, data: bytes) -> bytes:
    return (await authority.stamp(hashlib.sha256(data).digest())).token


@pytest.mark.parametrize("form", ["bytes", "base64"])
@pytest.mark.parametrize("as_literal", [False, True])
async def test_a_good_token_is_stored_and_comes_back(
    station: Station, client: httpx.AsyncClient, form: str, as_literal: bool
) -> None:
    (uuid,) = await post(client)
    payload = b"payload 0"
    token = await a_token(station.authority, payload if form == "bytes" else base64.b64encode(payload))
    body: dict[str, Any] = (
        {"content": str({"tst": token, "scan_uuid": uuid}).encode()}
        if as_literal
        else {"json": {"tst": base64.b64encode(token).decode(), "scan_uuid": uuid}}
    )
    posted, again = await client.post(ROOT, **body), await client.post(ROOT, **body)

    assert (posted.status_code, again.status_code) == (201, 200), posted.text
    assert (await client.get(f"{ROOT}token/{uuid}")).content == token
    assert (await client.get(f"{ROOT}{uuid}")).json()["over"] == form
    assert await validity(client, uuid)
    await station.stamp()
    assert await validity(client, uuid)
    await change(station, uuid, payload=b"tampered")
    assert await validity(client, uuid) is False


async def test_a_posted_token_that_was_exchanged_is_not_valid(station: Station, client: httpx.AsyncClient) -> None:
    (uuid,) = await post(client)
    token = await a_token(station.authority, b"payload 0")
    await client.post(ROOT, json={"tst": base64.b64encode(token).decode(), "scan_uuid": uuid})
    other = await a_token(station.authority, b"something else")
    await station.database.write(lambda connection: connection.execute(update(posted_token).values(token=other)))
    assert await validity(client, uuid) is False


async def test_tokens_that_prove_nothing_here_are_refused(
    station: Station, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (uuid,) = await post(client)
    stranger = LocalAuthority.open(tmp_path / "stranger", clock=CLOCK, create=True)
    for token, status in (
        (b"", 422),
        (b"garbage", 422),
        (await a_token(station.authority, b"another payload"), 422),
        (await a_token(stranger, b"payload 0"), 422),
        (b"\x30" * 70_000, 422),
    ):
        answer = await client.post(ROOT, json={"tst": base64.b64encode(token).decode(), "scan_uuid": uuid})
        assert answer.status_code == status, answer.text
    good = base64.b64encode(await a_token(station.authority, b"payload 0")).decode()
    assert (await client.post(ROOT, json={"tst": good, "scan_uuid": str(uuid4())})).status_code == 404
    assert (await client.post(ROOT, json={"tst": good, "scan_uuid": "x"})).status_code == 422
    assert (await client.get(f"{ROOT}{uuid}")).status_code == 404


BAD_BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{'tst': b'', 'scan_uuid': __import__('os')}",
    b"{'tst': b'\\xzz', 'scan_uuid': 'x'}",
    b"{'tst': b'a'",
    b"{'tst': b'a', 'tst': b'b'}",
    b"{'tst': b'a', 'scan_uuid': 'x'} ",
    b"{" * 50_000,
    b"{'tst': b'" + b"\\" * 50_001 + b"', 'scan_uuid': 'x'}",
    b'{"tst": 1, "scan_uuid": 2}',
    b'{"tst": "!", "scan_uuid": "x"}',
    b"\xff\xfe",
)


async def test_bad_bodies_are_refused(client: httpx.AsyncClient) -> None:
    for body in BAD_BODIES:
        answer = await client.post(ROOT, content=body)
        assert answer.status_code == 422, (body[:50], answer.text)


def test_scandales_literal_is_read() -> None:
    token = bytes(range(256)) + b"'\"\\"
    uuid = str(uuid4())
    assert read_posted(str({"tst": token, "scan_uuid": uuid}).encode()) == (uuid, token)
    assert read_posted(str({"scan_uuid": uuid, "tst": token}).encode()) == (uuid, token)
    assert read_posted(str({"tst": b"\"'", "scan_uuid": uuid}).encode()) == (uuid, b"\"'")
