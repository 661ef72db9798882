"""What a client cannot do to others: large bodies are refused unread, slow readers are cut off and hold up nobody."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from registry.callers import Scope
from tests.timing import PATIENCE, bound
from tests.web.api.v1.conftest import Hub, uuid_of
from web.api.access import Rules
from web.api.application import create_app
from web.api.problems import ProblemError
from web.api.server import ApiServer
from web.api.v1.streams import Slots, Stream

CUT_AFTER = 0.4


async def test_no_route_lets_the_framework_read_a_body(hub: Hub) -> None:
    """It would read any length, from anybody, before the rule is asked."""
    for route in hub.app.routes:
        assert not isinstance(route, APIRoute) or route.body_field is None, route.path


async def test_a_large_body_is_413_whether_or_not_it_says_so(hub: Hub) -> None:
    place = f"/v1/dead-letters/queue:rt/{uuid_of(28)}/discard"

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b'{"reason": "'
        for _ in range(64):
            yield b"x" * 1024

    headers = {"Content-Type": "application/json"}
    async with await hub.client(Scope.OPERATE) as operator:
        said = await operator.post(place, content=b" " * 20_000, headers=headers)
        unsaid = await operator.post(place, content=pieces(), headers=headers)
        form = await operator.post(place, data={"reason": "x"})
        broken = await operator.post(place, content=b"{", headers=headers)
    assert [answer.status_code for answer in (said, unsaid, form, broken)] == [413, 413, 415, 422]


def test_slots_are_given_out_up_to_their_number_and_come_back() -> None:
    slots = Slots(most=2, what="things")
    slots.take()
    slots.take()
    with pytest.raises(ProblemError, match="2 things") as refused:
        slots.take()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "5")
    slots.give_back()
    slots.take()


class Endless:
    """A route whose answer never ends."""

    def __init__(self) -> None:
        self.slots = Slots(most=1, what="answers")
        self.closed = asyncio.Event()

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        from fastapi import Depends

        app.add_api_route("/endless", self.get, methods=["GET"], dependencies=[Depends(rules.everybody())])

    async def get(self) -> Stream:
        self.slots.take()
        return Stream(self._pieces(), headers={"Content-Type": "text/csv"}, slots=self.slots, patience=CUT_AFTER)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"x" * 65_536
        finally:
            self.closed.set()


async def test_who_takes_nothing_is_cut_off_and_its_slot_comes_back(hub: Hub) -> None:
    endless = Endless()
    server = ApiServer(app=create_app(rules=Rules(keys=hub.keys), routes=[endless]))
    await server.start()
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(endless.closed.wait(), PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    endless.slots.take()
                    break
                except ProblemError:
                    await asyncio.sleep(0.02)
    await server.stop()


async def test_slow_clients_do_not_slow_others(hub: Hub, client: httpx.AsyncClient) -> None:
    port = int(hub.server.url.rsplit(":", 1)[1])

    async def fetch() -> float:
        began = time.perf_counter()
        assert (await client.get(f"/v1/items/{uuid_of(3)}")).status_code == 200
        return time.perf_counter() - began

    await fetch()
    alone = sorted([await fetch() for _ in range(20)])[10]
    with ExitStack() as stack:
        for number in range(60):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            begun = b"GET /v1/items HTTP/1.1\r\nHost: x\r\nX-Slow: "
            body = b"POST /document HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
            slow.sendall(begun if number % 2 else body)
        beside = sorted([await fetch() for _ in range(20)])[10]
    # Whoever waited for them would wait for seconds.
    assert beside < alone * 10 + bound(0.3)
