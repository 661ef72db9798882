"""Schedules over HTTP: made, explained, changed, paused, run now, removed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from registry.callers import Scope
from registry.job_desk import JobDesk
from registry.jobs import Jobs
from registry.schedule_desk import ScheduleDesk
from tests.timing import PATIENCE
from tests.web.api.whole import Whole
from vedette.jobs.scope import ScopePolicy

JOB = {"tool": "tcp-connect", "arguments": {"ports": [22]}, "targets": ["127.0.0.1"]}
ASKED: dict[str, Any] = {"name": "SSH here", "when": "0 15 10 ? * mon-fri", "zone": "Europe/Prague", "job": JOB}


@pytest.fixture
async def client(whole: Whole) -> httpx.AsyncClient:
    """Somebody who may read and operate."""
    return whole.client(headers={"X-API-Key": await whole.key(Scope.READ, Scope.OPERATE)})


async def made(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/schedules", json=ASKED | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/v1/schedules/{found['uuid']}"
    return found


async def test_a_schedule_from_its_making_to_its_end(client: httpx.AsyncClient) -> None:
    async with client:
        found = await made(client)
        assert (found["english"], found["state"]) == ("At 10:15, Monday through Friday", "scheduled")
        assert (found["responsible"], len(found["next_runs"])) == ("key test", 5)
        one = f"/v1/schedules/{found['uuid']}"
        assert (await client.get(one)).json() == found
        assert (await client.get("/v1/schedules")).json()["items"] == [found]
        assert (await client.get("/v1/schedules.csv")).text.splitlines()[1].startswith(found["uuid"])
        assert (await client.post(f"{one}/pause")).json()["state"] == "paused"
        assert [row["uuid"] for row in (await client.get("/v1/schedules?state=paused")).json()["items"]] == [
            found["uuid"]
        ]
        assert (await client.post(f"{one}/resume")).json()["next_runs"] == found["next_runs"]
        changed = await client.put(one, json=ASKED | {"when": "every 5m"})
        assert (changed.json()["english"], changed.json()["uuid"]) == ("Every 5 minutes", found["uuid"])
        ran = await client.post(f"{one}/run")
        assert ran.status_code == 201
        assert (await client.get(ran.headers["Location"])).json()["requested_by"] == "key test"
        again = await client.post(f"{one}/run")
        assert (again.status_code, "has not ended" in again.json()["detail"]) == (409, True)
        (row,) = (await client.get(f"{one}/runs")).json()["items"]
        assert (row["outcome"], row["job"], row["asked_by"]) == ("entered", ran.json()["job"], "key test")
        assert (await client.delete(one)).status_code == 204
        assert (await client.get("/v1/schedules")).json()["items"] == []


async def test_a_preview_says_what_a_timetable_means_and_schedules_nothing(client: httpx.AsyncClient) -> None:
    async with client:
        answer = await client.post("/v1/schedules/preview", json={"when": "0 0 12 L * ?", "zone": "Asia/Tokyo"})
        assert answer.json()["english"] == "At 12:00, on the last day of the month"
        assert len(answer.json()["next_runs"]) == 5
        never = await client.post("/v1/schedules/preview", json={"when": "0 0 0 30 2 ?"})
        assert (never.status_code, never.json()["next_runs"]) == (200, [])
        assert (await client.get("/v1/schedules")).json()["items"] == []


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"when": "* * * * *"}, "Unix cron"),
    ({"when": "0 0 25 * * ?"}, "hours: 25"),
    ({"zone": "Nowhere"}, "time zone"),
    ({"name": ""}, "name"),
    ({"jitter": -1}, "jitter"),
    ({"misfire": "panic"}, "misfire"),
    ({"when": "0 0 0 30 2 ?"}, "never comes"),
    ({"job": JOB | {"targets": ["192.0.2.1"]}}, "192.0.2.1"),
    ({"job": JOB | {"tool": "rm"}}, "rm"),
    ({"extra": 1}, "extra"),
]


async def test_what_cannot_be_scheduled_is_refused_with_the_reason(client: httpx.AsyncClient) -> None:
    async with client:
        for values, said in REFUSALS:
            answer = await client.post("/v1/schedules", json=ASKED | values)
            assert answer.status_code == 422
            assert said in answer.json()["detail"]
        assert (await client.get("/v1/schedules")).json()["items"] == []


async def test_a_name_that_is_taken_is_refused(client: httpx.AsyncClient) -> None:
    async with client:
        await made(client)
        answer = await client.post("/v1/schedules", json=ASKED)
        assert (answer.status_code, "taken" in answer.json()["detail"]) == (422, True)


async def test_what_there_is_not_is_not_found(client: httpx.AsyncClient) -> None:
    async with client:
        one = "/v1/schedules/00000000-0000-4000-8000-000000000000"
        for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/runs"), ("POST", "/pause"), ("POST", "/run")]:
            assert (await client.request(method, one + path)).status_code == 404
        assert (await client.put(one, json=ASKED)).status_code == 404
        assert (await client.get("/v1/schedules/x")).status_code == 422


async def test_the_hub_requests_the_jobs_that_are_due(client: httpx.AsyncClient, whole: Whole) -> None:
    async with client:
        found = await made(client, when="every 1s")
        desk = ScheduleDesk(
            database=whole.database,
            desk=JobDesk(
                jobs=Jobs(database=whole.database, clock=whole.clock), policy=ScopePolicy(), clock=whole.clock
            ),
            clock=whole.clock,
        )
        async with asyncio.timeout(PATIENCE):
            while not (became := await desk.run_due()):
                await asyncio.sleep(0.05)
        assert became == {"entered": 1}
        told = (await client.get(f"/v1/schedules/{found['uuid']}")).json()
        assert told["entered"] == 1
        # A machine that is held up for a second misses the next one, and says so.
        assert told["last_outcome"] in ("entered", "missed")
