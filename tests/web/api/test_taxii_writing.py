"""What clients post to the TAXII server, and take out of it again: by OASIS' own client, and by hostile ones."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from registry.callers import Scope
from registry.taxii_posting import STATUS_KEPT
from tests.web.api.shared_room import Room, shared_room
from tests.web.api.taxii_parts import SHARING, address, inside, malware, opened, post
from vedette.clock import MICROSECONDS
from vedette.sharing.taxii.resources import MEDIA_TYPE


@pytest.fixture
async def room(migrated: Path, tmp_path: Path) -> AsyncIterator[Room]:
    """A hub with four destinations, three of which are collections."""
    async with shared_room(migrated, tmp_path, SHARING) as served:
        yield served


async def test_what_a_client_posts_is_an_item_and_in_the_collection(room: Room) -> None:
    collection = await opened(room, "inbox", Scope.SHARE, Scope.INGEST, name="partner-a")
    envelope = {"objects": [malware(1), address(2)]}
    status = await inside(lambda: collection.add_objects(envelope))

    assert (status.status, status.success_count, status.failure_count) == ("complete", 2, 0)
    assert (await inside(collection.get_objects))["objects"] == envelope["objects"]
    await inside(status.refresh)
    [item] = await room.items()
    assert item["meta"]["source"] == "vedette.in.structured.stix.inbox"
    assert item["meta"]["agent"] == "key partner-a"
    assert json.loads(base64.b64decode(item["payload"]["raw"])) == envelope

    # The same again is no news: nothing is stored a second time, and nothing fails.
    again = await inside(lambda: collection.add_objects(envelope))
    assert (again.success_count, again.failure_count) == (2, 0)
    assert len((await inside(collection.get_manifest))["objects"]) == 2
    assert len(await room.items()) == 1
    await inside(collection.close)


async def test_a_large_envelope_is_an_item_too(room: Room) -> None:
    envelope = {"objects": [malware(number, description="x" * 3_000) for number in range(200)]}
    async with await room.client(Scope.INGEST, Scope.READ) as client:
        where = "/taxii2/shared/collections/inbox/objects/"
        packed = gzip.compress(json.dumps(envelope).encode())
        headers = {"Content-Type": MEDIA_TYPE, "Content-Encoding": "gzip"}
        answer = await client.post(where, content=packed, headers=headers)
        assert (answer.status_code, answer.json()["success_count"]) == (202, 200)
        [item] = await room.items()
        document = await client.get(f"/document/{item['payload']['document']}", headers={"Accept": "*/*"})
    assert json.loads(document.content)["objects"] == envelope["objects"]


async def test_each_object_that_is_not_taken_says_why_and_the_rest_arrives(room: Room) -> None:
    odd = [malware(2_000, object_marking_refs=5), malware(2_001, object_marking_refs=[[1], {}, None], labels={})]
    good = [*(malware(number) for number in range(997)), *odd]
    bad: dict[str, Any] = {
        "is no identifier": {**malware(1), "id": "malware--1"},
        "begins with": {**malware(2), "type": "tool"},
        "is not 2.1": {**malware(3), "spec_version": "2.0"},
        "which is all": {name: value for name, value in malware(4).items() if name != "spec_version"},
        "timestamp": {**malware(5), "modified": "yesterday"},
        "no timestamp": {**malware(6), "modified": 5},
        "no JSON object": "malware",
        "canonical JSON": {**malware(7), "number": 2**63},
        "NUL": {**malware(8), "id": "malware--00000000-0000-4000-8000-0000000000\0"},
        "another content": {**malware(10), "name": "Other"},
    }
    async with await room.client(Scope.INGEST) as client:
        status = await post(client, [*good, *bad.values()])
    assert (status["success_count"], status["failure_count"], status["total_count"]) == (999, 10, 1009)
    reasons = [one["message"] for one in status["failures"]]
    for words, reason in zip(bad, reasons, strict=True):
        assert words in reason or words == "NUL"


async def test_versions_come_in_any_order(room: Room) -> None:
    times = [f"2026-11-{day:02d}T10:00:00.000Z" for day in (12, 10, 14, 11, 13)]
    async with await room.client(Scope.INGEST, Scope.SHARE) as client:
        for modified in times[:3]:
            await post(client, [malware(1, modified=modified)])
        await post(client, [malware(1, modified=modified) for modified in times[3:]])
        where = f"/taxii2/shared/collections/inbox/objects/{malware(1)['id']}/"
        for which, expected in (("first", times[1]), ("last", times[2])):
            [found] = (await client.get(where, params={"match[version]": which})).json()["objects"]
            assert found["modified"] == expected
        assert sorted((await client.get(f"{where}versions/")).json()["versions"]) == sorted(times)


async def test_what_is_somebody_elses_is_not_changed(room: Room) -> None:
    ours = malware(1)
    await room.filling.replace("inbox", "one", [ours, address(9)])
    later = "2026-11-22T10:00:00.000Z"
    async with (
        await room.client(Scope.INGEST, name="one") as one,
        await room.client(Scope.INGEST, name="two") as two,
        await room.client(Scope.INGEST, Scope.ADMIN, name="admin") as admin,
    ):
        assert (await post(one, [malware(2)]))["failure_count"] == 0
        for client, number in ((one, 1), (two, 2)):
            status = await post(client, [malware(number, modified=later, name="Taken over")])
            assert "belongs to somebody else" in status["failures"][0]["message"]
        # The same observable says the same, whoever says it.
        assert (await post(two, [address(9)]))["failure_count"] == 0

        async def delete(client: httpx.AsyncClient, number: int) -> int:
            where = f"/taxii2/shared/collections/inbox/objects/{malware(number)['id']}/"
            return (await client.delete(where)).status_code

        assert [await delete(one, 1), await delete(admin, 1), await delete(two, 2)] == [403, 403, 403]
        assert [await delete(one, 2), await delete(one, 2)] == [200, 404]
        await post(one, [malware(3)])
        assert await delete(admin, 3) == 200
        assert (await post(two, [malware(2)]))["failure_count"] == 0


async def test_one_version_is_taken_out_and_the_others_stay(room: Room) -> None:
    times = [f"2026-11-{day:02d}T10:00:00.000Z" for day in (10, 11, 12)]
    collection = await opened(room, "inbox", Scope.SHARE, Scope.INGEST)
    for modified in times:
        await inside(lambda modified=modified: collection.add_objects({"objects": [malware(1, modified=modified)]}))
    id = malware(1)["id"]
    await inside(lambda: collection.delete_object(id, version=times[2]))

    assert (await inside(lambda: collection.get_object(id)))["objects"][0]["modified"] == times[1]
    await inside(lambda: collection.delete_object(id, version="first"))
    assert (await inside(lambda: collection.object_versions(id)))["versions"] == [times[1]]
    await inside(lambda: collection.delete_object(id))
    with pytest.raises(requests.HTTPError, match="404"):
        await inside(lambda: collection.get_object(id))
    await inside(collection.close)


async def test_after_revoking_there_is_no_later_version(room: Room) -> None:
    async with await room.client(Scope.INGEST) as client:
        await post(client, [malware(1), malware(1, modified="2026-11-21T10:00:00.000Z", revoked=True)])
        status = await post(client, [malware(1, modified="2026-11-22T10:00:00.000Z")])
    assert "revoked" in status["failures"][0]["message"]


async def test_a_status_is_for_who_posted_and_for_a_day(room: Room) -> None:
    async with (
        await room.client(Scope.INGEST, name="one") as one,
        await room.client(Scope.INGEST, name="two") as two,
    ):
        id = (await post(one, [malware(1)]))["id"]
        where = f"/taxii2/shared/status/{id}/"
        assert (await one.get(where)).json()["id"] == id
        assert (await two.get(where)).status_code == 404
        room.clock.advance(STATUS_KEPT / MICROSECONDS + 1)
        await post(two, [malware(2)])
        assert (await one.get(where)).status_code == 404


async def test_posts_at_once_lose_nothing_and_take_nothing_twice(room: Room) -> None:
    async with await room.client(Scope.INGEST, Scope.SHARE) as client:
        await asyncio.gather(
            *(post(client, [malware(number) for number in range(start, start + 30)]) for start in range(0, 100, 10))
        )
        found = (await client.get("/taxii2/shared/collections/inbox/objects/")).json()["objects"]
    assert sorted(one["id"] for one in found) == sorted(malware(number)["id"] for number in range(120))
