"""The TAXII 2.1 server as the hub serves it, asked by OASIS' own client and by hostile ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from taxii2client.v21 import Server, as_pages

from registry.callers import Scope
from tests.timing import PATIENCE
from tests.web.api.shared_room import Room, shared_room
from tests.web.api.taxii_parts import OPEN_ID, SEEN, SHARING, address, inside, malware, opened
from vedette.sharing.taxii.resources import MAX_OBJECTS, MEDIA_TYPE
from web.api.taxii_intake import MAX_CONTENT


@pytest.fixture
async def room(migrated: Path, tmp_path: Path) -> AsyncIterator[Room]:
    """A hub with four destinations, three of which are collections."""
    async with shared_room(migrated, tmp_path, SHARING) as served:
        yield served


# What there is -------------------------------------------------------------------------


async def test_a_client_finds_its_way_from_discovery_to_the_collections(room: Room) -> None:
    key = await room.key(Scope.READ)

    def look() -> tuple[str, list[tuple[str, str, bool, bool]], int]:
        server = Server(f"{room.server.url}/taxii2/", user="anybody", password=key)
        root = server.default
        seen = [(one.alias, one.title, one.can_read, one.can_write) for one in root.collections]
        limit = root.max_content_length
        for one in (server, *server.api_roots):
            one.close()
        return server.title, seen, limit

    title, seen, limit = await inside(look)
    assert title == "Vedette of Example CSIRT"
    assert limit == MAX_CONTENT
    everything = [
        ("open", "For all", True, False),
        ("inbox", "inbox", True, False),
        ("partner", "partner", True, False),
    ]
    assert seen == everything


async def test_a_key_sees_the_collections_that_it_is_named_for_and_what_it_may_do(room: Room) -> None:
    async def seen(*scopes: Scope, name: str) -> list[tuple[str, bool, bool]]:
        async with await room.client(*scopes, name=name) as client:
            listed = (await client.get("/taxii2/shared/collections/")).json()["collections"]
            return [(one["alias"], one["can_read"], one["can_write"]) for one in listed]

    assert await seen(Scope.SHARE, name="other") == [("open", True, False), ("inbox", True, False)]
    acme = [("open", True, False), ("inbox", True, True), ("partner", True, True)]
    assert await seen(Scope.SHARE, Scope.INGEST, name="acme") == acme
    assert await seen(Scope.INGEST, name="feeds") == [("open", False, False), ("inbox", False, True)]
    assert [one[0] for one in await seen(Scope.READ, name="other")] == ["open", "inbox", "partner"]


async def test_a_collection_for_others_is_not_there(room: Room) -> None:
    async with await room.client(Scope.SHARE) as client:
        for path in ("", "objects/", "manifest/", f"objects/{malware(1)['id']}/"):
            assert (await client.get(f"/taxii2/shared/collections/partner/{path}")).status_code == 404, path


async def test_ids_stay_and_are_made_of_the_instance(room: Room) -> None:
    async with await room.client(Scope.READ) as client:
        first = (await client.get("/taxii2/shared/collections/")).json()["collections"]
        assert (await client.get(f"/taxii2/shared/collections/{first[1]['id']}/")).json() == first[1]
    assert first[0]["id"] == OPEN_ID
    assert len({one["id"] for one in first}) == 3


# Reading -------------------------------------------------------------------------------


async def test_thousands_of_objects_come_page_by_page_while_more_are_added(room: Room) -> None:
    await room.filling.replace("open", "one", [malware(number) for number in range(5_000)])
    collection = await opened(room, "open", Scope.SHARE)
    pages = await inside(lambda: as_pages(collection.get_objects, per_request=700))
    found: dict[str, Any] = {}
    turn = 0
    while (page := await inside(lambda: next(pages, None))) is not None:
        found |= {one["id"]: one for one in page.get("objects", [])}
        if turn == 2:
            await room.filling.replace("open", "two", [malware(6_000)])
            room.clock.advance(1)
            await room.filling.replace(
                "open", "three", [malware(1, name="Changed", modified="2026-11-21T10:00:00.000Z")]
            )
        turn += 1

    assert turn >= 8
    assert found.keys() == {malware(number)["id"] for number in (*range(5_000), 6_000)}
    assert found[malware(1)["id"]]["name"] == "Changed"

    # From there on only what is new, by the time of the last page.
    async with await room.client(Scope.SHARE) as client:
        where = f"/taxii2/shared/collections/{OPEN_ID}/objects/"
        all_of = await client.get(where, params={"limit": 1000, "added_after": "2026-01-01T00:00:00Z"})
        assert all_of.json()["more"] is True
        last = (await client.get(where, params={"match[id]": malware(1)["id"]})).headers["x-taxii-date-added-last"]
        assert (await client.get(where, params={"added_after": last})).json() == {}
    await inside(collection.close)


async def test_every_filter_as_the_client_sends_it(room: Room) -> None:
    newer = malware(1, modified="2026-11-21T10:00:00.000Z", name="Newer")
    await room.filling.replace("open", "one", [malware(1), address(2), malware(3)])
    await room.filling.replace("open", "one", [newer, address(2), malware(3)])
    collection = await opened(room, "open", Scope.SHARE)

    def ids(**filters: Any) -> list[str]:
        return [one["id"] for one in collection.get_objects(**filters).get("objects", [])]

    def ask() -> None:
        assert ids() == [address(2)["id"], malware(3)["id"], newer["id"]]
        assert ids(type="ipv4-addr") == [address(2)["id"]]
        assert ids(type=["ipv4-addr", "malware"], id=malware(3)["id"]) == [malware(3)["id"]]
        assert ids(spec_version="2.0") == []
        assert len(ids(version="all", spec_version=["2.0", "2.1"])) == 4
        assert collection.get_objects(version="first", id=newer["id"])["objects"] == [malware(1)]
        assert collection.get_objects(version=SEEN, id=newer["id"])["objects"] == [malware(1)]
        assert collection.get_object(newer["id"])["objects"] == [newer]
        assert collection.get_object(newer["id"], version="all")["objects"] == [malware(1), newer]
        assert collection.object_versions(newer["id"])["versions"] == [SEEN, newer["modified"]]
        manifest = collection.get_manifest(version="all")["objects"]
        assert [one["id"] for one in manifest] == [newer["id"], address(2)["id"], malware(3)["id"], newer["id"]]
        assert [one["date_added"] for one in manifest] == sorted({one["date_added"] for one in manifest})
        assert {one["media_type"] for one in manifest} == {"application/stix+json;version=2.1"}
        assert collection.get_objects(added_after=manifest[1]["date_added"])["objects"] == [malware(3), newer]
        collection.close()

    await inside(ask)


# What is refused -----------------------------------------------------------------------


async def test_who_takes_taxii_gets_it_and_others_get_406(room: Room) -> None:
    good = ("*/*", "application/taxii+json", "application/taxii+json; version=2.1", "text/html, application/*;q=0.1")
    for accept in (*good, "application/json", "application/taxii+json;version=2.0", "text/html", ""):
        async with await room.client(Scope.READ, Accept=accept) as client:
            answer = await client.get("/taxii2/")
        found = (answer.status_code, answer.headers["content-type"])
        assert found == (200 if accept in good else 406, MEDIA_TYPE), accept


async def test_refusals_are_error_resources(room: Room) -> None:
    where, headers = "/taxii2/shared/collections/inbox/objects/", {"Content-Type": MEDIA_TYPE}
    many = json.dumps({"objects": [{}] * (MAX_OBJECTS + 1)})
    posts: list[tuple[str, dict[str, str], bytes | str, int]] = [
        (where, {"Content-Type": "application/json"}, "{}", 415),
        (where, {"Content-Type": "application/taxii+json;version=2.0"}, "{}", 415),
        (where, headers, "no json", 400),
        (where, headers, "[]", 400),
        (where, headers, '{"objects": 5}', 400),
        (where, headers, "{}", 422),
        (where, headers, many, 422),
        (where, headers | {"Content-Encoding": "gzip"}, gzip.compress(b"0" * (MAX_CONTENT + 1)), 413),
        ("/taxii2/shared/collections/open/objects/", headers, "{}", 403),
        ("/taxii2/shared/collections/partner/objects/", headers, "{}", 404),
    ]
    async with await room.client(Scope.INGEST, Scope.SHARE) as client:
        for path, sent, body, status in posts:
            answer = await client.post(path, content=body, headers=sent)
            found = (answer.status_code, answer.headers["content-type"], answer.json()["http_status"])
            assert found == (status, MEDIA_TYPE, str(status)), (path, body[:20])
        for query in (
            "limit=0",
            "limit=-1",
            "limit=x",
            "limit=1.5",
            "limit=²",
            "next=x",
            "next=-5",
            "next=99999999999999999999",
            "added_after=yesterday",
            "added_after=2026-02-30T00:00:00Z",
            "match[version]=newest",
            "match[id]=" + ",".join(["x"] * 501),
        ):
            answer = await client.get(f"{where}?{query}")
            assert (answer.status_code, answer.headers["content-type"]) == (400, MEDIA_TYPE), query
        for query in (
            "match[id]=%00",
            "match[id]='",
            "match[type]=%00",
            "match[type]=%ff",
            "match[spec_version]=%00",
        ):
            assert (await client.get(f"{where}?{query}")).json() == {}, query
        for path in ("objects/x/", "objects/%00/", "objects/..%2f..%2f/", "objects/malware--1/versions/"):
            assert (await client.get(where.replace("objects/", path))).status_code == 404, path
    async with httpx.AsyncClient(base_url=room.server.url, trust_env=False, timeout=PATIENCE) as stranger:
        refused = await stranger.get("/taxii2/", headers={"Accept": MEDIA_TYPE})
    assert (refused.status_code, refused.headers["content-type"]) == (401, MEDIA_TYPE)
    assert refused.headers["www-authenticate"].startswith("Basic")
