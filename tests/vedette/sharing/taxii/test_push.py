"""The push client against a real server of somebody else: what it has is never sent again, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.medallion_server import PASSWORD, READ_ONLY, SMALL, USER, Medallion, a_medallion
from tests.sharing_cases import CASES, large, scanned
from tests.sharing_memory import KeptMemory, connect
from vedette.errors import ConfigurationError, ConnectionFailedError, StoreError
from vedette.sharing.exporter import ComeAgainError, Destination, ExportError
from vedette.sharing.investigation import Investigation
from vedette.sharing.stix.objects import stix_objects
from vedette.sharing.taxii.exporter import TaxiiExporter
from vedette.sharing.taxii.push import MOST_OBJECTS


@pytest.fixture(scope="module")
def medallion() -> Iterator[Medallion]:
    """A server with empty collections."""
    with a_medallion() as running:
        yield running


@pytest.fixture
def server(medallion: Medallion) -> Medallion:
    """The same, with a collection that is empty."""
    return medallion.fresh()


@asynccontextmanager
async def connected(
    url: str, folder: Path, memory: KeptMemory | None = None, **settings: Any
) -> AsyncIterator[Destination]:
    """A collection as a destination, with the password that opens it."""
    (folder / "password").write_text(PASSWORD)
    login = {"user": USER, "password_file": "password"}
    destination = connect(TaxiiExporter(), folder, memory=memory, url=url, **(login | settings))
    try:
        yield destination
    finally:
        await destination.aclose()


def without(investigation: Investigation, name: str) -> Investigation:
    """An investigation in which something is not said any more."""
    gone = {fact.vertex.id for fact in investigation.facts if fact.vertex.name == name}
    assert gone
    edges = [edge for edge in investigation.edges if not gone & {edge.out_id, edge.in_id}]
    facts = [fact for fact in investigation.facts if fact.vertex.id not in gone]
    return replace(investigation, facts=facts, edges=edges, scans=(), proofs=())


def ids(objects: Any) -> list[str]:
    """Ids in one order."""
    return sorted(str(one["id"]) for one in objects)


async def test_it_gets_all_once_and_the_same_again_asks_for_nothing(server: Medallion, tmp_path: Path) -> None:
    memory = KeptMemory()
    for investigation in (make() for make in CASES.values()):
        async with connected(server.url(), tmp_path, memory) as there:
            plan = await there.plan(investigation)
            done = await there.send(investigation, only=plan.digest)
            assert (done.sent, done.requests > 0) == (plan.total, plan.total > 0)
            again = await there.send(investigation)
            assert (again.sent, again.requests, (await there.plan(investigation)).total) == (0, 0, 0)

    expected = {one["id"]: one for make in CASES.values() for one in stix_objects(make())}
    held = {one["id"]: one for one in server.objects()}
    assert held.keys() == expected.keys()
    async with connected(server.url(), tmp_path) as there:
        assert "Collection 91a7" in await there.check()


async def test_what_changed_is_sent_and_nothing_else(server: Medallion, tmp_path: Path) -> None:
    memory, before = KeptMemory(), CASES["everything"]()
    after = replace(before, title="Another title")
    async with connected(server.url(), tmp_path, memory) as there:
        await there.send(before)
        plan = await there.plan(after)
        done = await there.send(after, only=plan.digest)

    assert [(one.action, one.what.split("--")[0]) for one in plan.changes] == [("change", "report")]
    assert (done.sent, done.requests) == (1, 1)
    container = f"report--{before.uuid}"
    [first, second] = [one for one in server.objects(every=True) if one["id"] == container]
    assert second["name"] != first["name"]
    assert second["modified"] > first["modified"]


async def test_a_plan_that_was_approved_is_sent_and_no_other(server: Medallion, tmp_path: Path) -> None:
    async with connected(server.url(), tmp_path) as there:
        plan = await there.plan(scanned())
        with pytest.raises(ExportError, match="approve that"):
            await there.send(replace(scanned(), title="Changed meanwhile"), only=plan.digest)
    assert server.objects() == []


async def test_what_is_not_said_any_more_is_revoked_and_comes_back_as_another(
    server: Medallion, tmp_path: Path
) -> None:
    memory, whole = KeptMemory(), CASES["everything"]()
    malware = next(fact for fact in whole.facts if fact.vertex.type == "Malware").vertex.name
    part = without(whole, malware)
    async with connected(server.url(), tmp_path, memory) as there:
        await there.send(whole)
        plan = await there.plan(part)
        done = await there.send(part, only=plan.digest)
        assert (await there.send(part)).requests == 0
        assert any(one.action == "remove" and malware in one.what for one in plan.changes) or plan.total > 0
        gone = [one for one in server.objects() if one.get("revoked") and one["type"] == "malware"]
        assert len(gone) == 1
        assert done.sent == plan.total

        await there.send(whole)
        assert (await there.send(whole)).requests == 0
    alive = [one for one in server.objects() if one["type"] == "malware" and one["name"] == gone[0]["name"]]
    assert sorted(bool(one.get("revoked")) for one in alive) == [False, True]
    now = {one["id"] for one in server.objects() if not one.get("revoked")}
    fresh = next(one["id"] for one in alive if not one.get("revoked"))
    reports = [one for one in server.objects() if one["type"] == "report" and not one.get("revoked")]
    assert len(reports) == 2
    assert all(fresh in one["object_refs"] and set(one["object_refs"]) <= now for one in reports)


async def test_killed_between_sending_and_remembering_it_is_done_by_the_next_time(
    server: Medallion, tmp_path: Path
) -> None:
    """Medallion counts what it has already as a failure: the manifest tells that it is there."""
    memory = KeptMemory()
    async with connected(server.url(), tmp_path, memory) as there:
        lost, memory.fails = dict(memory.values), None
        await there.send(scanned())
        held = ids(server.objects(every=True))
        # As if nothing of it had been remembered.
        memory.values = lost
        done = await there.send(scanned())
        assert done.withheld == []
        assert (await there.send(scanned())).requests == 0

    assert ids(server.objects(every=True)) == held


async def test_a_memory_that_fails_is_no_success(server: Medallion, tmp_path: Path) -> None:
    memory = KeptMemory(fails=StoreError("the disk is full"))
    async with connected(server.url(), tmp_path, memory) as there:
        with pytest.raises(StoreError, match="disk"):
            await there.send(scanned())
    assert server.objects() == []


async def test_envelopes_are_as_small_as_the_server_wants_them(server: Medallion, tmp_path: Path) -> None:
    async with connected(server.url(SMALL, root="small"), tmp_path) as there:
        done = await there.send(scanned())

    large = [one for one in stix_objects(scanned()) if len(json.dumps(one)) > 5_000]
    assert done.requests > 5
    assert len(done.withheld) == len(large)
    assert all("4096" in one.reason for one in done.withheld)
    assert len(server.objects(SMALL, root="small")) == done.sent == done.sent + done.unchanged


async def test_a_collection_that_cannot_be_written_is_told(server: Medallion, tmp_path: Path) -> None:
    async with connected(server.url(READ_ONLY), tmp_path) as there:
        with pytest.raises(ExportError, match="does not let us write"):
            await there.send(scanned())
        with pytest.raises(ExportError, match="does not let us write"):
            await there.check()


async def test_a_wrong_password_is_told_and_never_shown(server: Medallion, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("s3cr3t-s3cr3t")
    async with connected(server.url(), tmp_path, password_file="wrong") as there:
        with pytest.raises(ConnectionFailedError) as refused:
            await there.check()
    assert "401" in str(refused.value)
    assert "s3cr3t" not in f"{refused.value}{there!r}{vars(there)}"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"user": "x", "password_file": None}, "password_file"),
        ({"key_file": "password"}, "key_file"),
        ({"url": "http://192.0.2.1/root/collections/x/"}, "url"),
        ({"url": "ftp://127.0.0.1/collections/x/"}, "url"),
        ({"user": "a:b"}, "user"),
        ({"colour": "blue"}, "colour"),
    ],
)
async def test_settings_that_cannot_be_used_are_named(tmp_path: Path, settings: Mapping[str, Any], key: str) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    all_of = {"url": "http://127.0.0.1/root/collections/x/", "user": USER, "password_file": "password", **settings}
    with pytest.raises(ConfigurationError, match=key):
        connect(TaxiiExporter(), tmp_path, **all_of)


# A server that answers as it is told ---------------------------------------------------

Answers = Mapping[str, tuple[int, Any]]


@asynccontextmanager
async def answering(answers: Answers) -> AsyncIterator[tuple[str, list[str]]]:
    """Answer by method and end of the path; gives the collection's URL, and what was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        posted = len([one for one in asked if one.startswith("POST")])
        for place in (f"{request.method} {request.path} {posted}", f"{request.method} {request.path}"):
            if place in answers:
                status, body = answers[place]
                headers = {"Retry-After": "17"} if status == 429 else {}
                text = body if isinstance(body, str) else json.dumps(body)
                return web.Response(status=status, text=text, headers=headers, content_type="application/json")
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/r/collections/c/", asked
    finally:
        await runner.cleanup()


COLLECTION = "GET /r/collections/c/"
POST = "POST /r/collections/c/objects/"
OPEN = {COLLECTION: (200, {"id": "c", "title": "C", "can_read": False, "can_write": True})}
COMPLETE = {"id": "5-5", "status": "complete", "total_count": 1, "success_count": 1, "failure_count": 0}


async def test_a_pending_status_is_asked_for_until_it_is_complete(tmp_path: Path) -> None:
    pending = {**COMPLETE, "status": "pending", "pending_count": 1}
    answers = {**OPEN, POST: (202, pending), "GET /r/status/5-5/": (200, COMPLETE)}
    async with answering(answers) as (url, asked), connected(url, tmp_path) as there:
        done = await there.send(scanned())

    assert done.sent == len(list(stix_objects(scanned())))
    assert asked[-1] == "GET /r/status/5-5/"


async def test_a_status_that_stays_pending_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    pending = {**COMPLETE, "status": "pending"}
    answers = {**OPEN, POST: (202, pending), "GET /r/status/5-5/": (200, pending)}
    async with answering(answers) as (url, _), connected(url, tmp_path, time_limit=1) as there:
        # On a machine that stands still, a single request may take longer than that.
        with pytest.raises((ComeAgainError, ConnectionFailedError), match="still works|no whole answer"):
            await there.send(scanned())


async def test_objects_that_are_not_taken_are_named_and_sent_again(tmp_path: Path) -> None:
    refused = next(one["id"] for one in stix_objects(scanned()) if one["type"] == "report")
    failed = {**COMPLETE, "failure_count": 1, "failures": [{"id": refused, "message": "no reports here"}]}
    memory = KeptMemory()
    async with answering({**OPEN, POST: (202, failed)}) as (url, asked), connected(url, tmp_path, memory) as there:
        done = await there.send(scanned())
        assert [(one.what, "no reports here" in one.reason) for one in done.withheld] == [(f"object {refused}", True)]
        plan = await there.plan(scanned())

    assert [one.what.split()[0] for one in plan.changes] == [refused]
    assert asked.count(POST) == done.requests == 1


async def test_failures_without_names_are_not_taken_for_success(tmp_path: Path) -> None:
    failed = {**COMPLETE, "failure_count": 3}
    async with answering({**OPEN, POST: (202, failed)}) as (url, _), connected(url, tmp_path) as there:
        done = await there.send(scanned())

    assert done.sent == 0
    assert len(done.withheld) == len(list(stix_objects(scanned())))


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ({POST: (429, "")}, ComeAgainError, "429"),
        ({POST: (500, "")}, ConnectionFailedError, "500"),
        ({POST: (422, "too odd")}, ExportError, "too odd"),
        ({POST: (302, "")}, ExportError, "redirect"),
        ({POST: (202, "no json")}, ConnectionFailedError, "something else than TAXII"),
        ({POST: (202, "[1]")}, ConnectionFailedError, "something else than TAXII"),
        ({COLLECTION: (200, {"id": "c"})}, ExportError, "is no TAXII 2.1 collection"),
        ({COLLECTION: (404, "")}, ExportError, "404"),
    ],
)
async def test_refusals(tmp_path: Path, answers: Answers, error: type[Exception], words: str) -> None:
    async with answering({**OPEN, **answers}) as (url, _), connected(url, tmp_path) as there:
        with pytest.raises(error, match=words) as refused:
            await there.send(scanned())
    if isinstance(refused.value, ComeAgainError):
        assert refused.value.seconds == 17


async def test_what_broke_off_in_the_middle_goes_on_there(tmp_path: Path) -> None:
    memory, many = KeptMemory(), large(MOST_OBJECTS + 200, edges=False)
    once = {**OPEN, f"{POST} 1": (202, COMPLETE)}
    async with answering(once) as (url, _), connected(url, tmp_path, memory) as there:
        with pytest.raises(ExportError, match="404"):
            await there.send(many)
    async with answering({**OPEN, POST: (202, COMPLETE)}) as (url, _), connected(url, tmp_path, memory) as there:
        done = await there.send(many)
        assert (await there.send(many)).requests == 0

    assert done.sent + MOST_OBJECTS == len(list(stix_objects(many)))
