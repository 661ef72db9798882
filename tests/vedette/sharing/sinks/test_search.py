"""The exporter `opensearch`, against a server that answers as its documentation says."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.fake_search_server import SearchFake
from tests.sharing_cases import empty, everything, hostile, large, scanned
from tests.sharing_memory import connect, silent_port
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.sharing.exporter import ComeAgainError, Destination, ExportError
from vedette.sharing.sinks.search import OpenSearch

KEY = "dmVkZXR0ZTp2ZXJ5LXNlY3JldC1rZXk="


@pytest.fixture
async def server() -> AsyncIterator[SearchFake]:
    fake = SearchFake()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def destination(server: SearchFake, tmp_path: Path) -> AsyncIterator[Destination]:
    made = connect(OpenSearch(), tmp_path, url=server.url)
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    ("distribution", "version"), [("opensearch", "2.19.1"), ("opensearch", "3.0.0"), ("elasticsearch", "8.17.0")]
)
async def test_everything_arrives_and_the_second_time_nothing_is_written(
    server: SearchFake, destination: Destination, distribution: str, version: str
) -> None:
    server.distribution, server.version = distribution, version
    investigation = everything()
    plan = await destination.plan(investigation)
    assert server.writes == []
    done = await destination.send(investigation, only=plan.digest)
    assert (done.sent, done.requests, done.unchanged) == (plan.total, 1, 0)
    assert len(server.of("fact")) == len(investigation.facts)
    assert len(server.of("edge")) == len(investigation.edges)
    written = list(server.writes)
    again = await destination.send(investigation)
    assert (again.sent, again.requests, again.unchanged) == (0, 0, plan.total)
    assert (await destination.plan(investigation)).total == 0
    assert server.writes == written
    assert await destination.check() == f"{distribution} {version}"


async def test_a_document_has_what_is_searched_for_and_the_bytes(
    server: SearchFake, destination: Destination
) -> None:
    investigation = scanned()
    await destination.send(investigation)
    found = next(one for one in server.of("fact") if one["name"] == "192.0.2.7:443")
    assert "service=https" in found["property"]
    assert "https" in found["text"]
    assert found["properties"]["tcpState"] == "open"
    assert found["@timestamp"] == found["last_seen"] == "2026-11-22T01:00:00.123456Z"
    assert found["tlp"] == investigation.tlp.value
    (scan,) = server.of("scan")
    assert base64.b64decode(scan["raw"]) == investigation.scans[0].raw


async def test_only_what_differs_is_written_and_what_is_gone_is_deleted(
    server: SearchFake, destination: Destination
) -> None:
    investigation = scanned()
    await destination.send(investigation)
    facts = list(investigation.facts)
    gone = facts.pop()
    changed = facts[0] = replace(facts[0], confidence=0.5)
    now = replace(investigation, facts=facts)
    plan = await destination.plan(now)
    assert [str(one) for one in plan.changes] == [
        f"~ fact {_type(changed.vertex.type, changed.vertex.observable_type)} {changed.vertex.name}: "
        "confidence 1.0 -> confidence 0.5",
        f"- fact {_type(gone.vertex.type, gone.vertex.observable_type)} {gone.vertex.name}",
    ]
    done = await destination.send(now, only=plan.digest)
    assert (done.sent, done.requests) == (2, 1)
    assert gone.vertex.id not in {one["vertex"] for one in server.of("fact")}
    assert (await destination.plan(now)).total == 0


async def test_another_investigation_is_left_alone(server: SearchFake, destination: Destination) -> None:
    await destination.send(scanned())
    await destination.send(everything())
    await destination.send(replace(everything(), facts=(), edges=(), scans=(), proofs=()))
    assert len(server.of("fact")) == len(scanned().facts)


async def test_one_bad_document_among_a_thousand_is_reported_and_the_rest_arrives(
    server: SearchFake, destination: Destination
) -> None:
    investigation = large(1_000, edges=False)
    bad = investigation.facts[500].vertex

    def refuse(_id: str, document: dict[str, Any]) -> tuple[int, str, str] | None:
        return (400, "mapper_parsing_exception", "failed to parse") if document["vertex"] == bad.id else None

    server.refuse = refuse
    done = await destination.send(investigation)
    assert (done.sent, done.requests) == (999, 1)
    (withheld,) = done.withheld
    assert withheld.vertex == bad.id
    assert withheld.reason.endswith(
        "mapper_parsing_exception: failed to parse (illegal_argument_exception: too strange)"
    )
    assert (await destination.send(investigation)).withheld == [withheld]


@pytest.mark.parametrize("dies_after", [0, 1, 7])
async def test_killed_in_the_middle_and_done_again_is_the_same(
    server: SearchFake, destination: Destination, dies_after: int
) -> None:
    investigation = everything()
    await destination.send(investigation)
    whole = dict(server.documents)
    server.documents.clear()
    server.dies_after = dies_after
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        await destination.send(investigation)
    assert len(server.documents) == dies_after
    server.dies_after = None
    await destination.send(investigation)
    assert server.documents == whole


async def test_what_was_not_yet_searchable_when_it_was_killed_is_deleted_too(
    server: SearchFake, destination: Destination
) -> None:
    investigation = scanned()
    server.dies_after = 5
    with pytest.raises(ConnectionFailedError):
        await destination.send(investigation)
    server.dies_after = None
    assert len(server.documents) == 5
    assert server.searchable == {}
    await destination.send(replace(investigation, facts=(), edges=(), scans=(), proofs=()))
    assert server.documents == {}


async def test_many_documents_are_few_requests(
    server: SearchFake, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PAGE", 150), ("BULK_DOCUMENTS", 200)):
        monkeypatch.setattr(f"vedette.sharing.sinks.search_server.{name}", value)
    investigation = large(700, edges=False)
    done = await destination.send(investigation)
    assert (done.sent, done.requests) == (700, 4)
    # More than one page of answers is read.
    assert (await destination.send(investigation)).unchanged == 700


async def test_a_busy_server_is_left_alone_and_then_gets_the_rest(
    server: SearchFake, destination: Destination
) -> None:
    investigation = large(1_000, edges=False)
    server.refuse = lambda id, _: (429, "rejected_execution_exception", "full") if id < "8" else None
    with pytest.raises(ComeAgainError, match=r"of 1000 documents failed, the first with 429: .*: full"):
        await destination.send(investigation)
    before = len(server.documents)
    assert 0 < before < 1_000
    server.refuse = lambda _id, _document: None
    done = await destination.send(investigation)
    assert (done.sent, done.unchanged) == (1_000 - before, before)


@pytest.mark.parametrize(
    ("status", "type", "error"),
    [
        (403, "cluster_block_exception", ConnectionFailedError),
        (500, "exception", ConnectionFailedError),
        (503, "unavailable_shards_exception", ConnectionFailedError),
        (404, "index_not_found_exception", ExportError),
    ],
)
async def test_what_is_wrong_with_the_server_is_no_fault_of_a_document(
    server: SearchFake, destination: Destination, status: int, type: str, error: type[Exception]
) -> None:
    server.refuse = lambda _id, document: (status, type, "why") if document["kind"] == "edge" else None
    with pytest.raises(error, match=f"10 of 23 documents failed, the first with {status}: {type}: why"):
        await destination.send(scanned())
    server.refuse = lambda _id, _document: None
    assert (await destination.send(scanned())).sent == 10


async def test_when_nothing_at_all_is_taken_it_has_failed(server: SearchFake, destination: Destination) -> None:
    server.refuse = lambda _id, _document: (400, "strict_dynamic_mapping_exception", "not allowed")
    with pytest.raises(ExportError, match="took none of 23 records; of the first: .*: not allowed"):
        await destination.send(scanned())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, ComeAgainError),
        (503, ConnectionFailedError),
        (401, ConnectionFailedError),
        (403, ConnectionFailedError),
        (400, ExportError),
        (413, ExportError),
    ],
)
async def test_a_refused_request_says_what_it_means(
    server: SearchFake, destination: Destination, status: int, error: type[Exception]
) -> None:
    text = '{"error": {"type": "some_exception", "reason": "because\\u001b[31m of it"}}'
    refusal = web.Response(status=status, text=text, content_type="application/json")
    server.answer = lambda _method, path: refusal if path.endswith("_bulk") else None
    with pytest.raises(error, match=rf"HTTP status {status}: some_exception: because.\[31m of it") as raised:
        await destination.send(scanned())
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("answer", ["<html>", "[]", '{"took": 1}', '{"items": [{"index": {}}]}', '{"items": 3}'])
async def test_nonsense_is_no_success(server: SearchFake, destination: Destination, answer: str) -> None:
    def nonsense() -> web.Response:
        return web.Response(text=answer, content_type="application/json")

    server.answer = lambda _method, path: nonsense() if path.endswith("_bulk") else None
    with pytest.raises(ExportError):
        await destination.send(scanned())


async def test_what_a_server_warns_of_itself_is_no_failure(server: SearchFake, destination: Destination) -> None:
    root = '{"version": {"number": "8.17.0"}}'
    warning = {"Warning": '299 Elasticsearch-8.17.0 "Security features are not enabled."'}
    server.answer = lambda _m, _p: web.Response(text=root, content_type="application/json", headers=warning)
    assert await destination.check() == "elasticsearch 8.17.0"


async def test_a_redirect_takes_the_key_nowhere(server: SearchFake, destination: Destination) -> None:
    elsewhere = SearchFake()
    await elsewhere.start()
    try:
        server.answer = lambda _m, _p: web.Response(status=307, headers={"Location": f"{elsewhere.url}/"})
        with pytest.raises(ExportError, match="redirects elsewhere"):
            await destination.check()
        assert elsewhere.requests == []
    finally:
        await elsewhere.stop()


async def test_an_answer_without_end_is_cut(
    server: SearchFake, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.sharing.sinks.search_server.MAX_ANSWER", 1_000)
    server.answer = lambda _m, _p: web.Response(text="x" * 1_001)
    with pytest.raises(ExportError, match="more than 1000 bytes"):
        await destination.check()


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ('{"version": {"number": "6.8.2"}}', "is elasticsearch 6.8.2"),
        ('{"version": {"number": "1.0", "distribution": "solr"}}', "is solr 1.0"),
        ('{"hello": "world"}', "neither OpenSearch nor Elasticsearch"),
        ("[]", "neither OpenSearch nor Elasticsearch"),
    ],
)
async def test_another_server_is_refused(
    server: SearchFake, destination: Destination, root: str, reason: str
) -> None:
    server.answer = lambda _m, path: web.Response(text=root, content_type="application/json") if path == "/" else None
    for call in (destination.plan, destination.send):
        with pytest.raises(ExportError, match=reason):
            await call(scanned())
    assert server.writes == []


async def test_an_index_of_somebody_else_is_not_touched(server: SearchFake, destination: Destination) -> None:
    server.mapping = {"properties": {"id": {"type": "text"}, "kind": {"type": "keyword"}}}
    with pytest.raises(ExportError, match="digest, id, investigation are no keywords in it"):
        await destination.send(scanned())
    assert server.writes == []


async def test_another_plan_than_the_approved_one_is_not_carried_out(
    server: SearchFake, destination: Destination
) -> None:
    plan = await destination.plan(scanned())
    with pytest.raises(ExportError, match="has changed since it was approved"):
        await destination.send(large(10), only=plan.digest)
    assert server.documents == {}
    assert server.writes == []


@pytest.mark.parametrize(
    ("held", "settings", "header"),
    [
        (KEY, {}, f"ApiKey {KEY}"),
        (KEY, {"scheme": "Bearer"}, f"Bearer {KEY}"),
        ("user:pass word", {}, f"Basic {base64.b64encode(b'user:pass word').decode()}"),
    ],
)
async def test_the_key_opens_it_and_is_in_no_log_and_no_error(
    server: SearchFake,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    held: str,
    settings: dict[str, Any],
    header: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "key").write_text(f"{held}\n")
    server.key = header
    destination = connect(OpenSearch(), tmp_path, url=server.url, key_file="key", **settings)
    await destination.send(scanned())
    assert len(server.of("fact")) == len(scanned().facts)
    server.key = "another"
    with pytest.raises(ConnectionFailedError, match="check what key_file holds") as raised:
        await destination.send(large(5))
    await destination.aclose()
    said = f"{caplog.text} {raised.value!r} {destination!r} {raised.value.__cause__!r}"
    assert held not in said
    assert header.partition(" ")[2] not in said


async def test_a_server_behind_a_path_is_reached_there(server: SearchFake, tmp_path: Path) -> None:
    server.behind = "/search"
    # The runner connects in a thread of its own.
    destination = await asyncio.to_thread(connect, OpenSearch(), tmp_path, url=f"{server.url}/search/")
    assert (await destination.send(scanned())).sent == 23
    await destination.aclose()


async def test_nobody_there_is_a_failed_connection(tmp_path: Path) -> None:
    with silent_port() as port:
        destination = connect(OpenSearch(), tmp_path, url=f"http://127.0.0.1:{port}")
        for call in (destination.plan, destination.send):
            with pytest.raises(ConnectionFailedError, match=rf"127\.0\.0\.1:{port}.* cannot be reached"):
                await call(scanned())
        await destination.aclose()


async def test_hostile_names_arrive_as_they_are(server: SearchFake, destination: Destination) -> None:
    investigation = hostile()
    await destination.send(empty())
    done = await destination.send(investigation)
    assert (await destination.send(investigation)).sent == 0
    assert list(done.withheld) == list(investigation.withheld)
    names = {one["vertex"]: one["name"] for one in server.of("fact")}
    assert names == {one.vertex.id: one.vertex.name for one in investigation.facts}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "url"),
        ({"url": "http://search.example:9200"}, "url"),
        ({"url": "https://user:secret@search.example"}, "url"),
        ({"url": "https://search.example", "index": "Upper"}, "index"),
        ({"url": "https://search.example", "index": "a*"}, "index"),
        ({"url": "https://search.example", "scheme": "a b"}, "scheme"),
        ({"url": "https://search.example", "key_file": "missing"}, "key_file"),
        ({"url": "https://search.example", "verify": False}, "verify"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, settings: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        connect(OpenSearch(), tmp_path, **settings)
    assert raised.value.key == key
    assert "secret" not in str(raised.value)


def _type(*parts: str) -> str:
    return "/".join(part for part in parts if part)
