"""Events on publish-subscribe, heard by a plain slixmpp client that is allowed to, and by no other."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError

from agents.board import JSON
from behaviours import publish
from behaviours.publish import EVENT_BYTES, SHOWN, fitting
from ejabberd.accounts import EmbeddedAccounts, new_password
from ejabberd.api import EjabberdAccounts
from ejabberd.configuration import initialise
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from ejabberd.server import EjabberdServer, find_installation
from ejabberd.settings import XmppSettings
from registry.event_feed import ScanEvent
from tests.agents.station import DOMAIN, Station, Until, make_item
from tests.timing import PATIENCE
from vedette.errors import ConfigurationError
from vedette.evidence.authority.local import LocalAuthority

SERVICE = "pubsub.localhost"


class Reader(ClientXMPP):
    """Any XMPP client."""

    def __init__(self, jid: str, password: str, station: Station) -> None:
        super().__init__(jid, password)
        self.ca_certs = station.server.ca_file
        self.enable_direct_tls = False
        self.auto_reconnect = False
        self.register_plugin("xep_0060")
        self.events: list[dict[str, Any]] = []
        self.add_event_handler("pubsub_publish", self._heard)

    def _heard(self, message: Any) -> None:
        payload = message["pubsub_event"]["items"]["item"]["payload"]
        assert payload.tag == JSON
        self.events.append(json.loads(payload.text))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    async def subscribe(self, node: str) -> None:
        await self["xep_0060"].subscribe(SERVICE, node)


MakeReader = Callable[[str], Awaitable[Reader]]


@pytest.fixture
async def reader(station: Station) -> AsyncIterator[MakeReader]:
    """Log a plain client in."""
    clients: list[Reader] = []

    async def go(name: str) -> Reader:
        password = new_password()
        station.accounts.create(station.name(name), password)
        client = Reader(station.jid(name) + "/any", password, station)
        clients.append(client)
        client.connect("127.0.0.1", station.server.port)
        await client.wait_until("session_start", PATIENCE)
        client.send_presence(ppriority=1)
        return client

    yield go
    for client in clients:
        await client.disconnect(wait=0.5)


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncIterator[Station]:
    async with EmbeddedServer(EmbeddedSettings(folder=folder / "xmpp", domain=DOMAIN)) as server:
        yield Station(server=server, folder=folder)


@asynccontextmanager
async def _ejabberd(folder: Path) -> AsyncIterator[Station]:
    try:
        find_installation()
    except ConfigurationError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}")
        pytest.skip(str(error))
    # Not pytest's own folder: its user must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="vedette-ejabberd-") as name:
        os.chmod(name, 0o755)  # noqa: PTH101, S103
        place = Path(name) / "xmpp"
        initialise(place, XmppSettings(domain=DOMAIN, port=0))
        async with EjabberdServer(place) as server:
            station = Station(server=cast(EmbeddedServer, server), folder=folder)
            station.accounts = cast(EmbeddedAccounts, EjabberdAccounts(place))
            yield station
            # A clean end takes a second more, and is tested elsewhere.
            server.kill()


@pytest.fixture(params=[_embedded, _ejabberd])
async def station(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Station]:
    """A store on a server of this test's own: a node belongs to the engine that made it."""
    async with request.param(tmp_path) as station:
        station.database.migrate()
        station.database.open()
        yield station
        await station.close()


async def _subscribed(client: Reader, node: str) -> bool:
    try:
        await client.subscribe(node)
    except IqError:
        return False
    return True


async def test_an_allowed_client_hears_what_is_committed_stamped_and_found(
    station: Station, until: Until, authority: LocalAuthority, reader: MakeReader
) -> None:
    station.event_readers = [station.jid("reader")]
    client = await reader("reader")
    await station.start_hub(authority)
    for node in publish.NODES:
        await until(partial(_subscribed, client, node))
    sender = await station.sender()
    items = await sender.observe(*[make_item(target="198.51.100.7 \x1b[31m", verdict="deviates") for _ in range(250)])

    await until(lambda: sum(len(event["items"]) for event in client.of("scan")) == 250)
    await until(lambda: sum(event["count"] for event in client.of("tst")) == 250)

    heard = [item for event in client.of("scan") for item in event["items"]]
    assert [item["uuid"] for item in heard] == [item["meta"]["uuid"] for item in items]
    assert heard[0]["agent"] == sender.identity.jid
    assert (heard[0]["type"], heard[0]["format"], heard[0]["verdict"]) == ("scan", "test", "deviates")
    assert heard[0]["target"] == "198.51.100.7 \x1b[31m"
    stamp = client.of("tst")[0]
    assert (stamp["state"], stamp["tsa"]) == ("self-asserted", "local")
    assert stamp["uuids"][0] == items[0]["meta"]["uuid"]
    assert len(stamp["uuids"]) == min(stamp["count"], publish.UUIDS)

    await until(lambda: len(client.of("finding")) == 2)
    first, deviates = client.of("finding")
    assert (first["kind"], deviates["kind"], deviates["severity"]) == ("first seen", "deviates", "warning")
    assert deviates["witnesses"][0]["item"] == items[0]["meta"]["uuid"]


async def test_a_client_that_is_not_allowed_hears_nothing(station: Station, until: Until, reader: MakeReader) -> None:
    stranger = await reader("stranger")
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(make_item())
    await until(lambda: station.engine.publishing.counters["scans published"] == 1)
    for node in publish.NODES:
        with pytest.raises(IqError, match="forbidden|not-allowed"):
            await stranger.subscribe(node)
        with pytest.raises(IqError, match="forbidden|not-allowed"):
            await stranger["xep_0060"].get_items(SERVICE, node)


async def test_somebody_else_s_node_stops_no_intake(station: Station, until: Until, reader: MakeReader) -> None:
    squatter = await reader("squatter")
    for node in publish.NODES:
        await squatter["xep_0060"].create_node(SERVICE, node)
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(*[make_item() for _ in range(20)])
    await until(lambda: sender.delivering.counters["confirmed"] == 20)
    await until(lambda: station.engine.publishing.counters["failed"] >= 1)
    assert "forbidden" in station.engine.publishing.problem


async def test_who_falls_behind_skips_and_counts(
    station: Station, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "BEHIND", 5)
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(*[make_item() for _ in range(50)])
    counters = station.engine.publishing.counters
    await until(lambda: counters["skipped"] + counters["scans published"] == 50)
    assert counters["skipped"] > 5


def test_an_event_has_a_bounded_size() -> None:
    scan = ScanEvent(
        uuid="u",
        log_index=7,
        agent="a" * 999,
        type="\u2603" * 999,
        format="f",
        target="t" * 9999,
        verdict=None,
        received_at=1,
    )
    chosen = fitting([scan] * 100)
    assert 1 < len(chosen) < 100
    assert len(json.dumps(chosen)) <= EVENT_BYTES + 1000
    assert chosen[0]["target"] == "t" * SHOWN
    assert fitting([]) == []


@pytest.mark.parametrize("station", [_ejabberd], indirect=True)
async def test_every_engine_publishes_and_says_who_may_hear_it_whoever_made_the_nodes(
    station: Station, until: Until, reader: MakeReader
) -> None:
    station.engines = [station.jid("engine"), station.jid("second")]
    await station.start_hub()
    # The first engine has made the nodes before the other comes, and goes for good.
    await until(lambda: station.engine.publishing._allowed)
    await station.engine.stop()
    station.event_readers = [station.jid("reader")]
    second = await station.start_engine("second")
    client = await reader("reader")
    await until(partial(_subscribed, client, "scan"))
    sender = await station.sender()
    await sender.observe(make_item())
    await until(lambda: client.of("scan"))
    assert client.of("scan")[0]["engine"] == second.identity.jid
    assert second.publishing.problem == ""
