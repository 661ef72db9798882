"""The pages of items over a filled store: facets, the timeline and the search, all of them links that work."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx

from registry.intake import Intake
from tests.web.api.v1.conftest import ENGINE, FORMULA, PROBE, RECEIVED_AT, Hub, an_item, delivery, uuid_of
from tests.web.conftest import HOSTILE
from tests.web.console.test_pages import text_of
from vedette.clock import SystemClock
from vedette.messages.item import ReceivedItem


async def commit(hub: Hub, items: list[ReceivedItem], *, received_at: int) -> None:
    """Commit items as they come from the probe."""
    intake = Intake(database=hub.database, engine=ENGINE, clock=SystemClock())
    await intake.open()
    await intake.commit([delivery(items, received_at=received_at)])


def links_in(page: httpx.Response, part: str) -> list[str]:
    """Addresses that a part of a page leads to."""
    (found,) = re.findall(rf'<(?:section|div) class="{part}".*?</(?:section|div)>', page.text, re.DOTALL)
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', found)]


def shown(page: httpx.Response) -> list[str]:
    """The items in the list."""
    return re.findall(r'<tr role="row" data-key="([^"]+)"', page.text)


async def test_each_facet_leads_to_as_many_items_as_it_says(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/items")
    facets = re.findall(r'<li><a href="([^"]+)"><bdi>[^<]*</bdi></a> <span class="number">(\d+)</span>', page.text)
    assert len(facets) >= 6
    for link, number in facets:
        assert len(shown(await reader.get(unescape(link)))) == int(number), link


async def test_a_condition_is_taken_away_again(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/items", params={"verdict": "deviates", "target": FORMULA})
    assert shown(page) == [uuid_of(28)]
    chips = re.findall(r'<li class="chip">.*?href="([^"]+)"', page.text)
    assert [parse_qs(urlsplit(unescape(link)).query) for link in chips] == [
        {"target": [FORMULA]},
        {"verdict": ["deviates"]},
    ]


async def test_the_timeline_leads_to_the_items_of_its_pieces_without_a_script(
    hub: Hub, reader: httpx.AsyncClient
) -> None:
    hour = 3_600_000_000
    later = [an_item(100 + number) for number in range(3)]
    await commit(hub, later, received_at=RECEIVED_AT - 50 * hour)
    page = await reader.get("/items?type=scan")
    rows = re.findall(
        r'<a href="([^"]+)">[^<]*</a></th><td role="cell" data-label="Items" class="right number">(\d+)', page.text
    )
    assert sorted(int(number) for _, number in rows) == [3, 30]
    for link, number in rows:
        there = await reader.get(unescape(link))
        assert len(shown(there)) == int(number)
        assert "All times" in text_of(there)
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1"><title>', page.text)
    assert {unescape(link) for link, _ in rows} == {unescape(link) for link in bars}


async def test_a_time_without_items_says_so_and_leads_out(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/items?since=1971-01-01T00:00:00Z&until=1971-01-02T00:00:00Z&type=scan")
    assert "Nothing came in this time" in text_of(page)
    assert 'href="/items?type=scan">Show all times' in page.text


async def test_only_a_list_that_can_grow_is_kept_current(reader: httpx.AsyncClient) -> None:
    grows = await reader.get("/items")
    assert 'data-events="scan,tst"' in grows.text
    assert "/static/list.js" in grows.text
    for query in ("until=2030-01-01T00:00:00Z", "cursor="):
        page = await reader.get(f"/items?{query}")
        assert ("data-events" in page.text) is (query == "cursor="), query


async def test_what_is_called_so_is_found(reader: httpx.AsyncClient) -> None:
    found = await reader.get("/items", params={"text": FORMULA[:5]})
    links = [unescape(link) for link in re.findall(r'<li><a href="([^"]+)"><bdi>', found.text)]
    assert [parse_qs(urlsplit(link).query) for link in links] == [{"target": [FORMULA]}]
    assert shown(await reader.get(links[0])) == [uuid_of(28)]
    agents = await reader.get("/items?text=PROBE1")
    assert PROBE in text_of(agents)
    assert "Nothing is called so" in text_of(await reader.get("/items?text=nowhere"))
    for text in (uuid_of(3), uuid_of(3).upper(), f" {uuid_of(3)} "):
        there = await reader.get("/items", params={"text": text})
        assert (there.status_code, there.headers["location"]) == (303, f"/items/{uuid_of(3)}")


async def test_whatever_is_searched_for_stays_text(reader: httpx.AsyncClient) -> None:
    for name in ("text", "target", "type"):
        for text in HOSTILE:
            page = await reader.get("/items", params={name: text[:1000]})
            assert page.status_code in (200, 422), text
            hostile = r"<script(?! src=)|<img(?! src=\"/static)|<iframe|<base|<svg onload|<meta http|<b><b>"
            assert not re.search(hostile, page.text), text


async def test_runs_of_a_check_lead_to_each_other_and_say_what_differs(hub: Hub, reader: httpx.AsyncClient) -> None:
    check = {"check": uuid_of(77), "target": "a", "command": ["/usr/bin/<b>sslscan", "a"]}
    items = [an_item(200 + number, **check) for number in range(3)]
    for number, item in enumerate(items):
        await commit(hub, [item], received_at=RECEIVED_AT + number)
    page = await reader.get(f"/items/{uuid_of(201)}")
    assert re.findall(r'rel="prev" href="([^"]+)"', page.text) == [f"/items/{uuid_of(200)}"]
    assert re.findall(r'rel="next" href="([^"]+)"', page.text) == [f"/items/{uuid_of(202)}"]
    (bar,) = re.findall(r'<ol class="runs".*?</ol>', page.text, re.DOTALL)
    assert re.findall(r'<li class="is-(\w+)">', bar) == ["same", "other", "other"]
    assert "- payload 200 + payload 201" in text_of(page)
    assert 'data-copies="commands"' not in page.text
    # A check is called by what it does, wherever its uuid would say nothing.
    found = ("/items?text=000077", "/items?text=SSLscan+a")
    for path in ("/items", f"/items?check={uuid_of(77)}", f"/items/{uuid_of(200)}", *found):
        assert "&lt;b&gt;sslscan a<" in (await reader.get(path)).text, path
    assert 'data-copies="commands"' in (await reader.get(f"/items/{uuid_of(3)}")).text
