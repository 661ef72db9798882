"""Who may do what: nothing for strangers, and for keys what their scopes say."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from registry.keys import Scope
from tests.web.api.conftest import Served
from web.api.access import UnguardedRouteError, check_rules

ID = hashlib.sha256(b"content").hexdigest()
PUBLIC = {("GET", "/healthz"), ("GET", "/readyz")}
ALLOWED = {
    ("POST", "/document"): {Scope.INGEST},
    ("POST", "/document/"): {Scope.INGEST},
    ("PUT", "/document"): {Scope.INGEST},
    ("PUT", "/document/"): {Scope.INGEST},
    ("POST", "/document/{id}"): {Scope.INGEST},
    ("PUT", "/document/{id}"): {Scope.INGEST},
    ("GET", "/document/{id}"): {Scope.READ},
    ("HEAD", "/document/{id}"): {Scope.READ, Scope.INGEST},
    ("DELETE", "/document/{id}"): {Scope.ADMIN},
}


def routes(served: Served) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route."""
    for route in served.app.routes:
        assert isinstance(route, APIRoute)
        for method in sorted(route.methods or ()):
            yield method, route.path


async def ask(client: httpx.AsyncClient, method: str, path: str, **more: object) -> httpx.Response:
    content = b"content" if method in {"POST", "PUT"} else None
    return await client.request(method, path.replace("{id}", ID), content=content, **more)  # type: ignore[arg-type]


async def test_every_route_is_known_and_closed_to_strangers(served: Served) -> None:
    assert set(routes(served)) == PUBLIC | set(ALLOWED)
    async with await served.client() as client:
        for method, path in routes(served):
            answer = await ask(client, method, path)
            assert answer.status_code == (200 if (method, path) in PUBLIC else 401), (method, path)
    assert list(served.content.ids()) == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_every_route_is_open_to_its_scopes_only(served: Served, scope: Scope) -> None:
    async with await served.client(scope) as client:
        for (method, path), scopes in ALLOWED.items():
            answer = await ask(client, method, path)
            assert (answer.status_code != 403) == (scope in scopes), (method, path)


async def test_a_key_comes_as_basic_password_bearer_or_header(served: Served) -> None:
    key = await served.key(Scope.INGEST)
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()
    async with await served.client() as client:
        for headers in (
            {"Authorization": f"Basic {basic}"},
            {"Authorization": f"Bearer {key}"},
            {"authorization": f"bearer {key}"},
            {"X-API-Key": key},
        ):
            assert (await ask(client, "POST", "/document", headers=headers)).status_code in (200, 201)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "vdt_" + "A" * 43},
        {"X-API-Key": ""},
        {"X-API-Key": "x" * 10_000},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + "QUFB" * 2000},
        {"Authorization": "Digest abc"},
    ],
)
async def test_wrong_keys_are_401_with_a_challenge(served: Served, headers: dict[str, str]) -> None:
    async with await served.client() as client:
        answer = await ask(client, "POST", "/document", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.json()["ok"] is False


async def test_a_revoked_key_and_an_expired_one_are_nobody(served: Served) -> None:
    async with await served.client(Scope.INGEST, agent="probe@localhost") as client:
        assert (await ask(client, "POST", "/document")).status_code == 201
        assert await served.keys.revoke_agent("probe@localhost") == 1
        assert (await ask(client, "POST", "/document")).status_code == 401
    expired = await served.keys.issue(name="short", scopes=[Scope.INGEST], lifetime=0)
    async with await served.client() as client:
        assert (await ask(client, "POST", "/document", headers={"X-API-Key": expired})).status_code == 401


async def test_who_may_only_hand_in_sees_only_its_own(served: Served) -> None:
    async with await served.client(Scope.INGEST, agent="one@localhost") as one:
        await ask(one, "POST", "/document")
        assert (await ask(one, "HEAD", "/document/{id}")).status_code == 200
        assert (await ask(one, "GET", "/document/{id}")).status_code == 403
    async with await served.client(Scope.INGEST, agent="two@localhost") as two:
        assert (await ask(two, "HEAD", "/document/{id}")).status_code == 404


async def test_another_sites_page_cannot_use_remembered_credentials(served: Served) -> None:
    async with await served.client(Scope.INGEST) as client:
        answer = await ask(client, "POST", "/document", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


async def test_what_is_not_there_is_a_problem_too(served: Served) -> None:
    async with await served.client() as client:
        for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/healthz", 405), ("GET", "/docs", 404)):
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["server"] == "vedette"


def test_a_route_without_rule_is_not_served() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/open", lambda: None, methods=["GET"])
    with pytest.raises(UnguardedRouteError, match="/open"):
        check_rules(app)
