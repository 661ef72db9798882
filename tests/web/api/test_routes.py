"""Every route of the whole application, for everybody: strangers, each scope's key, each role's key and session."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import httpx
import pytest
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from registry.callers import Scope
from registry.roles import SCOPES, UserRole
from tests.timing import PATIENCE
from tests.web.api.access_table import ENDLESS, EVERYBODY, PEOPLE_ONLY, ROUTES
from tests.web.api.whole import Whole

VALUES = {"id": "ab" * 32, "uuid": "6a0e9a5c-5a1f-4b4e-9a55-0d2f6a1c7b11", "jid": "probe@localhost", "number": "1"}
"""What stands in a path; nothing of it exists."""


def routes(whole: Whole) -> Iterator[str]:
    """Yield every route as the table has it."""
    for route in whole.app.routes:
        path = str(getattr(route, "path", route))
        if isinstance(route, WebSocketRoute):
            yield f"WS {path}"
        else:
            # A route without methods takes all of them; the table says so with one of each kind.
            for method in sorted(getattr(route, "methods", None) or {"GET", "POST"}):
                yield f"{method} {path}"


async def status_of(whole: Whole, client: httpx.AsyncClient, route: str, headers: Mapping[str, str]) -> int:
    """Return the status of the answer."""
    method, path = route.split(" ")
    path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: VALUES.get(match[1], "x"), path)
    if method == "WS":
        return await _status_of_websocket(whole, path, headers)
    content = b"{}" if method in {"POST", "PUT", "PATCH"} else None
    async with client.stream(method, path, content=content, headers=dict(headers)) as answer:
        if route not in ENDLESS:
            await answer.aread()
        return answer.status_code


async def _status_of_websocket(whole: Whole, path: str, headers: Mapping[str, str]) -> int:
    address = whole.server.url.replace("http", "ws", 1) + path
    try:
        async with connect(address, additional_headers=dict(headers), open_timeout=PATIENCE, proxy=None):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def test_every_route_is_in_the_table_and_the_other_way_round(whole: Whole) -> None:
    assert set(routes(whole)) - set(ROUTES) == set(), "say in tests/web/api/access_table.py who may use them"
    assert set(ROUTES) - set(routes(whole)) == set(), "they are not served any more"


async def test_a_stranger_sees_what_is_for_everybody_and_nothing_else(whole: Whole) -> None:
    async with whole.client() as client:
        for route, scopes in ROUTES.items():
            status = await status_of(whole, client, route, {})
            assert status < 500, route
            assert (status == 401) == (scopes != EVERYBODY), (route, status)
            assert status not in (303, 403), route


@pytest.mark.parametrize("scope", [Scope.OPERATE, Scope.SHARE, Scope.ADMIN], ids=lambda scope: scope.value)
async def test_a_key_opens_what_its_scope_says(whole: Whole, scope: Scope) -> None:
    """The scopes that no role has alone; the others are those of a role."""
    headers = {"X-API-Key": await whole.key(scope)}
    async with whole.client() as client:
        for route, scopes in ROUTES.items():
            status = await status_of(whole, client, route, headers)
            _check(route, status, allowed=scopes == EVERYBODY or scope in scopes, by_key=True)


@pytest.mark.parametrize("role", list(UserRole), ids=lambda role: role.value)
async def test_a_role_opens_the_same_by_key_and_by_session(whole: Whole, role: UserRole) -> None:
    await whole.add("anna", role)
    key = {"X-API-Key": await whole.key(*SCOPES[role])}
    session = await whole.session_of("anna")
    async with whole.client() as client:
        for route, scopes in ROUTES.items():
            allowed = scopes == EVERYBODY or bool(scopes & SCOPES[role])
            _check(route, await status_of(whole, client, route, key), allowed=allowed, by_key=True)
            _check(route, await status_of(whole, client, route, session), allowed=allowed, by_key=False)
            if not route.startswith("GET "):
                # Logging out is a route, too.
                session = await whole.session_of("anna")


async def test_what_changes_something_needs_the_token_of_the_session(whole: Whole) -> None:
    await whole.add("anna", UserRole.ADMIN)
    session = await whole.session_of("anna")
    other = (await whole.session_of("anna"))["X-CSRF-Token"]
    async with whole.client() as client:
        for route, scopes in ROUTES.items():
            method = route.split(" ")[0]
            if method in {"GET", "HEAD", "WS"} or scopes == EVERYBODY:
                continue
            for wrong in (
                {},
                {"X-CSRF-Token": ""},
                {"X-CSRF-Token": other},
            ):
                headers = {"Cookie": session["Cookie"], **wrong}
                status = await status_of(whole, client, route, headers)
                # A form's token is in the form, and this is none.
                assert status in (403, 415), (route, status, wrong)
        assert (await client.get("/v1/me", headers=session)).json()["name"] == "anna"


async def test_no_page_of_another_site_gets_anything_done(whole: Whole) -> None:
    await whole.add("anna", UserRole.ADMIN)
    session = await whole.session_of("anna")
    foreign = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"})
    async with whole.client() as client:
        for route in ROUTES:
            method = route.split(" ")[0]
            if method in {"GET", "HEAD"}:
                continue
            for headers in foreign:
                assert await status_of(whole, client, route, session | headers) == 403, (route, headers)


def _check(route: str, status: int, *, allowed: bool, by_key: bool) -> None:
    assert status < 500, (route, status)
    if allowed and by_key and route in PEOPLE_ONLY:
        assert status in (403, 415, 422), (route, status)
    elif allowed:
        assert status not in (401, 403), (route, status)
    else:
        assert status == 403, (route, status)
