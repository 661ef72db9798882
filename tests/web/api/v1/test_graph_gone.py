"""What the graph has from items whose bytes are gone: it stays, says so, and breaks no page."""

from __future__ import annotations

from typing import Any

import httpx

from registry.callers import Actor
from registry.content import ContentFolder
from registry.graph_writing import GraphWriter
from registry.retention import Retention
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.api.v1.graph_content import ADDRESS, ZEUS, a_vertex, id_of, said
from vedette.clock import SystemClock
from vedette.messages.limits import MAX_DOCUMENT

LOST = "00000000-0000-4000-8000-00000000dead"
HTML = {"Accept": "text/html"}


async def listed(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/graph/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return {one["item"]: one for one in answer.json()["items"]}


async def test_statements_say_that_their_bytes_are_gone(client: httpx.AsyncClient, hub: Hub) -> None:
    item, clock = uuid_of(3), SystemClock()
    folder = ContentFolder(hub.paths.documents, limit=MAX_DOCUMENT)
    retention = Retention(database=hub.database, clock=clock, documents=folder)
    await retention.delete(item, actor=Actor(who="ann", origin="test"), reason="a court wants it", unproved=True)
    await GraphWriter(database=hub.graph, clock=clock).merge([said(LOST, a_vertex(ZEUS, "Malware"))])

    told = await listed(client, f"vertices/{id_of(ZEUS)}/mentions")
    assert "by ann: a court wants it" in told[item]["gone"]
    assert (told[uuid_of(4)]["gone"], told[LOST]["gone"]) == ("", "the item is not in this store")
    paths = [told[item][name] for name in ("item_path", "document_path", "proof_path")]
    assert [(await client.get(path)).status_code for path in paths] == [200, 410, 200]
    assert (await client.get(told[LOST]["item_path"])).status_code == 404
    edge = {"start": id_of(ZEUS), "goal": id_of(ADDRESS), "relation": "Observable"}
    stated = await listed(client, "edge-mentions", **edge)
    assert {uuid: bool(one["gone"]) for uuid, one in stated.items()} == {item: True, uuid_of(4): False}


async def test_pages_say_so_too(client: httpx.AsyncClient, hub: Hub) -> None:
    item, clock = uuid_of(3), SystemClock()
    folder = ContentFolder(hub.paths.documents, limit=MAX_DOCUMENT)
    retention = Retention(database=hub.database, clock=clock, documents=folder)
    await retention.delete(item, actor=Actor(who="ann", origin="test"), reason="<b>a court", unproved=True)
    await GraphWriter(database=hub.graph, clock=clock).merge([said(LOST, a_vertex(ZEUS, "Malware"))])

    page = await client.get(f"/graph/vertex/{id_of(ZEUS)}/mentions", headers=HTML)
    assert (page.status_code, page.text.count("&lt;b&gt;a court")) == (200, 1)
    assert "the item is not in this store" in page.text
    edge = f"/graph/edge?out={id_of(ZEUS)}&into={id_of(ADDRESS)}&relation=Observable"
    for path in (edge, f"/items/{item}", f"/items/{item}/said?at=row+1", f"/graph/vertex/{id_of(ZEUS)}"):
        shown = await client.get(path, headers=HTML)
        assert shown.status_code == 200, path
    assert "payload was deleted" in (await client.get(f"/items/{item}/said?at=row+1", headers=HTML)).text
    assert (await client.get(f"/items/{LOST}/said", headers=HTML)).status_code == 404
