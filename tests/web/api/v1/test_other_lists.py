"""Every other list, and what may be decided about what stands in one."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from registry.callers import Scope
from registry.head_lists import read_lists
from registry.tally import DAY
from tests.web.api.v1.conftest import ENGINE, FORMULA, KEY, PROBE, RECEIVED_AT, Hub, uuid_of
from vedette.messages.batch import open_signed
from vedette.messages.heads import HeadList
from vedette.messages.state import AgentState
from web.api.hub_view import NoAgents

LISTS = {
    "/v1/items": 30,
    "/v1/batches": 3,
    "/v1/tokens": 2,
    "/v1/heads": 1,
    "/v1/agents": 1,
    "/v1/agent-checks": 1,
    f"/v1/agents/{PROBE}/presence": 3,
    "/v1/dead-letters": 1,
    "/v1/findings": 2,
    "/v1/timeline": 1,
    "/v1/checks": 1,
    "/v1/queues": 1,
    "/v1/refusals": 1,
    "/v1/alarms": 1,
    "/v1/audit": 1,
    "/v1/keys": 1,
}


async def test_each_list_has_the_same_rows_and_columns_in_each_form(hub: Hub) -> None:
    async with await hub.client(Scope.READ, Scope.ADMIN) as client:
        for path, count in LISTS.items():
            await in_each_form(client, path, count)


async def in_each_form(client: httpx.AsyncClient, path: str, count: int) -> None:
    page = (await client.get(path)).json()
    table = list(csv.DictReader(io.StringIO((await client.get(f"{path}.csv")).text)))
    lines = (await client.get(f"{path}.ndjson")).text.splitlines()
    refused = await client.get(f"{path}?nonsense=1")
    assert set(page) == {"items", "next", "previous"}
    assert len(page["items"]) == len(table) == len(lines) >= count, path
    assert all(list(row) == list(page["items"][0]) for row in [*page["items"], *table]), path
    assert (refused.status_code, "nonsense" in refused.json()["detail"]) == (422, True)


async def test_an_empty_csv_has_its_header_still(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/alarms.csv?kind=nothing")
    assert answer.text == "id,at,kind,place,text,acknowledged_at\r\n"


async def test_findings_are_filtered_and_say_what_shows_them(client: httpx.AsyncClient) -> None:
    first, *others = (await client.get("/v1/findings", params={"item": uuid_of(28)})).json()["items"]
    assert [first["kind"], *(other["kind"] for other in others)] == ["deviates", "first seen"]
    assert (first["severity"], first["subject"], first["changes"]) == ("warning", FORMULA, [])
    assert [witness["item"] for witness in first["witnesses"]] == [uuid_of(28)]
    seen = (await client.get("/v1/findings?kind=first+seen")).json()["items"]
    assert [finding["id"] for finding in seen] == [others[0]["id"]]
    (check,) = (await client.get("/v1/checks", params={"subject": FORMULA})).json()["items"]
    assert (check["runs"], check["verdict"], check["item"]) == (1, "deviates", uuid_of(28))
    assert (await client.get("/v1/checks?subject=nothing")).json()["items"] == []


async def test_the_timeline_says_when_items_came(client: httpx.AsyncClient) -> None:
    day = {"since": RECEIVED_AT - RECEIVED_AT % DAY, "until": RECEIVED_AT - RECEIVED_AT % DAY + DAY}
    pieces = (await client.get("/v1/timeline", params=day)).json()["items"]
    assert [one["items"] for one in pieces if one["first"] <= RECEIVED_AT < one["end"]] == [30]
    assert sum(one["items"] for one in pieces) == 30
    assert all(one["end"] == following["first"] for one, following in pairwise(pieces))
    assert {one["whole"] for one in pieces} == {True}
    chosen = (await client.get("/v1/timeline", params=day | {"verdict": "deviates"})).json()["items"]
    assert (sum(one["items"] for one in chosen), {one["findings"] for one in chosen}) == (1, {None})
    first = (await client.get("/v1/timeline", params=day | {"limit": 1})).json()
    rest = (await client.get("/v1/timeline", params=day | {"cursor": first["next"]})).json()
    assert [*first["items"], *rest["items"]] == pieces
    assert (await client.get("/v1/timeline?target=nowhere")).json()["items"] == []
    assert (await client.get("/v1/timeline?cursor=x")).status_code == 422


async def test_batches_and_tokens_are_filtered(client: httpx.AsyncClient) -> None:
    stamped = (await client.get("/v1/batches?state=self-asserted")).json()["items"]
    assert [(batch["number"], batch["count"], batch["engine"]) for batch in stamped] == [
        (2, 10, ENGINE),
        (1, 10, ENGINE),
    ]
    tokens = (await client.get("/v1/tokens?tsa=local&limit=1")).json()
    assert (tokens["items"][0]["batch"], tokens["next"] is None) == (2, False)
    assert (await client.get("/v1/tokens?tsa=none")).json()["items"] == []


async def test_signed_heads_can_be_kept_elsewhere_and_verified(client: httpx.AsyncClient, tmp_path: Path) -> None:
    kept = tmp_path / "heads.jsonl"
    kept.write_bytes((await client.get("/v1/heads.ndjson?limit=1")).content)
    (signed,) = read_lists(kept)
    (row,) = (await client.get("/v1/heads?limit=1")).json()["items"]
    assert (row["text"], row["public_key"]) == (signed.text, KEY.verifying.text)
    (head,) = open_signed(HeadList, signed, KEY.verifying).heads
    assert (head.engine, head.next_index) == (ENGINE, 30)


class OneAgent(NoAgents):
    def states(self) -> list[AgentState]:
        presence = {"show": "available", "since": 1}
        values = {"jid": PROBE, "role": "probe", "software": "1", "fingerprint": "f", "server": "s"}
        return [AgentState.model_validate(values | {"started_at": 1, "now": 2, "presence": presence})]


class TestAnAgent:
    @pytest.fixture
    def hub_view(self) -> OneAgent:
        return OneAgent()

    async def test_it_comes_with_its_state_where_it_runs_here(self, client: httpx.AsyncClient) -> None:
        agent = (await client.get(f"/v1/agents/{PROBE}")).json()
        assert (agent["role"], agent["show"], agent["card"], agent["state"]["software"]) == (
            "probe",
            "available",
            None,
            "1",
        )
        for path in ("/v1/agents/nobody@x", "/v1/agents/nobody@x/presence", "/v1/agents/nobody@x/presence.csv"):
            assert (await client.get(path)).status_code == 404


async def test_an_operator_decides_about_dead_letters_and_it_is_written_down(hub: Hub) -> None:
    place = f"/v1/dead-letters/queue:rt/{uuid_of(28)}"
    async with await hub.client(Scope.READ) as reader, await hub.client(Scope.OPERATE) as operator:
        assert (await reader.post(f"{place}/replay")).status_code == 403
        assert (await operator.post(f"{place}/discard", json={})).status_code == 422
        assert (await operator.post(f"{place}/discard", json={"reason": " "})).status_code == 422
        assert (await operator.post(f"{place}/discard", json={"reason": "x", "more": 1})).status_code == 422
        done = await operator.post(f"{place}/discard", json={"reason": "of no use"})
        assert done.json() == {"place": "queue:rt", "uuid": uuid_of(28), "done": "discarded"}
        assert (await operator.post(f"{place}/replay")).status_code == 404
        assert (await operator.post(f"/v1/dead-letters/outbox:..%2Fx/{uuid_of(1)}/replay")).status_code == 404
        assert (await reader.get("/v1/dead-letters")).json()["items"] == []
        (tomb,) = (await reader.get("/v1/dead-letters?discarded=true")).json()["items"]
        assert tomb["why"] == "of no use"
    async with await hub.client(Scope.ADMIN) as admin:
        (entry,) = (await admin.get("/v1/audit?action=dead-letter.")).json()["items"]
    assert (entry["who"], entry["origin"], entry["detail"]) == ("key test", "127.0.0.1", "of no use")


async def test_an_operator_takes_note_of_an_alarm(hub: Hub) -> None:
    async with await hub.client(Scope.READ) as reader, await hub.client(Scope.OPERATE) as operator:
        (alarm,) = (await reader.get("/v1/alarms?acknowledged=false")).json()["items"]
        assert (await operator.post(f"/v1/alarms/{alarm['id']}/acknowledge")).status_code == 200
        assert (await operator.post("/v1/alarms/999/acknowledge")).status_code == 404
        assert (await operator.post("/v1/alarms/x/acknowledge")).status_code == 422
        assert (await reader.get("/v1/alarms?acknowledged=false")).json()["items"] == []
        assert len((await reader.get("/v1/alarms?acknowledged=true")).json()["items"]) == 1


async def test_keys_are_listed_without_the_key_and_for_administrators_only(hub: Hub) -> None:
    key = await hub.key(Scope.READ)
    async with await hub.client(Scope.ADMIN) as admin, await hub.client(Scope.READ) as reader:
        assert (await reader.get("/v1/keys")).status_code == 403
        assert (await reader.get("/v1/audit")).status_code == 403
        answer = await admin.get("/v1/keys")
    assert {row["scopes"] for row in answer.json()["items"]} == {"read", "admin"}
    assert key not in answer.text


def test_the_columns_of_each_list_are_those_that_the_description_promises(hub: Hub) -> None:
    for route in hub.app.routes:
        # Other methods answer with one of what is listed.
        if isinstance(route, APIRoute) and route.path in LISTS and route.methods == {"GET"}:
            model: Any = route.response_model
            (row,) = model.model_fields["items"].annotation.__args__
            assert all(field.name for field in fields(row)), route.path
