"""Sharing over HTTP: asked for once, approved by the digest that was seen, rejected, done again; and looked at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.api.v1.graph_content import ZEUS, id_of
from tests.web.api.v1.sharing_content import fill_exports
from vedette.clock import SystemClock

ASKED = {"select": "target=192.0.2.7", "destination": "archive"}
NOBODY = "/v1/exports/00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def operator(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may read and operate."""
    async with await hub.client(Scope.READ, Scope.OPERATE) as client:
        yield client


async def test_asking_twice_is_one_export(operator: httpx.AsyncClient, hub: Hub) -> None:
    first = await operator.post("/v1/exports", json=ASKED)
    again = await operator.post("/v1/exports", json=ASKED)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["Location"] == f"/v1/exports/{first.json()['uuid']}"
    assert again.json()["uuid"] == first.json()["uuid"]
    dry = await operator.post("/v1/exports", json=ASKED | {"dry_run": True})
    assert dry.json()["uuid"] != first.json()["uuid"]
    # The destination's own rule holds, whoever asks
    assert (await operator.post("/v1/exports", json=ASKED | {"destination": "partners"})).json()["approval"]
    audit = Audit(database=hub.database, clock=SystemClock())
    rows = (await audit.page(wanted=AuditFilter(action="export.request"), limit=10)).entries
    assert {row.who for row in rows} == {"key test"}
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"destination": "nowhere"}, "nowhere"),
        ({"select": "nonsense"}, "nonsense"),
        ({"share": "nothing"}, "nothing"),
        ({"mode": 1}, "mode"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(
    operator: httpx.AsyncClient, change: dict[str, object], named: str
) -> None:
    answer = await operator.post("/v1/exports", json=ASKED | change)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert named in answer.json()["detail"]
    assert (await operator.get("/v1/exports")).json()["items"] == []


async def test_only_the_plan_that_was_seen_is_approved(operator: httpx.AsyncClient, hub: Hub) -> None:
    exports = await fill_exports(hub.database)
    one = f"/v1/exports/{exports['approval'].uuid}"
    seen = (await operator.get(one)).json()
    assert [change["action"] for change in seen["plan"]["changes"]] == ["add", "change", "remove", "restore"]
    stale = await operator.post(f"{one}/approve", json={"digest": "0" * 64})
    assert (stale.status_code, "another" in stale.json()["detail"]) == (409, True)
    done = await operator.post(f"{one}/approve", json={"digest": seen["plan"]["digest"]})
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "waiting", "key test")
    twice = await operator.post(f"{one}/approve", json={"digest": seen["plan"]["digest"]})
    assert twice.status_code == 409


async def test_exports_are_rejected_with_a_reason_and_done_again(operator: httpx.AsyncClient, hub: Hub) -> None:
    exports = await fill_exports(hub.database)
    one = f"/v1/exports/{exports['approval'].uuid}"
    for why in ("", " ", "\0"):
        assert (await operator.post(f"{one}/reject", json={"why": why})).status_code == 422
    rejected = (await operator.post(f"{one}/reject", json={"why": "not ours to tell"})).json()
    assert (rejected["state"], rejected["reason"]) == ("rejected", "not ours to tell")
    assert (await operator.post(f"{one}/reject", json={"why": "again"})).status_code == 409
    again = await operator.post(f"{one}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")
    running = f"/v1/exports/{exports['running'].uuid}"
    assert (await operator.post(f"{running}/retry")).status_code == 409
    for path, body in (("approve", {"digest": "x"}), ("reject", {"why": "x"}), ("retry", None)):
        assert (await operator.post(f"{NOBODY}/{path}", json=body)).status_code == 404
    assert (await operator.get(NOBODY)).status_code == 404


async def test_lists_say_how_things_are_without_megabytes(operator: httpx.AsyncClient, hub: Hub) -> None:
    exports = await fill_exports(hub.database)
    rows = (await operator.get("/v1/exports")).json()["items"]
    assert {row["uuid"] for row in rows} == {one.uuid for one in exports.values()}
    assert (rows[0]["state"], rows[-1]["state"]) == ("waiting", "rejected")
    assert {(row["plan"], row["exported"]) for row in rows} == {(None, None)}
    (failed,) = (await operator.get("/v1/exports?state=failed&destination=archive")).json()["items"]
    assert failed["reason"] == "the key is refused"
    assert (await operator.get("/v1/exports?share=all-of-it")).json()["items"][0]["state"] == "waiting"
    assert (await operator.get("/v1/exports?state=lost")).status_code == 422
    partners, archive = (await operator.get("/v1/destinations")).json()["items"]
    assert (partners["name"], partners["approvals"], partners["sent"]) == ("partners", 1, 4)
    assert partners["withheld"][0] == ["accounts are not shared", 4]
    assert (archive["failed"], archive["last_reason"]) == (1, "the key is refused")
    table = list(csv.DictReader(io.StringIO((await operator.get("/v1/destinations.csv")).text)))
    assert [row["name"] for row in table] == ["partners", "archive"]


async def test_what_would_leave_is_shown_and_nothing_is_sent(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/investigations", params={"select": f"item={uuid_of(28)}"})).json()
    assert (found["kind"], found["tlp"], found["organisation"]) == ("item", "amber", "Example CSIRT")
    assert found["counts"]["proofs"] == 1
    assert "bundle" not in found["proofs"][0]
    around = {"select": f"vertex={id_of(ZEUS)}", "limit": 1}
    near = (await client.get("/v1/investigations", params=around)).json()
    assert near["counts"]["facts"] > 1 == len(near["facts"])
    strict = await client.get("/v1/investigations", params=around | {"destination": "partners"})
    assert strict.json()["tlp"] == "green"
    assert (await client.get("/v1/exports")).json()["items"] == []
    for wrong in ({"select": "nonsense"}, {"select": "type=scan", "destination": "nowhere"}, {"select": ""}):
        answer = await client.get("/v1/investigations", params=wrong)
        assert (answer.status_code, answer.json()["status"]) == (422, 422)


async def test_files_are_what_exporters_write(client: httpx.AsyncClient) -> None:
    asked = {"select": f"vertex={id_of(ZEUS)}"}
    stix = await client.get("/v1/investigations", params=asked | {"format": "stix"})
    assert (stix.status_code, json.loads(stix.content)["type"]) == (200, "bundle")
    assert stix.headers["Content-Disposition"].endswith('-stix.json"')
    again = await client.get("/v1/investigations", params=asked | {"format": "stix"})
    assert again.content == stix.content
    table = await client.get("/v1/investigations", params=asked | {"format": "csv"})
    assert len(list(csv.reader(io.StringIO(table.text)))) > 1
    for form in ("feed", "nothing", "sql"):
        answer = await client.get("/v1/investigations", params=asked | {"format": form})
        assert (answer.status_code, form in answer.json()["detail"]) == (422, True)


async def test_who_only_reads_decides_nothing(client: httpx.AsyncClient) -> None:
    for path in ("/v1/exports", f"{NOBODY}/approve", f"{NOBODY}/reject", f"{NOBODY}/retry"):
        assert (await client.post(path, json=ASKED)).status_code == 403
