"""Stucco's query service as its clients use it, and as nobody should."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import orjson

from tests.web.api.v1.graph_content import ADDRESS, DAY, HYDRA, OBSERVED_AT, OTHER, RANGE, ZBOT, ZEUS, id_of
from vedette import __version__
from vedette.clock import SystemClock

NAMES = {ADDRESS, OTHER, RANGE, ZEUS, HYDRA, "Kraken", "CVE-2026-0001"}


async def ask(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await client.get(f"/api/{path}", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    assert body["version"] == __version__
    assert body["queryTime"] >= 0
    return body


async def search(client: httpx.AsyncClient, **wanted: Any) -> list[str]:
    body = await ask(client, "search", q=orjson.dumps(wanted).decode())
    assert body["count"] == len(body["results"])
    return [one["name"] for one in body["results"]]


async def test_search_contains_where_stucco_does_and_is_equal_elsewhere(client: httpx.AsyncClient) -> None:
    assert await search(client, vertexType="IP", name=ADDRESS) == [ADDRESS]
    assert await search(client, description="BANKING") == [ZEUS]
    assert await search(client, alias=ZBOT) == [ZEUS]
    assert await search(client, alias="Zb") == []
    assert await search(client, name=ZBOT) == [ZEUS]
    assert await search(client, text="botnet") == [ADDRESS]
    assert await search(client, startIP="192.0.2.0", vertexType="AddressRange") == [RANGE]
    assert await search(client, name="nothing") == []


async def test_a_vertex_has_stuccos_form_and_its_id(client: httpx.AsyncClient) -> None:
    body = await ask(client, "search", q='{"vertexType": "IP"}')
    found = {one["name"]: one for one in body["results"]}
    assert found[ADDRESS] == {
        "_id": id_of(ADDRESS),
        "vertexType": "IP",
        "observableType": "Address",
        "name": ADDRESS,
        "description": ["An address of a botnet."],
    }


async def test_pages_stand_in_the_search_or_beside_it(client: httpx.AsyncClient) -> None:
    names = []
    for page in range(4):
        inside = await ask(client, "search", q=f'{{"page": "{page}", "pageSize": 2}}')
        beside = await ask(client, "search", page=str(page), pageSize="2")
        assert inside["results"] == beside["results"]
        assert inside["total"] == len(NAMES)
        names += [one["name"] for one in inside["results"]]
    assert set(names) == NAMES
    assert len(names) == len(NAMES)


async def test_a_vertex_is_found_by_whatever_its_path_says(client: httpx.AsyncClient) -> None:
    for end in (
        id_of(ADDRESS),
        quote(id_of(ADDRESS), safe=""),
        f"vertexType=IP&name={ADDRESS}&id={id_of(ADDRESS)}",
        quote(f"vertexType=IP&name={ADDRESS}&id={id_of(ADDRESS)}", safe=""),
        f"vertexType=IP&name={ADDRESS}",
        f"vertexType=IP&name={ADDRESS}&id=something-old",
        f"name={ADDRESS}",
    ):
        body = (await client.get(f"/api/vertex/{end}")).json()
        assert (body["count"], body["results"]["_id"]) == (1, id_of(ADDRESS)), end
    merged = (await client.get(f"/api/vertex/{id_of(ZBOT)}")).json()["results"]
    assert merged["name"] == ZEUS


async def test_edges_stand_between_their_ends_in_stuccos_order(client: httpx.AsyncClient) -> None:
    into = (await client.get(f"/api/inEdges/vertexType=IP&name={ADDRESS}&id={id_of(ADDRESS)}")).json()
    ((near, edge, far),) = into["results"]
    assert (near["name"], edge["label"], far["name"]) == (ADDRESS, "Observable", ZEUS)
    assert (edge["_inV"], edge["inVType"]) == (id_of(ADDRESS), "IP")
    assert (edge["_outV"], edge["outVType"]) == (far["_id"], "Malware")
    assert edge["description"] == f"{far['_id']} : Observable : {id_of(ADDRESS)}"
    out = (await client.get(f"/api/outEdges/{id_of(ZBOT)}", params={"q": '{"page": 0, "pageSize": 10}'})).json()
    assert out["count"] == 3
    assert all(near["name"] == ZEUS for near, _, _ in out["results"])
    pages = [
        (await client.get(f"/api/outEdges/{id_of(ZEUS)}", params={"q": f'{{"page": {n}, "pageSize": 1}}'})).json()
        for n in range(4)
    ]
    assert [one for page in pages for one in page["results"]] == out["results"]


async def test_counts(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "count/vertices"))["count"] == len(NAMES)
    assert (await ask(client, "count/vertices", q='{"vertexType": "IP"}'))["count"] == 2
    assert (await ask(client, "count/vertices", q='{"name": "zbot"}'))["count"] == 1
    assert (await ask(client, "count/edges"))["count"] > 4
    since = SystemClock().now() - (OBSERVED_AT + DAY)
    days = str(max(1, since // DAY))
    assert (await ask(client, "count/vertices", q=f'{{"days": {days}}}'))["count"] in (5, len(NAMES))
    assert (await ask(client, "count/vertices", q='{"days": "36500"}'))["count"] == len(NAMES)


WRONG: list[tuple[str, int]] = [
    ("/api/search?q={", 400),
    ("/api/search?q=[1]", 400),
    ("/api/search?q=%7B%22a%20b%22%3A%22c%22%7D", 400),
    ("/api/search?q=%7B%22page%22%3A-1%7D", 400),
    ("/api/search?q=%7B%22name%22%3A%7B%7D%7D", 400),
    ("/api/search?page=x", 422),
    ("/api/search?unknown=1", 422),
    ("/api/vertex/vertexType=IP&name=", 400),
    ("/api/vertex/%00", 400),
    ("/api/vertex/nothing", 404),
    ("/api/vertex/..%2f..%2fetc%2fpasswd", 404),
    ("/api/vertex/name=a/b/c", 404),
    ("/api/vertex/name=" + "x" * 3000, 400),
    ("/api/vertex/%ff%fe", 404),
    ("/api/inEdges/nothing", 404),
    ("/api/outEdges/nothing?q={", 400),
    ("/api/count/vertices?q=nonsense", 400),
    ("/api/count/edges?q=%7B%22days%22%3A0%7D", 400),
]


async def test_what_is_wrong_has_its_status(client: httpx.AsyncClient) -> None:
    for path, status in WRONG:
        answer = await client.get(path)
        assert answer.status_code == status, (path, answer.text)
        assert answer.json()["detail"]
