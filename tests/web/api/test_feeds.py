"""The MISP feeds as the hub serves them: those names and no others, and only when they changed."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from registry.callers import Scope
from tests.timing import PATIENCE
from tests.web.api.shared_room import Room, shared_room
from vedette.configuration.sharing import SharingSection

EVENT = "5b1e2f0a-9c3d-5e7f-8a1b-2c3d4e5f6a7b.json"
SHARING = SharingSection.model_validate(
    {
        "destinations": [
            {"name": "open", "exporter": "feed"},
            {"name": "partner", "exporter": "feed", "path": "elsewhere/partner", "keys": ["acme"]},
            {"name": "collection", "exporter": "collection"},
        ]
    }
)


@pytest.fixture
async def room(migrated: Path, tmp_path: Path) -> AsyncIterator[Room]:
    """A hub with two feeds."""
    async with shared_room(migrated, tmp_path, SHARING) as served:
        yield served


@pytest.fixture
def feed(room: Room, tmp_path: Path) -> Path:
    """The folder of the open feed, with its files, and things that are none of it."""
    for folder in (tmp_path / "var" / "feeds" / "open", tmp_path / "elsewhere" / "partner"):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text('{"5b1e2f0a": {"timestamp": 1}}')
        (folder / "hashes.csv").write_text("d41d8cd98f00b204e9800998ecf8427e,5b1e2f0a\n")
        (folder / EVENT).write_bytes(b'{"Event": "%b"}' % (b"x" * 300_000))
        (folder / ".lock").write_text("secret")
        (folder / "notes.json").write_text("secret")
    return tmp_path / "var" / "feeds" / "open"


async def test_its_files_come_as_they_are(room: Room, feed: Path) -> None:
    async with await room.client(Scope.SHARE) as client:
        for name, kind in (
            (EVENT, "application/json"),
            ("manifest.json", "application/json"),
            ("hashes.csv", "text/csv"),
        ):
            answer = await client.get(f"/feeds/open/{name}")
            assert (answer.status_code, answer.content) == (200, (feed / name).read_bytes()), name
            assert answer.headers["content-type"].startswith(kind)
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_misps_ways_to_bring_a_key_are_taken(room: Room, feed: Path) -> None:
    key = await room.key(Scope.SHARE)
    basic = base64.b64encode(f"misp:{key}".encode()).decode()
    async with httpx.AsyncClient(base_url=room.server.url, trust_env=False, timeout=PATIENCE) as client:
        for given in (f"Basic {basic}", f"Bearer {key}"):
            answer = await client.get("/feeds/open/manifest.json", headers={"Authorization": given})
            assert answer.status_code == 200, given.split()[0]
        assert (await client.get("/feeds/open/manifest.json")).status_code == 401


async def test_what_is_unchanged_is_not_sent_again(room: Room, feed: Path) -> None:
    where = "/feeds/open/manifest.json"
    async with await room.client(Scope.SHARE) as client:
        first = await client.get(where)
        tag, changed = first.headers["etag"], first.headers["last-modified"]
        for known in ({"If-None-Match": tag}, {"If-Modified-Since": changed}, {"If-None-Match": f'"x", W/{tag}'}):
            answer = await client.get(where, headers=known)
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), known
        for odd in ({"If-None-Match": '"x"', "If-Modified-Since": changed}, {"If-Modified-Since": "yesterday"}):
            assert (await client.get(where, headers=odd)).status_code == 200, odd

        # As a feed is published: another file is put in its place, perhaps within the same second.
        (feed / "new").write_text('{"5b1e2f0a": {"timestamp": 2}}')
        os.utime(feed / "new", ns=((feed / "manifest.json").stat().st_mtime_ns,) * 2)
        (feed / "new").replace(feed / "manifest.json")
        answer = await client.get(where, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.json()["5b1e2f0a"]["timestamp"]) == (200, 2)


async def test_no_other_file_is_reached(room: Room, feed: Path, tmp_path: Path) -> None:
    (feed / "5b1e2f0a-9c3d-5e7f-8a1b-000000000001.json").symlink_to(tmp_path / "store.db")
    (feed / "5b1e2f0a-9c3d-5e7f-8a1b-000000000002.json").mkdir()
    os.mkfifo(feed / "5b1e2f0a-9c3d-5e7f-8a1b-000000000003.json")
    async with await room.client(Scope.READ) as client:
        for path in (
            "open/notes.json",
            "open/.lock",
            "open/..%2f..%2f..%2fstore.db",
            "open/%2e%2e%2fstore.db",
            "open/manifest.json%00",
            "open/manifest.json%0a",
            "open/MANIFEST.JSON",
            f"open/{EVENT.upper()}",
            "open/5b1e2f0a-9c3d-5e7f-8a1b-ffffffffffff.json",
            *(f"open/5b1e2f0a-9c3d-5e7f-8a1b-00000000000{number}.json" for number in (1, 2, 3)),
            "collection/manifest.json",
            "..%2fopen/manifest.json",
            "nothing/manifest.json",
        ):
            answer = await client.get(f"/feeds/{path}")
            assert answer.status_code == 404, path


async def test_a_feed_is_for_the_keys_that_it_names(room: Room, feed: Path) -> None:
    statuses = {}
    for name, scope in (
        ("acme", Scope.SHARE),
        ("other", Scope.SHARE),
        ("analyst", Scope.READ),
        ("feeds", Scope.INGEST),
    ):
        async with await room.client(scope, name=name) as client:
            statuses[name] = (await client.get("/feeds/partner/manifest.json")).status_code
    assert statuses == {"acme": 200, "other": 404, "analyst": 200, "feeds": 403}


async def test_a_file_that_is_replaced_while_it_is_read_comes_whole(room: Room, feed: Path) -> None:
    contents = [b'{"Event": "%b"}' % (letter * 1_000_000) for letter in (b"a", b"b")]
    (feed / EVENT).write_bytes(contents[0])
    async with await room.client(Scope.SHARE) as client:

        async def publish() -> None:
            for number in range(20):
                (feed / "new").write_bytes(contents[number % 2])
                (feed / "new").replace(feed / EVENT)
                await asyncio.sleep(0)

        answers = await asyncio.gather(publish(), *(client.get(f"/feeds/open/{EVENT}") for _ in range(5)))
    assert all(answer is None or answer.content in contents for answer in answers)
