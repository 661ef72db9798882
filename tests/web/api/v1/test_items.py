"""Items over HTTP: what the list says, each thing under one item says, too, and hostile input says nothing."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from registry.callers import Scope
from registry.retention_tables import item_tombstone
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import FORMULA, KEY, Hub, uuid_of
from vedette.clock import SystemClock
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verification import verify_bundle
from web.api.v1 import lists


async def rows(client: httpx.AsyncClient, **parameters: Any) -> list[str]:
    answer = await client.get("/v1/items", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["uuid"] for item in answer.json()["items"]]


async def test_pages_are_linked_both_ways(client: httpx.AsyncClient) -> None:
    first = await client.get("/v1/items", params={"limit": 20, "type": "scan"})
    body = first.json()
    assert [item["uuid"] for item in body["items"]] == [uuid_of(number) for number in range(29, 9, -1)]
    assert body["previous"] is None
    second = await client.get(first.links["next"]["url"])
    assert [item["uuid"] for item in second.json()["items"]] == [uuid_of(number) for number in range(9, -1, -1)]
    assert second.json()["next"] is None
    assert (await client.get(second.links["prev"]["url"])).json()["items"] == body["items"]


async def test_filters_are_those_of_the_list(client: httpx.AsyncClient) -> None:
    assert await rows(client, verdict="deviates") == [uuid_of(28)]
    assert await rows(client, target=FORMULA) == [uuid_of(28)]
    assert await rows(client, source="vedette.#") == [uuid_of(28)]
    assert await rows(client, state="self-asserted", limit=1) == [uuid_of(19)]
    assert len(await rows(client, since="2026-11-22T00:00:00Z", payload_format="text")) == 30
    assert await rows(client, until="2026-11-22T00:00:00Z") == []
    assert await rows(client, until=1) == []
    assert await rows(client, agent="nobody@x") == []


WRONG = [
    ("tpye=scan", "tpye"),
    ("limit=0", "limit"),
    ("limit=-1", "limit"),
    ("limit=x", "limit"),
    ("limit=" + "9" * 4000, "limit"),
    ("cursor=abc", "cursor"),
    ("state=certain", "state"),
    ("since=yesterday", "since"),
    ("since=99999999999999999999", "since"),
    ("since=2026-13-45T99:99:99Z", "since"),
    ("source=a..b", "pattern"),
    ("source=a.b*", "pattern"),
    ("target=a%00b", "target"),
    ("format=xml", "format"),
    ("agent=", "agent"),
]


async def test_a_wrong_parameter_is_422_and_named(client: httpx.AsyncClient) -> None:
    for query, named in WRONG:
        answer = await client.get(f"/v1/items?{query}")
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.json()["detail"], query


async def test_the_key_may_come_as_a_parameter_beside_strict_ones(hub: Hub) -> None:
    key = await hub.key(Scope.READ)
    async with httpx.AsyncClient(base_url=hub.server.url, trust_env=False, timeout=PATIENCE) as stranger:
        assert (await stranger.get("/v1/items", params={"token": key})).status_code == 200
        assert (await stranger.get("/v1/items")).status_code == 401


async def test_the_same_list_comes_as_csv_and_ndjson_whole(client: httpx.AsyncClient) -> None:
    by_path = await client.get("/v1/items.csv")
    by_header = await client.get("/v1/items", headers={"Accept": "text/csv;q=0.9, application/json;q=0.1"})
    by_parameter = await client.get("/v1/items?format=csv", headers={"Accept": "application/json"})
    assert by_path.text == by_header.text == by_parameter.text
    assert by_path.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert by_path.headers["content-disposition"] == 'attachment; filename="items.csv"'
    table = list(csv.DictReader(io.StringIO(by_path.text)))
    assert [row["uuid"] for row in table] == [uuid_of(number) for number in range(29, -1, -1)]
    assert table[1]["target"] == "'" + FORMULA
    assert list(table[0])[:3] == ["uuid", "log_index", "agent"]
    lines = (await client.get("/v1/items.ndjson?limit=3")).text.splitlines()
    assert [json.loads(line)["uuid"] for line in lines] == [uuid_of(number) for number in (29, 28, 27)]
    assert json.loads(lines[1])["target"] == FORMULA


async def test_an_export_goes_over_its_pages(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_PAGE", 7)
    assert len((await client.get("/v1/items.ndjson")).text.splitlines()) == 30
    assert len((await client.get("/v1/items.ndjson?limit=20")).text.splitlines()) == 20


async def test_a_form_that_there_is_not_is_406(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/items", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


async def test_one_item_with_its_proof_and_payload(client: httpx.AsyncClient) -> None:
    detail = (await client.get(f"/v1/items/{uuid_of(3)}")).json()
    assert (detail["state"], detail["batch"], detail["log_index"], detail["inline"]) == ("self-asserted", 1, 3, True)
    assert detail["meta"]["type"] == "scan"
    assert [token["tsa"] for token in detail["tokens"]] == ["local"]
    proof = (await client.get(f"/v1/items/{uuid_of(3)}/proof")).json()
    assert proof == {name: detail[name] for name in proof}
    payload = await client.get(f"/v1/items/{uuid_of(3)}/payload")
    assert payload.content == b"payload 3"
    assert payload.headers["content-disposition"].startswith("attachment")
    assert payload.headers["content-security-policy"] == "sandbox; default-src 'none'"


async def test_a_payload_that_is_a_document_is_sent_with_a_harmless_type(client: httpx.AsyncClient) -> None:
    payload = await client.get(f"/v1/items/{uuid_of(29)}/payload")
    assert payload.content == b"a large payload"
    assert payload.headers["content-type"] == "application/octet-stream"
    assert "x-evil" not in payload.headers


async def test_a_deleted_payload_is_410_with_the_reason(hub: Hub, client: httpx.AsyncClient) -> None:
    row = {"uuid": uuid_of(2), "size": 9, "payload_sha256": "0" * 64, "policy": "", "deleted_at": 1}
    row |= {"deleted_by": "user anna", "reason": "not ours"}
    await hub.database.write(lambda connection: connection.execute(insert(item_tombstone).values(row)))
    answer = await client.get(f"/v1/items/{uuid_of(2)}/payload")
    assert (answer.status_code, "not ours" in answer.json()["detail"]) == (410, True)
    assert (await client.get(f"/v1/items/{uuid_of(2)}")).json()["deleted"]["deleted_by"] == "user anna"


async def test_a_bundle_verifies_and_a_pending_item_has_none_yet(hub: Hub, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/items/{uuid_of(3)}/bundle")
    assert answer.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(answer.content)).read("payload.bin") == b"payload 3"
    roots = TrustRoots.load(hub.paths.roots)
    verdict = verify_bundle(answer.content, roots=roots, now=SystemClock().now(), agent_key=KEY.verifying)
    assert verdict.ok, verdict.reasons
    pending = await client.get(f"/v1/items/{uuid_of(29)}/bundle")
    assert (pending.status_code, "pending" in pending.json()["detail"]) == (409, True)


async def test_an_item_that_there_is_not_is_404_and_what_is_no_uuid_422(client: httpx.AsyncClient) -> None:
    for rest in ("", "/payload", "/proof", "/bundle"):
        assert (await client.get(f"/v1/items/{uuid_of(99)}{rest}")).status_code == 404
        for wrong in ("x", uuid_of(1).upper() + "A", "%00", "..%2f..%2fetc", "é"):
            assert (await client.get(f"/v1/items/{wrong}{rest}")).status_code in (404, 422), (wrong, rest)


async def test_bundles_and_exports_are_bounded_in_number(hub: Hub, client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.get(f"/v1/items/{uuid_of(number)}/bundle") for number in range(12)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 429}
    assert 200 in statuses
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(answer.headers["retry-after"] == "5" for answer in refused)
    # None of the slots stayed taken.
    for number in range(4):
        assert (await client.get(f"/v1/items/{uuid_of(number)}/bundle")).status_code == 200
    for _ in range(lists.EXPORTS + 2):
        assert (await client.get("/v1/items.csv?cursor=wrong")).status_code == 422
    assert (await client.get("/v1/items.csv")).status_code == 200
