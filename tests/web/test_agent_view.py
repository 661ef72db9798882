"""The agent's view over HTTP: what it answers, what it refuses, and that it harms nobody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.timing import PATIENCE
from vedette.errors import ConnectionFailedError
from vedette.messages.state import AgentState
from web.agent_view import MAX_CONNECTIONS, AgentView
from web.security import SECURITY_HEADERS
from web.static_files import static_files


@pytest.fixture
async def view(full_state: AgentState) -> AsyncIterator[AgentView]:
    served = AgentView(state=lambda: full_state)
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def client(view: AgentView) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=view.url) as session:
        yield session


async def raw(view: AgentView, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the view closes the connection."""
    parts = urlsplit(view.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_the_page_is_html_with_every_security_header(client: aiohttp.ClientSession) -> None:
    async with client.get("/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert answer.charset == "utf-8"
        assert "probe1" in await answer.text()
        assert answer.headers["Vary"] == "Accept"
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("query", "accept"), [("?format=json", "*/*"), ("?format=json", "text/html"), ("", "application/json")]
)
async def test_the_json_is_the_state(
    client: aiohttp.ClientSession, full_state: AgentState, query: str, accept: str
) -> None:
    async with client.get(f"/{query}", headers={"Accept": accept}) as answer:
        assert answer.content_type == "application/json"
        assert AgentState.model_validate(await answer.json()) == full_state


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,application/json;q=0.9"])
async def test_a_browser_gets_the_page(client: aiohttp.ClientSession, accept: str) -> None:
    async with client.get("/", headers={"Accept": accept}) as answer:
        assert answer.content_type == "text/html"


async def test_head_answers_without_a_body(client: aiohttp.ClientSession) -> None:
    async with client.head("/") as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) > 1000
        assert await answer.read() == b""


@pytest.mark.parametrize("name", sorted(static_files()))
async def test_static_files_are_served_with_their_type(client: aiohttp.ClientSession, name: str) -> None:
    async with client.get(f"/static/{name}") as answer:
        assert (answer.status, answer.content_type) == (200, static_files()[name].content_type)
        assert await answer.read() == static_files()[name].body
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    "path", ["/spade", "/static/", "/static/..%2fagent_view.py", "/static/%00", "/static/<b>", "/events/1"]
)
async def test_everything_else_is_a_small_page(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        text = await answer.text()
        assert answer.status == 404
        assert "nothing at this address" in text
        assert "<b>" not in text
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_nothing_can_be_changed(client: aiohttp.ClientSession, method: str) -> None:
    async with client.request(method, "/", data=b"x" if method == "POST" else None) as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_a_rebound_name_is_refused_in_the_form_asked_for(client: aiohttp.ClientSession) -> None:
    async with client.get("/", headers={"Host": "attacker.example"}) as answer:
        assert answer.status == 421
        assert "probe1" not in await answer.text()
    async with client.get("/?format=json", headers={"Host": "attacker.example"}) as answer:
        assert (await answer.json())["status"] == 421


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_oversized_and_malformed_requests_are_refused_and_the_view_goes_on(
    view: AgentView, client: aiohttp.ClientSession, request_bytes: bytes
) -> None:
    answer = await raw(view, request_bytes)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"Traceback" not in answer
    async with client.get("/") as page:
        assert page.status == 200


async def test_connections_are_bounded_and_become_free_again(view: AgentView) -> None:
    parts = urlsplit(view.url)
    held = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(MAX_CONNECTIONS)]
    request = b"GET /static/vedette.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert await raw(view, request) == b""
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(PATIENCE):
        while not (await raw(view, request)).startswith(b"HTTP/1.1 200"):
            pass


async def test_a_state_that_cannot_be_made_is_a_page_and_one_line_in_the_log(full_state: AgentState) -> None:
    broken = True

    def state() -> AgentState:
        if broken:
            raise RuntimeError("secret detail")
        return full_state

    view = AgentView(state=state)
    await view.start()
    try:
        with capture_logs() as logs:
            async with aiohttp.ClientSession(base_url=view.url) as session:
                for _ in range(3):
                    async with session.get("/") as answer:
                        text = await answer.text()
                        assert answer.status == 500
                        assert "secret detail" not in text
                        assert "Traceback" not in text
                async with session.get("/?format=json") as answer:
                    assert (await answer.json())["error"] == "Internal Server Error"
                broken = False
                async with session.get("/") as answer:
                    assert answer.status == 200
        assert [line["error"] for line in logs] == ["RuntimeError: secret detail"]
    finally:
        await view.stop()


async def test_a_taken_port_is_one_clear_line(full_state: AgentState) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        view = AgentView(state=lambda: full_state, port=port)
        with pytest.raises(ConnectionFailedError) as caught:
            await view.start()
        assert str(caught.value) == (
            f"port {port} on 127.0.0.1 is taken by another program; choose another view port"
        )
        await view.stop()


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("192.0.2.1", 0, "192.0.2.1 is not an address of this machine"),
        ("127.0.0.1", 70_000, "70000 is not a port"),
    ],
)
async def test_an_impossible_place_is_one_clear_line(
    full_state: AgentState, host: str, port: int, reason: str
) -> None:
    with pytest.raises(ConnectionFailedError, match=reason):
        await AgentView(state=lambda: full_state, host=host, port=port).start()


async def test_the_address_is_known_only_while_it_is_served(full_state: AgentState) -> None:
    view = AgentView(state=lambda: full_state)
    with pytest.raises(ConnectionFailedError, match="start it first"):
        _ = view.url
    await view.start()
    first = view.url
    await view.stop()
    await view.stop()
    with pytest.raises(ConnectionFailedError, match="start it first"):
        _ = view.url
    await view.start()
    assert view.url.startswith("http://127.0.0.1:")
    await view.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(first)


async def test_stopping_does_not_wait_for_idle_browsers(view: AgentView, client: aiohttp.ClientSession) -> None:
    async with client.get("/") as answer:
        await answer.read()
    async with asyncio.timeout(PATIENCE):
        await view.stop()
