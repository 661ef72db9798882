"""Findings are published once each, oldest first, and none that is about what travelled sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from behaviours import publish_outwards
from behaviours.publish_outwards import PublishFindings
from registry.gateway_outbox import GatewayOutbox
from vedette.client.client import VedetteClient
from vedette.clock import SystemClock
from vedette.errors import ConnectionFailedError
from vedette.gateway.broker import BrokerAccess, Outlet
from vedette.gateway.outgoing import Outgoing

OPEN, SEALED = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
DETAIL: dict[str, Any] = {
    **dict.fromkeys(("state", "reason", "engine", "epoch", "statement", "agent", "version", "format"), ""),
    **dict.fromkeys(("content_type", "payload_sha256"), ""),
    **dict.fromkeys(("log_index", "size", "received_at"), 0),
    **dict.fromkeys(("batch", "deleted", "collected_at"), None),
    "tokens": [],
    "inline": True,
    "skew": False,
    "unsigned": False,
    "manifest_sha256": None,
}


def finding(number: int, *, item: str = OPEN) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "changed",
        "severity": "notice",
        "rule": "",
        "subject": "192.0.2.1",
        "family": "nmap",
        "at": 1,
        "found_at": number,
        "text": "",
        "changes": [],
        "more": 0,
        "witnesses": [{"agent": "a@b", "item": item, "at": 1}],
    }


class Hub:
    """The two routes of a hub that are asked."""

    def __init__(self) -> None:
        self.findings: list[dict[str, Any]] = []

    async def listed(self, request: web.Request) -> web.Response:
        limit = int(request.query["limit"])
        return web.json_response({"items": self.findings[::-1][:limit], "next": None})

    async def item(self, request: web.Request) -> web.Response:
        uuid = request.match_info["uuid"]
        detail = {"meta": {"sealed": "0" * 32} if uuid == SEALED else {}}
        return web.json_response(DETAIL | {"uuid": uuid} | detail)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/v1/findings", self.listed)
        app.router.add_get("/v1/items/{uuid}", self.item)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


class Board(Outlet):
    """Keeps what is published, where it can be reached."""

    def __init__(self) -> None:
        access = BrokerAccess(url="amqp://127.0.0.1:1/", credentials_file=None, ca_file=None)
        super().__init__(access=access, name="test", exchange="vedette")
        self.reachable = True
        self.ids: list[str] = []

    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        if not self.reachable:
            raise ConnectionFailedError("not now")
        self.ids += [message.message_id for message in messages]
        return [True] * len(messages)


async def test_findings_are_published_once_oldest_first_and_sealed_ones_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_outwards, "LOOK_EVERY", 0.0)
    hub, board, clock = Hub(), Board(), SystemClock()
    outbox = GatewayOutbox(tmp_path / "g.db", agent="g@d", clock=clock, limit_items=10, limit_bytes=10_000)
    await outbox.open()
    async with hub.running() as url:

        def made() -> PublishFindings:
            client = VedetteClient(url=url, api_key="k" * 40)
            return PublishFindings(clock=clock, agent_name="g", client=client, outbox=outbox, outlet=board)

        telling = made()
        # What was there before the gateway is not its matter.
        hub.findings = [finding(1)]
        await telling.run()
        assert board.ids == []
        hub.findings += [finding(3), finding(4, item=SEALED)]
        board.reachable = False
        with pytest.raises(ConnectionFailedError):
            await telling.run()
        board.reachable = True
        await telling.run()
        assert (board.ids, telling.counters["sealed"]) == (["finding-3"], 1)
        await telling.ended()
        # After a restart; another engine's finding has a lower number and comes later.
        again = made()
        hub.findings = [finding(1), finding(2), *hub.findings[1:], finding(5)]
        await again.run()
        await again.run()
        assert board.ids == ["finding-3", "finding-2", "finding-5"]
        await again.ended()
    await outbox.close()
