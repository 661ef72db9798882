"""All pages of the application, taken from its routes: whole, with landmarks, and each list for programs, too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from itertools import pairwise

import httpx
import pytest
from fastapi.routing import APIRoute

from registry.callers import Scope
from tests.web.api.v1.conftest import Hub
from tests.web.console.lively import enliven
from tests.web.console.page_list import needs_address, page_routes, pages
from web.api.gate import LOGIN

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOT_THERE = ("nobody@localhost", "000000000999")
"""In addresses of what is not there: the page says so."""

NO_LISTS = {LOGIN, "/setup", "/account", "/docs", "/tour"}
"""Pages without parameters that list nothing."""


@pytest.fixture
async def anna(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of somebody who may do everything."""
    async with await hub.client(*Scope) as client:
        client.headers.update(HTML)
        yield client


def lists(hub: Hub) -> list[str]:
    """Return the pages that list something."""
    found = [path for path in page_routes(hub.app) if not needs_address(path) and path not in NO_LISTS]
    return [path for path in found if not path.endswith("/new")]


async def test_every_page_is_whole_and_can_be_walked_without_a_mouse(hub: Hub, anna: httpx.AsyncClient) -> None:
    for path in pages(hub.app, await enliven(hub.database, graph=hub.graph)):
        page = await anna.get(path)
        assert page.status_code == (404 if path.endswith(NOT_THERE) else 200), (path, page.text)
        assert page.headers["content-type"].startswith("text/html"), path
        assert page.headers["cache-control"] == "no-store", path
        assert "script-src 'self'" in page.headers["content-security-policy"], path
        assert not re.search(r"<script(?! src=)|<style|<[^>]+ (on\w+|style)=", page.text), path
        assert '<html lang="en">' in page.text, path
        # The skip link is the first thing, and leads to the one main part.
        assert re.search(r'<body>\s*<a class="skip" href="#main">', page.text), path
        assert re.findall(r"<main[^>]*>", page.text)[0].startswith('<main id="main"'), path
        assert page.text.count("<main") == 1, path
        levels = [int(level) for level in re.findall(r"<h([1-6])", page.text)]
        assert levels.count(1) == 1, path
        assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == [], path
        ids = re.findall(r' id="([^"]*)"', page.text)
        assert len(ids) == len(set(ids)), (path, sorted(one for one in ids if ids.count(one) > 1))


async def test_whatever_answers_with_a_page_is_in_the_list_of_pages(hub: Hub, anna: httpx.AsyncClient) -> None:
    known = page_routes(hub.app)
    for route in hub.app.routes:
        path = getattr(route, "path", "")
        if (
            isinstance(route, APIRoute)
            and "GET" in (route.methods or ())
            and "{" not in path
            and "events" not in path
        ):
            answer = await anna.get(path)
            assert answer.headers.get("content-type", "").startswith("text/html") <= (path in known), path


async def test_every_list_is_there_for_programs_and_for_spreadsheets(hub: Hub, anna: httpx.AsyncClient) -> None:
    await enliven(hub.database)
    for path in lists(hub):
        page = await anna.get(path)
        named = dict(
            (name, unescape(link)) for link, name in re.findall(r'<a href="([^"]+)">(JSON|CSV)</a>', page.text)
        )
        assert set(named) == {"JSON", "CSV"}, path
        as_json, as_csv = await anna.get(named["JSON"]), await anna.get(named["CSV"])
        assert as_json.headers["content-type"] == "application/json", path
        assert isinstance(as_json.json(), dict), path
        assert as_csv.headers["content-type"].startswith("text/csv"), path


async def test_every_list_is_paged_by_the_server(hub: Hub, anna: httpx.AsyncClient) -> None:
    await enliven(hub.database, many=60)
    for path in lists(hub):
        page = await anna.get(path)
        assert 'rel="next"' in page.text or page.text.count('role="row"') <= 51, path
