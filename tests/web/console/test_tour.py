"""The tour: on the fleet's page for who is new, until it is ended, and always at an address of its own."""

from __future__ import annotations

import re
from html import unescape

import httpx

from registry.callers import Scope
from registry.roles import UserRole
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.api.whole import Whole
from tests.web.console.test_pages import HTML, session_of, text_of

PANEL = 'class="tour"'


async def browser_of(hub: Hub, role: UserRole) -> tuple[httpx.AsyncClient, str]:
    """Return a browser of somebody new, and the token of its forms."""
    session = await session_of(hub, role)
    csrf = session.pop("csrf")
    return httpx.AsyncClient(base_url=hub.server.url, headers=session, trust_env=False, timeout=20), csrf


async def test_who_is_new_is_shown_around_until_they_end_it(hub: Hub) -> None:
    client, csrf = await browser_of(hub, UserRole.OPERATOR)
    async with client:
        page = await client.get("/")
        assert PANEL in page.text
        assert 'href="/jobs/new?tool=tcp-connect"' in page.text
        assert PANEL not in (await client.get("/items")).text
        assert (await client.post("/tour/end", data={"csrf": "no"})).status_code == 403
        assert PANEL in (await client.get("/")).text
        done = await client.post("/tour/end", data={"csrf": csrf})
        assert (done.status_code, done.headers["location"]) == (303, "/")
        kept = done.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=lax" in kept
        # The browser sends it along with its session from now on.
        (name, value) = re.findall(r"(vedette_tour)=([^;]+)", done.headers["set-cookie"])[0]
        client.headers["Cookie"] += f"; {name}={value}"
        assert PANEL not in (await client.get("/")).text
        client.headers["Cookie"] = client.headers["Cookie"].replace(value, "somebody-else")
        assert PANEL in (await client.get("/")).text


async def test_a_program_is_never_shown_around(hub: Hub) -> None:
    async with await hub.client(*Scope) as client:
        assert PANEL not in (await client.get("/", headers=HTML)).text


async def test_the_tour_is_always_there_and_leads_to_what_there_is(hub: Hub) -> None:
    client, _ = await browser_of(hub, UserRole.VIEWER)
    async with client:
        page = await client.get("/tour")
        assert "You need the role operator" in text_of(page)
        for link in {unescape(link) for link in re.findall(r"<main.*", page.text, re.S)[0].split('href="')[1:]}:
            answer = await client.get(link.split('"')[0])
            assert answer.status_code in (200, 303), link
        proof = await client.get("/tour/proof")
        assert proof.headers["location"] == f"/items/{uuid_of(19)}#proof"


async def test_without_a_proof_it_leads_to_the_items(whole: Whole) -> None:
    async with whole.client(headers={"X-API-Key": await whole.key(Scope.READ)} | HTML) as client:
        assert (await client.get("/tour/proof")).headers["location"] == "/items"
