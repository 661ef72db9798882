"""Jobs over HTTP: requested within the scope, previewed exactly, watched, cancelled."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from registry.callers import Scope
from registry.jobs import Jobs, Report, Taker
from tests.timing import PATIENCE
from tests.web.api.whole import Whole

TAKER = Taker(jid="job1@localhost", life="a")
ASKED: dict[str, Any] = {"tool": "tcp-connect", "arguments": {"ports": [22]}, "targets": ["127.0.0.0/30"]}


@pytest.fixture
async def client(whole: Whole) -> httpx.AsyncClient:
    """Somebody who may read and operate."""
    return whole.client(headers={"X-API-Key": await whole.key(Scope.READ, Scope.OPERATE)})


@pytest.fixture
def jobs(whole: Whole) -> Jobs:
    """What a hub's agents are served from."""
    return Jobs(database=whole.database, clock=whole.clock)


async def requested(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/jobs", json=ASKED | more)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['uuid']}"
    found: dict[str, Any] = answer.json()
    return found


async def test_a_job_from_request_to_its_last_line(client: httpx.AsyncClient, jobs: Jobs) -> None:
    async with client:
        job = await requested(client)
        assert (job["state"], job["total"], job["requested_by"]) == ("requested", 2, "key test")
        one = f"/v1/jobs/{job['uuid']}"
        leased = await jobs.take(TAKER, held=[], limit=2)
        first = leased[0].run
        await jobs.hear(TAKER, [Report(run=first, attempt=1, first=0, lines=["open", "<b>"], dropped=0)])
        got = (await client.get(f"{one}/output")).json()
        assert [line["text"] for line in got["lines"]] == ["open", "<b>"]
        after = (await client.get(f"{one}/output", params={"after": got["next"]})).json()
        assert after == {"lines": [], "next": got["next"], "ended": False}
        for run in leased:
            await jobs.finish(TAKER, run.run, outcome="done", exit_code=0)
        assert (await client.get(one)).json()["state"] == "done"
        runs = (await client.get(f"{one}/runs")).json()["items"]
        assert [(run["target"], run["state"], run["agent"]) for run in runs] == [
            ("127.0.0.1", "done", TAKER.jid),
            ("127.0.0.2", "done", TAKER.jid),
        ]
        assert (await client.get(f"{one}/output", params={"after": got["next"]})).json()["ended"]
        assert (await client.get("/v1/jobs.csv")).text.splitlines()[1].startswith(job["uuid"])
        assert [row["uuid"] for row in (await client.get("/v1/jobs?state=done")).json()["items"]] == [job["uuid"]]


async def test_output_comes_as_events_while_it_is_told_and_goes_on_where_it_was(
    client: httpx.AsyncClient, jobs: Jobs
) -> None:
    async with client:
        job = await requested(client, targets=["127.0.0.1"])
        (leased,) = await jobs.take(TAKER, held=[], limit=1)
        headers = {"Accept": "text/event-stream"}
        events: list[tuple[str, dict[str, Any]]] = []

        async def watch(last: str = "") -> None:
            more = headers | ({"Last-Event-ID": last} if last else {})
            async with client.stream("GET", f"/v1/jobs/{job['uuid']}/output", headers=more) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                name = ""
                async for line in answer.aiter_lines():
                    if line.startswith(("id: ", "event: ")):
                        name = line.partition(": ")[2]
                    elif line.startswith("data: "):
                        events.append((name, json.loads(line[6:])))

        watching = asyncio.create_task(watch())
        await jobs.hear(TAKER, [Report(run=leased.run, attempt=1, first=0, lines=["a"], dropped=0)])
        async with asyncio.timeout(PATIENCE):
            while not events:
                await asyncio.sleep(0.01)
        await jobs.hear(TAKER, [Report(run=leased.run, attempt=1, first=1, lines=["b"], dropped=0)])
        await jobs.finish(TAKER, leased.run, outcome="done", exit_code=0)
        await asyncio.wait_for(watching, PATIENCE)
        assert [event.get("text") for _, event in events] == ["a", "b", None]
        assert events[-1][0] == "end"
        assert events[-1][1]["state"] == "done"
        last, events[:] = events[0][0], []
        await asyncio.wait_for(watch(last), PATIENCE)
        assert [event.get("text") for _, event in events] == ["b", None]
        wrong = await client.get(f"/v1/jobs/{job['uuid']}/output", headers=headers | {"Last-Event-ID": "x"})
        assert wrong.status_code == 422


async def test_what_is_not_in_scope_is_refused_whole(client: httpx.AsyncClient) -> None:
    async with client:
        refused: list[dict[str, Any]] = [
            {"targets": ["127.0.0.1", "192.0.2.1"]},
            {"tool": "rm", "arguments": {}},
            {"tool": "packages", "arguments": {}, "targets": ["localhost"]},
            {"arguments": {"ports": [22], "more": 1}},
            {"targets": ["-oN/tmp/x"]},
            {"targets": []},
            {"targets": ["10.0.0.0/8"]},
            {"parallel": 1000},
            {"time_limit": 1e9},
            {"unknown": 1},
        ]
        for changes in refused:
            for path in ("/v1/jobs", "/v1/jobs/preview"):
                answer = await client.post(path, json=ASKED | changes)
                assert answer.status_code == 422, changes
                assert answer.headers["content-type"] == "application/problem+json"
        assert (await client.get("/v1/jobs")).json()["items"] == []


async def test_a_preview_shows_the_exact_command_and_runs_nothing(client: httpx.AsyncClient) -> None:
    async with client:
        asked = {"tool": "nmap", "arguments": {"ports": "22", "connect": True}, "targets": ["127.0.0.1"]}
        answer = await client.post("/v1/jobs/preview", json=asked)
        assert answer.json() == {
            "runs": 1,
            "commands": [["nmap", "-oX", "-", "-sT", "-p", "22", "--", "127.0.0.1"]],
        }
        assert (await client.get("/v1/jobs")).json()["items"] == []


async def test_cancelling(client: httpx.AsyncClient, jobs: Jobs) -> None:
    async with client:
        job = await requested(client)
        (leased,) = await jobs.take(TAKER, held=[], limit=1)
        answer = await client.post(f"/v1/jobs/{job['uuid']}/cancel")
        assert (answer.status_code, answer.json()["cancelled"]) == (200, 1)
        assert await jobs.hear(TAKER, [Report(run=leased.run, attempt=1, first=0, lines=[], dropped=0)])
        unknown = "6a0e9a5c-5a1f-4b4e-9a55-0d2f6a1c7b11"
        assert (await client.post(f"/v1/jobs/{unknown}/cancel")).status_code == 404
        for path in ("", "/runs", "/output"):
            assert (await client.get(f"/v1/jobs/{unknown}{path}")).status_code == 404


async def test_tools_come_with_the_schema_of_their_arguments(client: httpx.AsyncClient) -> None:
    async with client:
        tools = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["tools"]}
    assert tools["tcp-connect"]["allowed"]
    assert not tools["packages"]["allowed"]
    assert tools["tcp-connect"]["arguments"]["properties"]["ports"]["type"] == "array"
