"""The pages of the graph over a real one: what is known, who says it, where, and what people decide about it."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.roles import UserRole
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.api.v1.graph_content import (
    ADDRESS,
    HYDRA,
    KRAKEN,
    OTHER,
    RANGE,
    SCRIPT,
    WEAKNESS,
    ZBOT,
    ZEUS,
    a_vertex,
    an_edge,
    id_of,
    said,
)
from tests.web.api.whole import Whole
from tests.web.console.test_pages import HTML, session_of, text_of
from vedette.clock import SystemClock
from web.console.graph_addresses import edge_address, picture_address, said_address, vertex_address


def main_of(page: httpx.Response) -> str:
    """The main part of a page."""
    assert page.status_code == 200, page.text
    return page.text[page.text.index("<main") :]


def links_of(page: httpx.Response, beginning: str) -> list[str]:
    """Where a page leads that begins so."""
    found = (unescape(link) for link in re.findall(r'href="([^"]+)"', main_of(page)))
    return [link for link in found if link.startswith(beginning)]


@pytest.fixture
async def operator(hub: Hub) -> AsyncIterator[tuple[httpx.AsyncClient, Mapping[str, str]]]:
    """A browser of somebody who operates, and what every form of theirs has."""
    session = await session_of(hub, UserRole.OPERATOR)
    csrf = {"csrf": session.pop("csrf")}
    async with await hub.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        yield client, csrf


async def test_what_is_looked_for_is_found_by_words_names_and_other_forms_of_them(reader: httpx.AsyncClient) -> None:
    for text, name in (("trojan", ZEUS), ("zbot", ZEUS), ("192.0.2.7", ADDRESS), ("cve-2026-0001", WEAKNESS)):
        page = await reader.get("/graph", params={"text": text})
        assert links_of(page, "/graph/vertex/")[0] in (vertex_address(id_of(name)), vertex_address(id_of(ZBOT))), text
    assert "Nothing is called so" in text_of(await reader.get("/graph", params={"text": "nowhere"}))
    only = await reader.get("/graph", params={"type": "IP", "text": ""})
    assert {vertex_address(id_of(one)) for one in (ADDRESS, OTHER)} == set(links_of(only, "/graph/vertex/"))


async def test_how_much_there_is_and_what_waits(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/graph")
    text = text_of(page)
    assert "Vertices 7 " in text, text
    assert "from 2 documents" in text
    assert "1 pair may be the same thing" in text
    assert len(links_of(page, "/graph/vertex/")) == 7


async def test_each_value_says_who_says_it(reader: httpx.AsyncClient) -> None:
    page = await reader.get(vertex_address(id_of(ZEUS)))
    rows = re.findall(r'<bdi class="value">(.*?)</bdi></td>.*?href="(/items/[^"]+)"', page.text, re.DOTALL)
    told = {unescape(value): unescape(link) for value, link in rows}
    assert told["A banking trojan."] == said_address(uuid_of(3), "row 1 [0-7]")
    assert told["5"] == said_address(uuid_of(4), "row 1 [0-7]")
    assert SCRIPT in told
    who = next(link for link in links_of(page, "/graph/vertex/") if "property=score" in link)
    statements = await reader.get(who)
    assert "that score is 5" in text_of(statements)
    assert len(re.findall(r"<tr role=\"row\">\s*<th role=\"rowheader\"", statements.text)) == 1


async def test_what_was_merged_says_why(reader: httpx.AsyncClient) -> None:
    text = text_of(await reader.get(vertex_address(id_of(ZBOT))))
    assert "the same" in text
    assert "Zbot" in text
    assert "Take it back" not in text, "who reads decides nothing"
    alone = text_of(await reader.get(vertex_address(id_of(WEAKNESS))))
    assert "Nothing else is taken for the same thing" in alone


async def test_from_an_edge_to_its_proof_in_three_clicks(reader: httpx.AsyncClient) -> None:
    page = await reader.get(vertex_address(id_of(ZEUS)))
    edge = next(link for link in links_of(page, "/graph/edge?") if "relation=Observable" in link)
    statements = await reader.get(edge)
    first = next(link for link in links_of(statements, "/items/") if "/said?" in link)
    place = await reader.get(first)
    # The payload is `payload` and the item's number, and the edge is said by the number.
    (marked,) = re.findall(r"<mark>(.*?)</mark>", place.text)
    assert first.startswith(f"/items/{uuid_of(int(marked))}/said")
    (proof,) = {link for link in links_of(place, "/items/") if link.endswith("#proof")}
    item = await reader.get(proof)
    assert 'id="proof"' in item.text
    assert "Hash tree" in text_of(item)


async def test_an_edge_has_the_statements_of_all_documents(reader: httpx.AsyncClient) -> None:
    page = await reader.get(edge_address(id_of(ZEUS), id_of(ADDRESS), "Observable"))
    places = [link for link in links_of(page, "/items/") if "/said?" in link]
    # The latest first, and both names of what was merged.
    assert [link[:42] for link in places] == [f"/items/{uuid_of(number)}"[:42] for number in (4, 3)]
    derived = text_of(await reader.get(edge_address(id_of(ADDRESS), id_of(RANGE), "Contained_Within")))
    assert "No document states it" in derived
    nowhere = await reader.get(edge_address(id_of(ADDRESS), "nowhere", "Observable"))
    assert nowhere.status_code == 404


async def test_an_item_says_what_it_says_in_the_graph(reader: httpx.AsyncClient) -> None:
    page = await reader.get(f"/items/{uuid_of(4)}")
    known = set(links_of(page, "/graph/vertex/"))
    assert {vertex_address(id_of(one)) for one in (ADDRESS, KRAKEN, HYDRA, WEAKNESS)} <= known
    assert "It says nothing there" in text_of(await reader.get(f"/items/{uuid_of(5)}"))


async def test_the_picture_and_its_table_say_the_same(reader: httpx.AsyncClient) -> None:
    page = await reader.get(f"{picture_address(id_of(ZEUS))}&depth=2")
    assert "5 vertices and 5 edges" in text_of(page)
    table = [unescape(one) for one in re.findall(r'data-label="Relation"><a href="([^"]+)"', page.text)]
    assert len(table) == 5
    assert f"{edge_address(id_of(ADDRESS), id_of(RANGE), 'Contained_Within')}" in table
    path = await reader.get(f"{picture_address(id_of(WEAKNESS))}&goal={id_of(OTHER)}")
    assert "A shortest path from CVE-2026-0001" in text_of(path)
    assert "3 vertices and 2 edges" in text_of(path)
    none = await reader.get(f"{picture_address(id_of(WEAKNESS))}&goal={id_of(KRAKEN)}")
    assert "No path of at most" in text_of(none)


async def test_what_a_picture_leaves_out_is_said(hub: Hub, reader: httpx.AsyncClient) -> None:
    many = [a_vertex(f"198.51.100.{number}", "IP", "Address") for number in range(60)]
    edges = tuple(an_edge(KRAKEN, one.id, "Observable") for one in many)
    writer = GraphWriter(database=hub.graph, clock=SystemClock())
    await writer.merge([said(uuid_of(7), a_vertex(KRAKEN, "Malware"), *many, edges=edges)])
    async with await hub.client() as client:
        client.headers.update(HTML)
        address = picture_address(id_of(KRAKEN))
        page = await client.get(f"{address}&fan_out=23")
        assert "24 vertices and 23 edges" in text_of(page)
        assert "37 more edges of Kraken are not shown." in text_of(page)
        page = await client.get(f"{address}&limit=11")
        assert "as many vertices as it may, 11" in text_of(page)
        narrow = await client.get(f"{address}&type=Vulnerability")
        assert "1 vertex and 0 edges" in text_of(narrow)
        for wrong in ("&limit=2001", "&depth=7", "&fan_out=0", "&fan_out=501", "&seed=" + "x" * 300, "&other=1"):
            assert (await client.get(f"{address}{wrong}")).status_code == 422, wrong


async def test_lists_of_the_graph_go_on(hub: Hub) -> None:
    many = [a_vertex(f"203.0.113.{number}", "IP", "Address") for number in range(120)]
    edges = tuple(an_edge(KRAKEN, one.id, "Observable") for one in many)
    writer = GraphWriter(database=hub.graph, clock=SystemClock())
    await writer.merge([said(uuid_of(7), a_vertex(KRAKEN, "Malware"), *many, edges=edges)])
    async with await hub.client() as client:
        client.headers.update(HTML)
        for start, pattern in (("/graph?type=IP", "/graph/vertex/"), (vertex_address(id_of(KRAKEN)), "/graph/edge?")):
            seen: set[str] = set()
            address: str | None = start
            pages = 0
            while address:
                page = await client.get(address)
                seen |= set(links_of(page, pattern))
                following = re.findall(r'rel="next" href="([^"]+)"', page.text)
                address, pages = unescape(following[0]) if following else None, pages + 1
            assert pages == 3, start
            assert len(seen) >= 120, start


async def test_a_person_decides_about_a_pair_and_takes_it_back(
    hub: Hub, operator: tuple[httpx.AsyncClient, Mapping[str, str]]
) -> None:
    client, csrf = operator
    page = await client.get("/graph/reviews")
    assert "both are known as" in text_of(page)
    pair = {"first": id_of(KRAKEN), "second": id_of(HYDRA)}
    assert re.findall(r'name="first" value="([^"]+)"', page.text)[0] in pair.values()
    for data, status in (
        ({**pair, **csrf, "same": "yes", "why": "  "}, 422),
        ({**pair, **csrf, "same": "perhaps", "why": "x"}, 422),
        ({**pair, **csrf, "same": "yes", "why": "x" * 2_000}, 422),
        ({**csrf, "first": id_of(KRAKEN), "second": id_of(KRAKEN), "same": "yes", "why": "x"}, 422),
        ({**csrf, "first": id_of(KRAKEN), "second": "nowhere", "same": "yes", "why": "x"}, 404),
        ({**pair, "csrf": "wrong", "same": "yes", "why": "x"}, 403),
    ):
        assert (await client.post("/graph/decide", data=data)).status_code == status, data
    decided = await client.post("/graph/decide", data={**pair, **csrf, "same": "yes", "why": "<i>one</i> author"})
    assert (decided.status_code, decided.headers["location"]) == (303, "/graph/reviews?said=decided")
    assert "No pair waits" in text_of(await client.get("/graph/reviews"))
    merged = await client.get(vertex_address(id_of(KRAKEN)))
    assert "<i>one</i> author" in text_of(merged)
    ((number, vertex),) = re.findall(
        r'action="/graph/decisions/(\d+)/undo">.*?name="vertex" value="([^"]+)"', merged.text, re.S
    )
    assert (await client.post(f"/graph/decisions/{number}/undo", data={**csrf, "why": ""})).status_code == 422
    undone = await client.post(f"/graph/decisions/{number}/undo", data={**csrf, "why": "no", "vertex": vertex})
    assert (undone.status_code, undone.headers["location"]) == (303, f"{vertex_address(vertex)}?said=undone")
    graph = GraphRead(database=hub.graph)
    one, other = await graph.vertex(id_of(KRAKEN)), await graph.vertex(id_of(HYDRA))
    assert one is not None
    assert other is not None
    assert one.id != other.id
    assert (await client.post("/graph/decisions/999999/undo", data={**csrf, "why": "x"})).status_code == 404
    audit = await Audit(database=hub.database, clock=SystemClock()).page(
        wanted=AuditFilter(action="graph."), limit=9, cursor=None
    )
    assert [(entry.who, entry.action) for entry in audit.entries] == [
        ("user anna", "graph.undo"),
        ("user anna", "graph.decide"),
    ]


async def test_no_address_breaks_a_page(reader: httpx.AsyncClient) -> None:
    zeus = vertex_address(id_of(ZEUS))
    for address, status in (
        ("/graph?cursor=-1", 422),
        ("/graph?cursor=99999", 422),
        ("/graph?cursor=9999", 200),
        ("/graph/reviews?cursor=9999", 200),
        (f"{zeus}?cursor=garbage", 422),
        (f"{zeus}?direction=up", 422),
        (f"{zeus}?relation=%27%20OR%201=1", 200),
        (f"{zeus}/mentions?property=%22&value=%25", 200),
        (f"/graph/vertex/{'x' * 257}", 422),
        ("/graph/vertex/%00", 422),
        ("/graph/vertex/..%2F..%2Fetc%2Fpasswd", 404),
        ("/graph/edge?out=a", 422),
        ("/graph/picture", 422),
        ("/graph/picture?seed=", 422),
    ):
        assert (await reader.get(address)).status_code == status, address


async def test_where_nothing_is_known_yet_the_page_says_how_it_comes(empty: httpx.AsyncClient) -> None:
    assert "Nothing is known yet" in text_of(await empty.get("/graph"))
    assert "No pair waits" in text_of(await empty.get("/graph/reviews"))


async def test_without_a_graph_every_page_says_so(migrated: Path, tmp_path: Path) -> None:
    shutil.copyfile(migrated, tmp_path / "store.db")
    async with (
        Whole(store=tmp_path / "store.db", folder=tmp_path) as whole,
        whole.client(headers={"X-API-Key": await whole.key(Scope.READ), "Accept": "text/html"}) as client,
    ):
        for path in ("/graph", "/graph/reviews", "/graph/vertex/x", "/graph/edge", "/graph/picture"):
            page = await client.get(path)
            assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html"), path
            assert "There is no graph here" in page.text
        assert (await client.post("/graph/decide", data={"csrf": "x"})).status_code == 403
