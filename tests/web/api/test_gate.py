"""The gate: keys in addresses, WebSockets, open reading, browsers, proxies, and streams that outlive a key."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from registry.callers import Scope
from registry.roles import UserRole
from tests.web.api.whole import BY, Whole
from web.api.access import Guarded, Rules, UnguardedRouteError, check_rules
from web.api.credentials import key_in
from web.api.origins import client_address, throttled_network

BROWSER = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture
async def open_whole(migrated: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    """An application whose reading is open."""
    shutil.copyfile(migrated, tmp_path / "open.db")
    async with Whole(store=tmp_path / "open.db", folder=tmp_path, open_reading=True) as served:
        yield served


def connection(kind: str = "http", method: str = "GET", query: bytes = b"", **headers: str) -> HTTPConnection:
    """Return a connection as a server makes it."""
    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": "/x", "query_string": query, "headers": names, "client": ("192.0.2.7", 1)}
    return HTTPConnection(scope | ({"method": method} if kind == "http" else {}))


@pytest.mark.parametrize(
    ("query", "key", "rest"),
    [
        (b"token=vdt_a", "vdt_a", b""),
        (b"a=1&token=vdt_a&b=%20", "vdt_a", b"a=1&b=%20"),
        (b"token=vdt%5Fa&token=other", "vdt_a", b""),
        (b"token=", "", b""),
        (b"mytoken=vdt_a", None, b"mytoken=vdt_a"),
        (b"token", None, b"token"),
        (b"token=%FF%00", "\ufffd\0", b""),
    ],
)
def test_a_key_in_the_address_is_taken_out_of_it(query: bytes, key: str | None, rest: bytes) -> None:
    for asked in (
        connection(query=query),
        connection("websocket", query=query),
        connection(method="HEAD", query=query),
    ):
        assert key_in(asked) == key
        assert asked.scope["query_string"] == rest


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_does_not_open_what_changes_something(method: str) -> None:
    assert key_in(connection(method=method, query=b"token=vdt_a")) is None


def test_a_header_goes_before_the_address() -> None:
    assert key_in(connection(query=b"token=vdt_a", authorization="Bearer vdt_b")) == "vdt_b"
    assert key_in(connection(query=b"token=vdt_a", x_api_key="vdt_b")) == "vdt_b"


async def test_a_key_in_the_address_appears_nowhere(whole: Whole, capfd: pytest.CaptureFixture[str]) -> None:
    key = await whole.key(Scope.READ)
    async with whole.client() as client:
        good = await client.get(f"/v1/items?limit=1&token={key}")
        assert good.status_code == 200
        for path in (f"/v1/items?limit=x&token={key}", f"/nothing?token={key}", f"/v1/audit?token={key}"):
            answer = await client.get(path)
            assert answer.status_code in (403, 404, 422)
            assert key not in answer.text + str(answer.headers)
        assert (
            await client.post(f"/document?token={await whole.key(Scope.INGEST)}", content=b"x")
        ).status_code == 401
    captured = capfd.readouterr()
    assert key not in captured.out + captured.err + good.text + str(good.headers)


async def test_a_websocket_takes_every_kind_of_credentials(whole: Whole) -> None:
    key, weak = await whole.key(Scope.READ), await whole.key(Scope.INGEST)
    await whole.add("anna", UserRole.VIEWER)
    session = {"Cookie": (await whole.session_of("anna"))["Cookie"]}
    host = whole.server.url.removeprefix("http://")
    address = f"ws://{host}/pubsub"
    good: list[tuple[str, dict[str, str]]] = [
        (address, {"Authorization": f"Bearer {key}"}),
        (address, {"X-API-Key": key}),
        (f"{address}?token={key}", {}),
        (address, session),
        (address, session | {"Origin": f"http://{host}"}),
    ]
    for url, headers in good:
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            await socket.ping()
    bad: list[tuple[str, dict[str, str], int]] = [
        (address, {}, 401),
        (f"{address}?token={key}x", {}, 401),
        (f"{address}?token={weak}", {}, 403),
        (address, session | {"Origin": "https://evil.example"}, 403),
        (address, session | {"Origin": "null"}, 403),
        (address, session | {"Origin": f"http://{host}.evil.example"}, 403),
        (address, session | {"Sec-Fetch-Site": "cross-site"}, 403),
    ]
    for url, headers, status in bad:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(url, additional_headers=headers, proxy=None)
        assert refusal.value.response.status_code == status, headers


async def test_open_reading_lets_anybody_read_and_nothing_else(open_whole: Whole) -> None:
    async with open_whole.client() as client:
        assert (await client.get("/v1/items")).status_code == 200
        me = (await client.get("/v1/me")).json()
        assert (me["kind"], me["holder"], me["scopes"], me["csrf"]) == ("anybody", "anybody", ["read"], None)
        for method, path in (("POST", "/document"), ("DELETE", "/document/" + "a" * 64), ("GET", "/v1/audit")):
            answer = await client.request(method, path, content=b"x")
            assert answer.status_code == 401, path
        # A wrong key is a mistake to be told, not somebody without one.
        assert (await client.get("/v1/items", headers={"X-API-Key": "vdt_x"})).status_code == 401
        assert (await client.get("/v1/items", headers={"Cookie": "vedette_session=x"})).status_code == 200
        weak = {"X-API-Key": await open_whole.key(Scope.INGEST)}
        assert (await client.get("/v1/items", headers=weak)).status_code == 403


async def test_open_reading_is_not_for_names_that_only_point_here(open_whole: Whole) -> None:
    async with open_whole.client() as client:
        for host, status in (("rebound.example", 421), ("localhost:80", 200), ("127.0.0.1", 200)):
            assert (await client.get("/v1/items", headers={"Host": host})).status_code == status
        key = {"X-API-Key": await open_whole.key(Scope.READ), "Host": "hub.example"}
        assert (await client.get("/v1/items", headers=key)).status_code == 200


async def test_open_reading_is_said_loudly(
    migrated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, opened in enumerate((True, False)):
        shutil.copyfile(migrated, tmp_path / f"{number}.db")
        async with Whole(store=tmp_path / f"{number}.db", folder=tmp_path, open_reading=opened):
            output = capsys.readouterr()
        assert ("reading is open" in output.out + output.err) is opened


async def test_a_browser_is_sent_to_the_login_and_a_script_gets_no_window(whole: Whole) -> None:
    async with whole.client() as client:
        page = await client.get("/v1/items?type=a%20b", headers=BROWSER)
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/v1/items%3Ftype%3Da%2520b")
        assert (await client.post("/logout", headers=BROWSER)).headers["location"] == "/login"
        assert (await client.get("/v1/items?x=" + "y" * 600, headers=BROWSER)).headers["location"] == "/login"
        script = await client.get("/v1/items", headers=SCRIPT)
        assert (script.status_code, script.headers["www-authenticate"][:6]) == (401, "Bearer")
        program = await client.get("/v1/items")
        assert (program.status_code, program.headers["www-authenticate"][:5]) == (401, "Basic")


async def test_a_stream_can_ask_whether_its_caller_may_still_be_here(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    key = await whole.key(Scope.READ)
    rule = whole.access.rules.any_of(Scope.READ)
    by_key, by_query = connection(x_api_key=key), connection("websocket", query=f"token={key}".encode())
    by_session = connection(cookie=(await whole.session_of("anna"))["Cookie"])
    for asked in (by_key, by_query, by_session):
        await rule(asked)
        assert await rule.still_good(asked)
    await whole.users.disable("anna", by=BY)
    assert not await rule.still_good(by_session)
    found = await whole.keys.all()
    gate_keys = whole.access.rules.gate._keys
    await gate_keys.revoke(found[0].id)
    assert not await rule.still_good(by_key)
    assert not await rule.still_good(by_query)


def _rules(whole: Whole) -> Rules:
    return whole.access.rules


def test_no_kind_of_route_is_served_without_a_rule(whole: Whole) -> None:
    async def endpoint() -> None: ...

    async def socket(websocket: WebSocket) -> None: ...

    answer = PlainTextResponse("x")
    rule = _rules(whole).any_of(Scope.READ)
    for unguarded in (
        Route("/raw", answer),
        WebSocketRoute("/ws", answer),
        Mount("/all", app=Guarded(answer, rule=rule)),
    ):
        app = FastAPI(openapi_url=None, routes=[unguarded])
        with pytest.raises(UnguardedRouteError, match=unguarded.path):
            check_rules(app)
    app = FastAPI(openapi_url=None)
    app.add_api_websocket_route("/ws", socket)
    with pytest.raises(UnguardedRouteError, match="/ws"):
        check_rules(app)
    app = FastAPI(openapi_url=None)
    app.add_api_route("/twice", endpoint, dependencies=[Depends(rule), Depends(_rules(whole).everybody())])
    with pytest.raises(UnguardedRouteError, match="/twice"):
        check_rules(app)
    guarded = FastAPI(
        openapi_url=None,
        routes=[Route("/raw", Guarded(answer, rule=rule)), WebSocketRoute("/ws", Guarded(answer, rule=rule))],
    )
    guarded.add_api_websocket_route("/ws2", socket, dependencies=[Depends(rule)])
    check_rules(guarded)


TRUSTED = [ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ("", True, "192.0.2.7"),
        ("203.0.113.5", True, "203.0.113.5"),
        ("203.0.113.5", False, "192.0.2.7"),
        ("10.0.0.1, 203.0.113.5", True, "203.0.113.5"),
        ("203.0.113.5, 192.0.2.9", True, "203.0.113.5"),
        ("203.0.113.5, 2001:db8::1", True, "203.0.113.5"),
        ("203.0.113.5, nonsense", True, "192.0.2.7"),
        ("203.0.113.5,", True, "192.0.2.7"),
        ("::ffff:203.0.113.5", True, "203.0.113.5"),
        ("192.0.2.1, 192.0.2.2", True, "192.0.2.1"),
        ("203.0.113.5, " * 1000 + "192.0.2.9", True, "203.0.113.5"),
    ],
)
def test_only_a_trusted_proxy_says_who_the_client_is(forwarded: str, trusted: bool, address: str) -> None:
    asked = connection(x_forwarded_for=forwarded) if forwarded else connection()
    assert client_address(asked, trusted=TRUSTED if trusted else []) == address


def test_one_client_of_ipv6_is_its_whole_network() -> None:
    assert throttled_network("2001:db8:1:2:3::4") == throttled_network("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert throttled_network("192.0.2.1") == "192.0.2.1"
    assert throttled_network("") == ""
