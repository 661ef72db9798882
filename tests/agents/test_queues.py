"""Consumers over the real embedded server: handled once, acknowledged after, nothing forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.consume import Consume, Handler, NotTriedError, QueuedItem, QueueWanted
from behaviours.exchange import compose
from behaviours.supervised import SupervisedBehaviour
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from registry.queue_dead_letters import QueueDeadLetters
from registry.queues import Queues
from tests.agents.station import DOMAIN, Station, Until, make_item
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.errors import StoreError
from vedette.messages.batch import Signed
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.queue import Acknowledge

PROBES = "vedette.in.structured.#"


class Consumer(BaseAgent):
    """An agent that keeps what its queue gives it, or does what the test says."""

    def __init__(self, *, identity: Identity, wanted: QueueWanted, handle: Handler | None = None) -> None:
        super().__init__(identity=identity, clock=SystemClock(), view_port=None)
        self.groups: list[list[str]] = []
        self.consuming = Consume(
            clock=self.clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            wanted=wanted,
            handle=handle or self.keep,
        )

    @property
    def seen(self) -> list[str]:
        return [uuid for group in self.groups for uuid in group]

    async def keep(self, items: Sequence[QueuedItem]) -> None:
        self.groups.append([item.uuid for item in items])

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        return [self.consuming, self.registering()]


async def start_consumer(
    station: Station, name: str = "rt", *, role: Role = Role.RT, handle: Handler | None = None, **wanted: Any
) -> Consumer:
    fields: dict[str, Any] = {"name": "rt", "patterns": (PROBES,), "wait": 2}
    agent = Consumer(
        identity=await station.identity(name, role), wanted=QueueWanted(**(fields | wanted)), handle=handle
    )
    await station.start(agent)
    return agent


def made(count: int) -> list[dict[str, Any]]:
    return [make_item(str(number).encode(), source="vedette.in.structured.nmap.p1") for number in range(count)]


def uuids(items: list[dict[str, Any]]) -> list[str]:
    return [item["meta"]["uuid"] for item in items]


async def depth(station: Station) -> int:
    (status,) = await station.queues.statuses()
    return status.depth


async def _is_empty(station: Station) -> bool:
    return await depth(station) == 0


async def test_items_are_handled_in_order_once_and_then_forgotten(station: Station, until: Until) -> None:
    await station.start_hub()
    rt, sender = await start_consumer(station), await station.sender()
    await until(lambda: rt.consuming.engine == station.engine.identity.jid)
    items = await sender.observe(*made(500), make_item())

    await until(lambda: rt.consuming.counters["acknowledged"] == 500)

    assert rt.seen == uuids(items[:500])
    assert await depth(station) == 0
    assert max(map(len, rt.groups)) <= 100


async def test_the_engines_page_shows_depth_and_age(station: Station, until: Until) -> None:
    await station.start_hub()

    async def wait_for_ever(_items: Sequence[QueuedItem]) -> None:
        await asyncio.Event().wait()

    rt, sender = await start_consumer(station, handle=wait_for_ever), await station.sender()
    await until(lambda: bool(rt.consuming.engine))
    await sender.observe(*made(3))
    await until(lambda: station.engine.serving.panel().rows and station.engine.serving.panel().rows[0][3].text == "3")
    panel = next(panel for panel in station.engine.state().panels if panel.title == "Queues")
    (row,) = panel.rows
    assert [cell.text for cell in row[:3]] == ["rt", "rt", PROBES]
    assert abs(int(row[5].text) - station.clock.now()) < 60_000_000


async def test_one_bad_item_in_a_group_becomes_a_dead_letter_with_its_reason(station: Station, until: Until) -> None:
    station.queues = Queues(database=station.database, clock=station.clock, max_attempts=2)
    await station.start_hub()
    seen: list[str] = []

    async def handle(items: Sequence[QueuedItem]) -> None:
        if any(item.item.payload == b"3" for item in items):
            raise ValueError("no column 'port'")
        seen.extend(item.uuid for item in items)

    rt, sender = await start_consumer(station, handle=handle), await station.sender()
    await until(lambda: bool(rt.consuming.engine))
    items = await sender.observe(*made(10))
    await until(lambda: station.engine.serving.counters["dead letters"] == 1)

    assert seen == uuids([item for place, item in enumerate(items) if place != 3])
    (letter,) = await QueueDeadLetters(database=station.database, clock=station.clock).all()
    assert (letter.uuid, letter.sender) == (items[3]["meta"]["uuid"], sender.identity.jid)
    assert letter.reason == "ValueError: no column 'port'"
    assert await depth(station) == 0


async def test_a_handler_may_leave_some_and_the_others_are_done(station: Station, until: Until) -> None:
    station.queues = Queues(database=station.database, clock=station.clock, max_attempts=1)
    await station.start_hub()
    calls: list[int] = []

    async def handle(items: Sequence[QueuedItem]) -> dict[int, Exception]:
        calls.append(len(items))
        left: dict[int, Exception] = {one.id: ValueError("odd") for one in items if one.item.payload == b"3"}
        if len(calls) == 1:
            left |= {one.id: StoreError("not now") for one in items if one.item.payload == b"5"}
            left |= {one.id: NotTriedError("no time left") for one in items if one.item.payload == b"7"}
        return left

    sender = await station.sender()
    items = await sender.observe(*made(10))
    await until(lambda: sender.delivering.counters["confirmed"] == 10)
    rt = await start_consumer(station, handle=handle, from_start=True)
    await until(lambda: rt.consuming.counters["acknowledged"] == 9)
    # Nobody was tried again but those that came back unblamed
    assert (calls[0], sum(calls)) == (10, 12)
    assert "not now" in rt.consuming.state().last_error
    (letter,) = await QueueDeadLetters(database=station.database, clock=station.clock).all()
    assert (letter.uuid, letter.reason) == (items[3]["meta"]["uuid"], "ValueError: odd")
    assert await depth(station) == 0


async def test_a_failing_store_of_the_consumer_blames_no_item(station: Station, until: Until) -> None:
    station.queues = Queues(database=station.database, clock=station.clock, max_attempts=1)
    await station.start_hub()
    calls: list[int] = []

    async def handle(items: Sequence[QueuedItem]) -> None:
        calls.append(len(items))
        if len(calls) == 1:
            raise StoreError("the graph cannot be written")

    rt, sender = await start_consumer(station, handle=handle), await station.sender()
    await until(lambda: bool(rt.consuming.engine))
    await sender.observe(*made(5))
    await until(lambda: rt.consuming.counters["acknowledged"] == 5)
    assert await QueueDeadLetters(database=station.database, clock=station.clock).all() == []


async def test_a_hanging_handler_is_stopped_and_told_apart(station: Station, until: Until) -> None:
    station.queues = Queues(database=station.database, clock=station.clock, max_attempts=1)
    await station.start_hub()
    seen: list[str] = []

    async def handle(items: Sequence[QueuedItem]) -> None:
        if any(item.item.payload == b"1" for item in items):
            await asyncio.Event().wait()
        seen.extend(item.uuid for item in items)

    rt, sender = await start_consumer(station, handle=handle, lease_seconds=4), await station.sender()
    await until(lambda: bool(rt.consuming.engine))
    items = await sender.observe(*made(4))
    await until(lambda: len(seen) == 3)
    assert seen == [uuid for uuid in uuids(items) if uuid != items[1]["meta"]["uuid"]]
    await until(lambda: station.engine.serving.counters["dead letters"] == 1)
    (letter,) = await QueueDeadLetters(database=station.database, clock=station.clock).all()
    assert "took longer" in letter.reason


async def test_several_consumers_share_the_work(station: Station, until: Until) -> None:
    await station.start_hub()
    consumers = [await start_consumer(station, f"rt{number}", limit=20) for number in range(3)]
    sender = await station.sender()
    await until(lambda: all(one.consuming.engine for one in consumers))
    items = await sender.observe(*made(600))
    await until(lambda: sum(one.consuming.counters["acknowledged"] for one in consumers) == 600)
    assert sorted(uuid for one in consumers for uuid in one.seen) == sorted(uuids(items))
    assert sum(bool(one.seen) for one in consumers) >= 2


async def test_what_a_stopped_consumer_had_comes_again_to_the_next(station: Station, until: Until) -> None:
    await station.start_hub()
    entered = asyncio.Event()

    async def hang(_items: Sequence[QueuedItem]) -> None:
        entered.set()
        await asyncio.Event().wait()

    first, sender = await start_consumer(station, handle=hang), await station.sender()
    await until(lambda: bool(first.consuming.engine))
    items = await sender.observe(*made(5))
    await entered.wait()
    await first.stop()
    second = Consumer(identity=first.identity, wanted=QueueWanted(name="rt", patterns=(PROBES,)))
    await station.start(second)
    await until(lambda: second.consuming.counters["acknowledged"] == 5)
    assert second.seen == uuids(items)


async def test_a_restarted_engine_goes_on_where_it_was(station: Station, until: Until) -> None:
    await station.start_hub()
    rt, sender = await start_consumer(station), await station.sender()
    await until(lambda: bool(rt.consuming.engine))
    await sender.observe(*made(5))
    await until(lambda: len(rt.seen) == 5)
    await station.engine.stop()
    await sender.observe(*made(5))
    await station.restart_engine()
    await until(lambda: len(rt.seen) == 10)
    await until(lambda: _is_empty(station))
    assert len(set(rt.seen)) == 10


async def test_only_the_owner_and_the_right_roles_reach_a_queue(station: Station, until: Until) -> None:
    await station.start_hub()
    owner = await start_consumer(station)
    await until(lambda: bool(owner.consuming.engine))
    misp = await start_consumer(station, "misp", role=Role.MISP)
    probe = await start_consumer(station, "probe", role=Role.PROBE)
    await until(lambda: "belongs to rt" in misp.consuming.state().last_error)
    await until(lambda: "may not send queue" in probe.consuming.state().last_error)
    assert [status.name for status in await station.queues.statuses()] == ["rt"]


async def test_a_request_with_another_key_or_name_is_refused(station: Station, until: Until) -> None:
    await station.start_hub()
    owner = await start_consumer(station)
    await until(lambda: bool(owner.consuming.engine))
    thief = await station.identity("thief", Role.RT)
    for key, name in ((thief.key, owner.identity.jid), (owner.identity.key, thief.jid)):
        request = Acknowledge(queue="rt", consumer=name, life="1", ids=[1])
        message = compose(
            to=station.engine.identity.jid,
            performative=Performative.REQUEST,
            action=Action.QUEUE,
            value=Signed.seal(request, key).model_dump(),
        )
        answer = await owner.ask(message, time_limit=PATIENCE)
        assert answer is not None
        assert answer.performative is Performative.REFUSE


async def test_restarts_of_the_xmpp_server_lose_nothing_and_handle_nothing_twice(
    tmp_path: Path, until: Until
) -> None:
    server = EmbeddedServer(EmbeddedSettings(folder=tmp_path / "xmpp", domain=DOMAIN))
    await server.start()
    station = Station(server=server, folder=tmp_path)
    station.database.migrate()
    station.database.open()
    try:
        await station.start_hub()
        rt, sender = await start_consumer(station, limit=10), await station.sender()
        await until(lambda: bool(rt.consuming.engine))
        items: list[str] = []
        for _ in range(2):
            items += uuids(await sender.observe(*made(100)))
            await until(partial(_seen_more_than, rt, len(items) - 80))
            await server.stop()
            items += uuids(await sender.observe(*made(20)))
            server = EmbeddedServer(EmbeddedSettings(folder=tmp_path / "xmpp", domain=DOMAIN, port=server.port))
            await server.start()
        await until(lambda: _has_handled(rt, items))
        await until(lambda: _is_empty(station))
        assert sorted(rt.seen) == sorted(items)
    finally:
        await station.close()
        await server.stop()


def _seen_more_than(rt: Consumer, count: int) -> bool:
    return len(rt.seen) > count


def _has_handled(rt: Consumer, items: list[str]) -> bool:
    return set(items) <= set(rt.seen)
