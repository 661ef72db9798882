"""The knowledge graph over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from defusedxml.ElementTree import fromstring

from registry.audit import Audit
from registry.callers import Scope
from registry.keys import Keys
from tests.web.api.conftest import migrated
from tests.web.api.v1.conftest import Hub
from tests.web.api.v1.graph_content import ADDRESS, HYDRA, OBSERVED_AT, OTHER, RANGE, WEAKNESS, ZBOT, ZEUS, id_of
from tests.web.api.whole import Whole
from vedette.client import ApiError, VedetteClient
from vedette.clock import SystemClock
from web.api.v1.graph_places import NO_GRAPH

__all__ = ["migrated"]

UNKNOWN = "stucco:IP-00000000-0000-5000-8000-000000000000"


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"/v1/graph/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_lists_of_vertices_come_in_pages_and_as_tables(client: httpx.AsyncClient) -> None:
    names, cursor = [], None
    while True:
        page = await get(client, "vertices", limit=3, **({"cursor": cursor} if cursor else {}))
        names += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(names) == len(set(names)) == 7
    table = await client.get("/v1/graph/vertices.csv", params={"type": "IP"})
    assert table.text.splitlines()[0].startswith("id,type,observable_type,name,properties")
    assert len(table.text.splitlines()) == 3
    lines = await client.get("/v1/graph/vertices.ndjson", params={"text": "botnet"})
    assert orjson.loads(lines.text)["name"] == ADDRESS
    assert [one["name"] for one in (await get(client, "vertices", name="ZBOT"))["items"]] == [ZEUS]
    wanted = {"property": "alias", "value": "The beast"}
    assert {one["name"] for one in (await get(client, "vertices", **wanted))["items"]} == {"Kraken", HYDRA}
    assert [one["name"] for one in (await get(client, "vertices", contains="banking"))["items"]] == [ZEUS]


async def test_one_vertex_its_edges_and_its_days(client: httpx.AsyncClient) -> None:
    zeus = await get(client, f"vertices/{id_of(ZBOT)}")
    assert zeus["name"] == ZEUS
    assert sorted(zeus["members"]) == sorted([id_of(ZEUS), id_of(ZBOT)])
    edges = await get(client, f"vertices/{zeus['id']}/edges", limit=2)
    assert edges["next"]
    more = await get(client, f"vertices/{zeus['id']}/edges", limit=2, cursor=edges["next"])
    found = {(one["relation"], one["in_name"], one["count"]) for one in edges["items"] + more["items"]}
    assert found == {("Observable", ADDRESS, 2), ("Observable", OTHER, 1), ("ExploitTarget", WEAKNESS, 1)}
    into = await get(client, f"vertices/{id_of(ADDRESS)}/edges", direction="in")
    assert [one["out_name"] for one in into["items"]] == [ZEUS]
    days = await get(client, f"vertices/{id_of(ADDRESS)}/timeline")
    assert [one["mentions"] for one in days] == [1, 1]


async def test_every_statement_leads_to_its_item_document_and_proof(client: httpx.AsyncClient) -> None:
    zeus = id_of(ZEUS)
    said = (await get(client, f"vertices/{zeus}/mentions", property="alias", value=ZBOT))["items"]
    assert [(one["place"], one["start"], one["end"]) for one in said] == [("row 1", 0, 7)]
    stated = (await get(client, "edge-mentions", start=zeus, goal=id_of(ADDRESS), relation="Observable"))["items"]
    assert len(stated) == 2
    for one in said + stated:
        assert one["item"] in one["item_path"]
        for place in ("item_path", "document_path", "proof_path"):
            assert (await client.get(one[place])).status_code == 200, one[place]
    listed = (await get(client, f"items/{said[0]['item']}"))["items"]
    assert [one["name"] for one in listed] == [ADDRESS, ZEUS, OTHER, RANGE]


async def test_pictures_and_paths(client: httpx.AsyncClient) -> None:
    around = await get(client, f"vertices/{id_of(ADDRESS)}/neighbours", depth=2)
    assert {one["name"] for one in around["vertices"]} == {ADDRESS, ZEUS, OTHER, WEAKNESS, RANGE}
    assert around["cut"] == {}
    few = await get(client, f"vertices/{id_of(ZEUS)}/neighbours", fan_out=1)
    assert list(few["cut"].values()) == [3]
    only = await get(client, f"vertices/{id_of(ZEUS)}/neighbours", relations=["ExploitTarget", "x"])
    assert [one["name"] for one in only["vertices"]] == [ZEUS, WEAKNESS]
    ips = await get(client, f"vertices/{id_of(ZEUS)}/neighbours", types="Address")
    assert {one["name"] for one in ips["vertices"]} == {ZEUS, ADDRESS, OTHER}
    both = await get(client, "subgraph", seed=[id_of(ADDRESS), id_of(HYDRA), UNKNOWN], depth=0)
    assert {one["name"] for one in both["vertices"]} == {ADDRESS, HYDRA}
    path = await get(client, "path", start=id_of(WEAKNESS), goal=id_of(OTHER))
    assert [one["name"] for one in path["vertices"]] == [WEAKNESS, ZEUS, OTHER]
    assert len(path["edges"]) == 2
    queries: list[dict[str, str | int]] = [
        {"goal": id_of(HYDRA)},
        {"goal": id_of(OTHER), "hops": 1},
        {"goal": UNKNOWN},
    ]
    for query in queries:
        answer = await client.get("/v1/graph/path", params={"start": id_of(WEAKNESS), **query})
        assert answer.status_code == 404


async def test_a_part_of_the_graph_is_a_file_for_other_programs(client: httpx.AsyncClient) -> None:
    place = f"/v1/graph/vertices/{id_of(ZEUS)}/export"
    stix = await client.get(place, params={"format": "stix"})
    assert stix.headers["content-type"] == "application/stix+json;version=2.1"
    assert stix.json()["type"] == "bundle"
    graphml = await client.get(place, params={"format": "graphml"})
    assert "attachment" in graphml.headers["content-disposition"]
    assert fromstring(graphml.content).tag.endswith("graphml")
    stucco = (await client.get(place, params={"format": "stucco", "depth": 2})).json()
    assert len(stucco["vertices"]) == 5
    assert all({edge["outVertID"], edge["inVertID"]} <= set(stucco["vertices"]) for edge in stucco["edges"])


async def test_changes_and_counts(client: httpx.AsyncClient) -> None:
    found: list[Any] = []
    cursor = None
    while True:
        page = await get(client, "changes", limit=2, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    times = [one["changed_at"] for one in found]
    assert times == sorted(set(times))
    assert (await get(client, "changes", since=times[-2]))["items"] == found[-1:]
    counts = await get(client, "counts")
    assert (counts["vertices"], counts["mentions"], counts["origins"]) == (7, 9, 2)
    assert (await get(client, "counts", since=OBSERVED_AT + 1))["origins"] == 1


async def test_why_two_are_one_or_not(client: httpx.AsyncClient) -> None:
    merged = await get(client, "explain", first=id_of(ZEUS), second=id_of(ZBOT))
    assert merged["same"] is True
    assert merged["reasons"]
    apart = await get(client, "explain", first=id_of(ZEUS), second=id_of(ADDRESS))
    assert apart["same"] is False
    (await get(client, "reviews"))["items"]


async def test_decisions_are_made_and_undone_and_are_in_the_audit_log(hub: Hub) -> None:
    before = (await hub.client(), await hub.client(Scope.OPERATE))
    async with before[0] as reader, before[1] as operator:
        pair = {"first": id_of(ADDRESS), "second": id_of(OTHER)}
        made = await operator.post("/v1/graph/decisions", json={**pair, "same": True, "why": "one host"})
        assert made.status_code == 201
        one = await get(reader, f"vertices/{id_of(OTHER)}")
        assert len(one["members"]) == 2
        number = made.json()["id"]
        undone = await operator.post(f"/v1/graph/decisions/{number}/undo", json={"why": "two hosts"})
        assert undone.status_code == 200
        assert (await get(reader, f"vertices/{id_of(OTHER)}"))["members"] == []
        item = (await get(reader, f"vertices/{id_of(OTHER)}/mentions"))["items"][0]["item"]
        taken = await operator.post("/v1/graph/withdrawals", json={"item": item, "why": "wrong"})
        assert taken.json() == {"subgraphs": 1}
        assert (await reader.get(f"/v1/graph/vertices/{id_of(OTHER)}")).status_code == 404
        again = await operator.post("/v1/graph/withdrawals", json={"item": item, "why": "wrong"})
        assert again.json() == {"subgraphs": 0}
    entries = (await Audit(database=hub.database, clock=SystemClock()).page(limit=4)).entries
    assert [entry.action for entry in entries] == ["graph.withdraw", "graph.withdraw", "graph.undo", "graph.decide"]
    assert "one host" in entries[-1].detail
    assert entries[-1].who == "key test"


REFUSED: list[tuple[str, Any, int]] = [
    ("decisions", {"first": UNKNOWN, "second": id_of(OTHER), "same": True, "why": "x"}, 404),
    ("decisions", {"first": id_of(OTHER), "second": id_of(OTHER), "same": True, "why": "x"}, 404),
    ("decisions", {"first": id_of(OTHER), "second": id_of(ADDRESS), "same": True, "why": "  "}, 422),
    ("decisions", {"first": id_of(OTHER), "second": id_of(ADDRESS), "why": "x"}, 422),
    ("decisions", {"first": "a/b", "second": id_of(ADDRESS), "same": True, "why": "x"}, 422),
    ("decisions/999999/undo", {"why": "x"}, 404),
    ("decisions/0/undo", {"why": "x"}, 422),
    ("withdrawals", {"why": "x"}, 422),
    ("withdrawals", {"why": "x", "item": "00000000-0000-4000-8000-000000000003", "source": "a"}, 422),
    ("withdrawals", {"why": "x", "item": "' OR 1=1 --"}, 422),
]


async def test_a_decision_that_cannot_be_is_refused(hub: Hub) -> None:
    async with await hub.client(Scope.OPERATE) as operator:
        for path, body, status in REFUSED:
            answer = await operator.post(f"/v1/graph/{path}", json=body)
            assert answer.status_code == status, (path, body, answer.text)


WRONG: list[tuple[str, int]] = [
    (f"vertices/{UNKNOWN}", 404),
    (f"vertices/{UNKNOWN}/edges", 404),
    (f"vertices/{UNKNOWN}/mentions", 404),
    (f"vertices/{UNKNOWN}/neighbours", 404),
    (f"vertices/{UNKNOWN}/export", 404),
    (f"vertices/{UNKNOWN}/timeline", 404),
    ("vertices/%00", 422),
    ("vertices/" + "x" * 300, 422),
    ("vertices/%F0%90%8F%BF" * 2, 404),
    (f"vertices/{id_of(ZEUS)}/neighbours?depth=7", 422),
    (f"vertices/{id_of(ZEUS)}/neighbours?limit=2001", 422),
    (f"vertices/{id_of(ZEUS)}/neighbours?fan_out=501", 422),
    (f"vertices/{id_of(ZEUS)}/neighbours?dept=1", 422),
    (f"vertices/{id_of(ZEUS)}/export?format=exe", 422),
    (f"vertices/{id_of(ZEUS)}/edges?direction=up", 422),
    (f"vertices/{id_of(ZEUS)}/edges?cursor=nonsense", 422),
    ("vertices?cursor=nonsense", 422),
    ("vertices?name=%00", 422),
    (f"explain?first={UNKNOWN}&second={UNKNOWN}", 404),
    ("explain?first=x", 422),
    ("subgraph", 422),
    ("items/x", 422),
    ("edge-mentions?start=x", 422),
]


async def test_what_is_wrong_has_its_status(client: httpx.AsyncClient) -> None:
    for path, status in WRONG:
        answer = await client.get(f"/v1/graph/{path}")
        assert answer.status_code == status, (path, answer.text)


async def test_a_hub_without_a_graph_says_so(migrated: Path, tmp_path: Path) -> None:
    shutil.copyfile(migrated, tmp_path / "whole.db")
    async with Whole(store=tmp_path / "whole.db", folder=tmp_path) as whole:
        key = await whole.key(Scope.READ, Scope.OPERATE)
        async with whole.client(headers={"X-API-Key": key}) as client:
            for path in ("/v1/graph/vertices", "/v1/graph/counts", "/api/search", f"/api/vertex/{UNKNOWN}"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["detail"]) == (503, NO_GRAPH), path
            answer = await client.post(
                "/v1/graph/decisions", json={"first": "a", "second": "b", "same": True, "why": "x"}
            )
            assert answer.status_code == 503


async def test_the_client_asks_in_a_script_what_a_person_asks_in_the_console(hub: Hub) -> None:
    key = await Keys(database=hub.database, clock=SystemClock()).issue(name="k", scopes=[Scope.READ, Scope.OPERATE])
    async with VedetteClient(url=hub.server.url, api_key=key) as client:
        graph = client.graph
        assert [one.name async for one in graph.list(text="botnet")] == [ADDRESS]
        zeus = await graph.get(id_of(ZBOT))
        assert zeus.name == ZEUS
        assert len([one async for one in graph.edges(zeus.id, direction="out")]) == 3
        picture = await graph.neighbours(zeus.id, relations=["ExploitTarget", "Observable"], types=["IP"])
        assert {one.name for one in picture.vertices} == {ZEUS, ADDRESS, OTHER}
        assert orjson.loads(await graph.export(zeus.id, format="stucco"))["edges"]
        assert len((await graph.path(id_of(WEAKNESS), id_of(OTHER), hops=2)).edges) == 2
        assert [one.place async for one in graph.mentions(zeus.id, property="score")] == ["row 1"]
        stated = graph.edge_mentions(zeus.id, id_of(ADDRESS), "Observable", limit=1)
        assert len([one async for one in stated]) == 1
        item = "00000000-0000-4000-8000-000000000003"
        assert len([one async for one in graph.said_by(item)]) == 4
        assert (await graph.explain(id_of(ZEUS), id_of(ZBOT))).same
        assert (await graph.counts()).vertices == 7
        assert len([one async for one in graph.changes(limit=2)]) == 2
        number = await graph.decide(id_of(ADDRESS), id_of(OTHER), same=True, why="test")
        assert number not in [one.id async for one in graph.reviews()]
        await graph.undo(number, why="test")
        assert await graph.withdraw(item=item, why="test") == 1
        with pytest.raises(ApiError):
            await graph.get(UNKNOWN)
