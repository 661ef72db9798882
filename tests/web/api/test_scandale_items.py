"""SCANDALE's items: its clients post and read them unchanged, and bad input is never a server error."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.callers import Scope
from registry.items import Items
from registry.refusals import Refusals
from tests.web.api.station import Station, a_station, an_item
from vedette.errors import StoreError
from web.api import scandale_intake
from web.api.scandale_intake import BusyError, ItemIntake


@pytest.fixture
async def station(migrated: Path, tmp_path: Path) -> AsyncIterator[Station]:
    async with a_station(migrated, tmp_path) as running:
        yield running


async def test_what_is_posted_is_stored_and_shown_as_scandale_does(station: Station) -> None:
    item = an_item()
    async with station.client(Scope.INGEST, Scope.READ) as client:
        posted = await client.post("/items/", json=item)
        listed = await client.get("/items/")
        one = await client.get(f"/items/{item['meta']['uuid']}")
        numbered = await client.get("/items/1")

    assert posted.status_code == 201
    (shown,) = listed.json()
    scan = shown["scan_data"]
    assert (scan["version"], scan["format"], scan["payload"]) == ("1", "nmap", item["payload"])
    assert {name: scan["meta"][name] for name in ("uuid", "ts", "type")} == item["meta"]
    assert posted.json() == one.json() == numbered.json() == shown
    assert station.commits == [(1, ["key test"])]


async def test_an_item_is_on_disk_when_the_answer_comes(station: Station) -> None:
    item = an_item()
    async with station.client(Scope.INGEST) as client:
        await client.post("/items/", json=item)
    assert (await Items(database=station.database).get(item["meta"]["uuid"]))["payload"] == item["payload"]


async def test_the_same_item_again_is_no_other_one(station: Station) -> None:
    item = an_item()
    async with station.client(Scope.INGEST) as client:
        answers = [(await client.post("/items/", json=item)).status_code for _ in range(3)]
    assert answers == [201, 200, 200]
    assert station.commits == [(1, ["key test"])]


async def test_a_uuid_cannot_be_taken_from_its_sender_or_changed(station: Station) -> None:
    item = an_item()
    changed = {**item, "payload": {"raw": base64.b64encode(b"else").decode()}}
    async with station.client(Scope.INGEST, name="one") as one, station.client(Scope.INGEST, name="two") as two:
        assert (await one.post("/items/", json=item)).status_code == 201
        theirs, other = await two.post("/items/", json=item), await one.post("/items/", json=changed)
    assert (theirs.status_code, other.status_code) == (409, 409)
    assert "another agent" in theirs.json()["detail"]
    assert "another content" in other.json()["detail"]
    assert (await Items(database=station.database).get(item["meta"]["uuid"]))["payload"] == item["payload"]


async def test_of_those_who_race_for_a_uuid_one_has_it(station: Station) -> None:
    item = an_item()
    async with station.client(Scope.INGEST, name="one") as one, station.client(Scope.INGEST, name="two") as two:
        answers = await asyncio.gather(*(client.post("/items/", json=item) for client in [one, two] * 5))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 4 + [201] + [409] * 5
    assert station.live.items.counters["items"] == 1


async def test_commits_of_a_burst_are_told_together_and_none_is_forgotten(station: Station) -> None:
    async with station.client(Scope.INGEST) as client:
        for _ in range(10):
            await client.post("/items/", json=an_item())
    await station.live.stop()
    assert sum(count for count, _ in station.commits) == 10


async def test_the_key_of_an_agent_posts_as_that_agent(station: Station) -> None:
    item = an_item(agent="probe@localhost")
    async with station.client(Scope.INGEST, agent="probe@localhost") as client:
        assert (await client.post("/items/", json=item)).status_code == 201
        other = await client.post("/items/", json=an_item(agent="other@localhost"))
    assert other.status_code == 422
    assert "meta.agent" in other.json()["detail"]


BAD_ITEMS: dict[str, Any] = {
    "nothing": b"",
    "no-json": b"{",
    "a-list": b"[]",
    "no-meta": {**an_item(), "meta": None},
    "bad-uuid": an_item(uuid="1"),
    "uuid-with-nul": an_item(uuid="\0" * 36),
    "type-with-nul": an_item(type="sc\0an"),
    "ts-is-text": an_item(ts="now"),
    "ts-too-large": an_item(ts=2**70),
    "wrong-hash": an_item(sha256="0" * 64),
    "no-base64": {**an_item(), "payload": {"raw": "!"}},
    "no-payload": {**an_item(), "payload": {}},
    "unknown-document": {**an_item(), "payload": {"document": "0" * 64}},
    "version-2": {**an_item(), "version": "2"},
    "deep": b"[" * 100_000,
    "lone-surrogate": b'{"version":"1","format":"\\ud800","meta":{},"payload":{}}',
    "not-utf-8": b'{"version":"\xff"}',
}


async def test_bad_items_are_refused_with_field_and_reason(station: Station) -> None:
    async with station.client(Scope.INGEST) as client:
        for name, bad in BAD_ITEMS.items():
            content = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
            answer = await client.post("/items/", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (name, answer.text)
            assert ":" in answer.json()["detail"], name
    assert await Refusals(database=station.database).count() == len(BAD_ITEMS)
    assert station.live.items.counters["refused"] == len(BAD_ITEMS)


async def test_one_bad_item_does_not_spoil_the_others(station: Station) -> None:
    good, unknown = [an_item() for _ in range(20)], {**an_item(), "payload": {"document": "0" * 64}}
    async with station.client(Scope.INGEST) as client:
        answers = await asyncio.gather(*(client.post("/items/", json=item) for item in [*good, unknown]))
    assert sorted(answer.status_code for answer in answers) == [*[201] * 20, 422]
    assert station.live.items.counters["items"] == 20
    assert station.live.items.counters["commits"] < 21


async def test_bodies_are_bounded_and_may_be_packed(station: Station) -> None:
    item = an_item(payload=b"x" * 1000)
    packed = gzip.compress(json.dumps(item).encode())
    bomb = gzip.compress(b" " * 10_000_000)
    async with station.client(Scope.INGEST) as client:
        large = await client.post("/items/", content=b" " * (512 * 1024 + 1))
        headers = {"Content-Encoding": "gzip"}
        good = await client.post("/items/", content=packed, headers=headers)
        bad = await client.post("/items/", content=bomb, headers=headers)
        other = await client.post("/items/", content=packed, headers={"Content-Encoding": "br"})
    assert (large.status_code, good.status_code, bad.status_code, other.status_code) == (413, 201, 413, 415)


BAD_QUERIES = (
    "limit=-1",
    "limit=1001",
    "limit=x",
    "limit=",
    "limit=1.5",
    "skip=-1",
    "skip=99999999999999999999",
    "limit=%D9%A1",
    "limit=1&limit=2",
    "limitt=1",
    "q=%00",
)


async def test_bad_queries_are_refused(station: Station) -> None:
    async with station.client(Scope.READ) as client:
        for query in BAD_QUERIES:
            answer = await client.get(f"/items/?{query}")
            assert answer.status_code == 422, (query, answer.text)
            assert answer.json()["detail"].startswith("query.")


async def test_what_is_not_there_is_not_found(station: Station) -> None:
    missing = ("1", "0", "999999999999999", str(uuid4()))
    wrong = ("9999999999999999", "x", "%00", "-1")
    async with station.client(Scope.READ) as client:
        for id in missing:
            answer = await client.get(f"/items/{id}")
            assert (answer.status_code, answer.json()["detail"]) == (404, "Item not found"), id
        for id in wrong:
            assert (await client.get(f"/items/{id}")).status_code == 422, id


async def test_pages_follow_each_other_and_q_finds_a_payload(station: Station) -> None:
    items = [an_item(payload=b"%d" % number) for number in range(25)]
    async with station.client(Scope.INGEST, Scope.READ) as client:
        for item in items:
            await client.post("/items/", json=item)
        pages = [(await client.get(f"/items/?skip={skip}&limit=10")).json() for skip in (0, 10, 20, 30)]
        found = (await client.get("/items/", params={"q": items[7]["payload"]["raw"]})).json()
        nothing = (await client.get("/items/", params={"q": "bm90aGluZw=="})).json()
        text = (await client.get("/items/", params={"q": "no base64"})).json()
        none = (await client.get("/items/?limit=0")).json()
    uuids = [one["scan_data"]["meta"]["uuid"] for page in pages for one in page]
    assert uuids == [item["meta"]["uuid"] for item in items]
    assert [one["scan_data"]["meta"]["uuid"] for one in found] == [items[7]["meta"]["uuid"]]
    assert nothing == text == none == []


async def test_a_long_answer_is_sent_in_pieces(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.scandale.PIECE", 1000)
    items = [an_item(payload=bytes([number]) * 400) for number in range(9)]
    async with station.client(Scope.INGEST, Scope.READ) as client:
        for item in items:
            await client.post("/items/", json=item)
        answer = await client.get("/items/")
    assert "content-length" not in answer.headers
    assert [one["scan_data"]["payload"] for one in answer.json()] == [item["payload"] for item in items]


async def test_strangers_and_wrong_scopes_stay_outside(station: Station) -> None:
    async with (
        station.client() as nobody,
        station.client(Scope.READ) as reader,
        station.client(Scope.INGEST) as source,
    ):
        for path in ("/items/", "/items/1", "/system/stats/", "/system/info/", "/TimeStampTokens/"):
            answer = await nobody.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert (await source.get(path)).status_code == 403
        assert (await nobody.post("/items/", json=an_item())).status_code == 401
        assert (await reader.post("/items/", json=an_item())).status_code == 403
    assert station.commits == []


async def test_system_routes_say_how_much_and_what(station: Station) -> None:
    async with station.client(Scope.INGEST, Scope.READ) as client:
        for _ in range(3):
            await client.post("/items/", json=an_item())
        before = (await client.get("/system/stats/")).json()
        await station.stamp(max_items=2)
        after = (await client.get("/system/stats")).json()
        info = (await client.get("/system/info/")).json()
    assert before == {"dbsize": {"scans": 3, "tst": 0}}
    assert after == {"dbsize": {"scans": 3, "tst": 2}}
    assert set(info) == {"python_version", "version", "version_url"}


class Stuck:
    """An intake whose store does not answer before it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.commits = 0

    async def commit(self, deliveries: Any) -> Any:
        self.commits += 1
        await self.go.wait()
        raise StoreError("the disk is full")


async def test_a_full_queue_says_come_again_and_a_failed_commit_says_nothing_was_stored(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scandale_intake, "WAITING", 3)
    stuck = Stuck()
    items = ItemIntake(
        intake=stuck,  # type: ignore[arg-type]
        refusals=Refusals(database=station.database),
        clock=station.live._clock,
        committed=lambda count, senders: None,
    )
    items.start()
    bodies = [json.dumps(an_item()).encode() for _ in range(5)]
    tasks = [asyncio.create_task(items.post(bodies[0], sender="key one"))]
    while not stuck.commits:
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(items.post(body, sender="key one")) for body in bodies[1:4]]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await items.post(bodies[4], sender="key one")
    stuck.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StoreError] * 4
    assert items.counters["busy"] == 1
    await items.stop()
    with pytest.raises(BusyError):
        await items.post(bodies[4], sender="key one")
