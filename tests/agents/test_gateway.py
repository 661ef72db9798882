"""A real gateway between a real RabbitMQ and a real engine; both are killed while messages flow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import orjson
import pytest
from sqlalchemy import select

from agents.gateway import GatewayAgent
from agents.identity import Identity
from registry import tables
from registry.items import ItemFilter
from tests.agents.station import Station, make_item
from tests.rabbitmq import RabbitMq, running_rabbitmq
from tests.timing import PATIENCE
from vedette.canonical import sha256_hex
from vedette.configuration.credentials import Credentials, RegistryKey, save_credentials
from vedette.configuration.gateway import GatewaySection
from vedette.gateway.broker import BrokerAccess
from vedette.messages.card import Role

KEY = "stucco.in.structured.nmap"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "amqp.md"


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    with running_rabbitmq() as node:
        yield node


class Place:
    """A gateway's exchanges and queue, of this test alone."""

    def __init__(self, station: Station, node: RabbitMq) -> None:
        self.station = station
        self.node = node
        self.name = f"t{uuid4().hex[:8]}"
        self._identity: Identity | None = None

    def section(self, **changes: Any) -> GatewaySection:
        fields: dict[str, Any] = {
            "name": "gateway",
            "url": self.node.url,
            "exchange": f"{self.name}.stucco",
            "queue": f"{self.name}.vedette",
            "dead_exchange": f"{self.name}.dead",
        }
        return GatewaySection.model_validate(fields | changes)

    async def gateway(self, **changes: Any) -> GatewayAgent:
        """Start the gateway; called again, it is the same one after a restart."""
        if self._identity is None:
            self._identity = await self.station.identity("gateway", Role.GATEWAY)
        section = self.section(**changes)
        agent = GatewayAgent(
            identity=self._identity,
            clock=self.station.clock,
            section=section,
            access=BrokerAccess.of(section, folder=self.station.folder),
            outbox=self.station.folder / "gateway.db",
            view_port=None,
        )
        await self.station.start(agent)
        return agent

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        connection = await aio_pika.connect(self.node.url.replace("//", "//guest:guest@"))
        async with connection:
            yield await connection.channel()

    async def publish(self, *bodies: bytes, key: str = KEY, **properties: Any) -> None:
        """Publish as a collector does, confirmed."""
        async with self.channel() as channel:
            exchange = await channel.declare_exchange(f"{self.name}.stucco", "topic", durable=True)
            for body in bodies:
                message = aio_pika.Message(body, delivery_mode=2, **properties)
                await exchange.publish(message, routing_key=key)

    async def left(self) -> int:
        """Return how many messages wait in the gateway's queue; those that are handed out are not counted."""
        async with self.channel() as channel:
            queue = await channel.declare_queue(f"{self.name}.vedette", passive=True)
            return queue.declaration_result.message_count or 0

    async def dead(self, count: int) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """Take dead letters."""
        async with asyncio.timeout(PATIENCE), self.channel() as channel:
            queue = await channel.declare_queue(f"{self.name}.dead", durable=True)
            found: list[aio_pika.abc.AbstractIncomingMessage] = []
            while len(found) < count:
                one = await queue.get(fail=False)
                if one is None:
                    await asyncio.sleep(0.02)
                else:
                    await one.ack()
                    found.append(one)
            return found


@pytest.fixture
def place(station: Station, rabbitmq: RabbitMq) -> Place:
    return Place(station, rabbitmq)


async def digests(station: Station) -> list[str]:
    """Return the SHA-256 of the payloads of all items."""
    query = select(tables.item.c.payload_sha256)
    return await station.database.read(lambda connection: list(connection.execute(query).scalars()))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


def holds(station: Station, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return await station.count() >= count

    return enough


async def test_a_message_of_stuccos_becomes_an_item_and_is_acknowledged_then(place: Place) -> None:
    await place.station.start_hub()
    agent = await place.gateway()
    assert agent.taking is not None
    await until(connected(agent))
    await place.publish(
        b"<nmaprun/>",
        headers={"HasContent": "true", "colour": "red"},
        content_type="application/xml",
        priority=3,
        timestamp=1_795_305_600,
        message_id="m1",
    )
    await until(holds(place.station, 1))
    (row,) = (await place.station.items.page(wanted=ItemFilter())).items
    item = await place.station.items.get(row.uuid)
    assert item is not None
    meta = item["meta"]
    assert (meta["source"], meta["ts"], meta["content_type"], meta["priority"]) == (
        KEY,
        1_795_305_600,
        "application/xml",
        3,
    )
    assert meta["amqp"]["headers"] == {"HasContent": "true", "colour": "red"}
    assert await digests(place.station) == [sha256_hex(b"<nmaprun/>")]
    await until(acknowledged(agent, 1))
    assert (await agent.outbox.status()).items == 0
    # The producer did not hear the broker and says it again: with an id it is the same message.
    again: dict[str, Any] = {
        "headers": {"HasContent": "true", "colour": "red"},
        "content_type": "application/xml",
        "priority": 3,
    }
    await place.publish(b"<nmaprun/>", timestamp=1_795_305_600, message_id="m1", **again)
    await until(acknowledged(agent, 2))
    assert await place.station.count() == 1
    assert agent.taking.counters["known already"] == 1
    # Without one, two that are equal are two.
    await place.publish(b"same", b"same")
    await until(acknowledged(agent, 4))
    assert await place.station.count() == 3
    taken, delivery = agent.panels()
    assert taken.rows[0][3].text == "connected"
    assert delivery.rows[0][3].text == "3"


def connected(agent: GatewayAgent) -> Callable[[], Awaitable[bool]]:
    async def is_connected() -> bool:
        assert agent.taking is not None
        return not agent.taking.problem

    return is_connected


def acknowledged(agent: GatewayAgent, count: int) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        assert agent.taking is not None
        return agent.taking.counters["acknowledged"] >= count

    return has


async def test_what_cannot_be_taken_goes_to_the_dead_letters_and_holds_up_nothing(place: Place) -> None:
    await place.station.start_hub()
    agent = await place.gateway(largest=1)
    await until(connected(agent))
    await place.publish(b"1", key="stucco.in.odd.nmap", message_id="odd")
    await place.publish(b"2", headers={"HasContent": "perhaps"}, content_type="text/plain")
    await place.publish(b"3" * (1024 * 1024 + 1))
    await place.publish(b"a-name", headers={"HasContent": False})
    await publish_malformed(place)
    await place.publish(b"good")
    letters = {one.body[:6]: one for one in await place.dead(6)}
    said = {body: (one.headers["x-vedette-field"], one.headers["x-vedette-reason"]) for body, one in letters.items()}
    assert {body: field for body, (field, _) in said.items()} == {
        b"1": "routing_key",
        b"2": "HasContent",
        b"333333": "body",
        b"a-name": "HasContent",
        b"late": "properties",
        b"torn": "properties",
    }
    assert "structured|unstructured" in str(said[b"1"][1])
    assert (letters[b"1"].routing_key, letters[b"1"].message_id) == ("stucco.in.odd.nmap", "odd")
    assert letters[b"2"].content_type == "text/plain"
    await until(acknowledged(agent, 7))
    assert await digests(place.station) == [sha256_hex(b"good")]
    assert agent.taking is not None
    assert agent.taking.counters["connections"] == 1


async def publish_malformed(place: Place) -> None:
    """Publish what no library writes and every broker hands on: a time beyond the calendar, a name not in UTF-8."""
    await publish_raw(place, b"late", b"\x00\x40" + (1 << 62).to_bytes(8, "big"))
    await publish_raw(place, b"torn", b"\x20\x00" + b"\x00\x00\x00\x04\x01\xfft\x01")


class Raw:
    """Properties that are sent as they are; the library would add an id."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.message_id = ""

    def marshal(self) -> bytes:
        return self.data


PERSISTENT = b"\x10\x00\x02"
"""The property `delivery_mode` alone."""


async def publish_raw(place: Place, body: bytes, properties: bytes = PERSISTENT) -> None:
    async with place.channel() as channel:
        underlay = await channel.get_underlay_channel()
        exchange = f"{place.name}.stucco"
        await underlay.basic_publish(body, exchange=exchange, routing_key=KEY, properties=Raw(properties))  # type: ignore[arg-type]


async def test_equal_messages_without_an_id_are_as_many_as_were_published(place: Place) -> None:
    # Given two that are equal in everything, taken by a gateway that ends before the engine has them
    agent = await place.gateway()
    await until(connected(agent))
    for _ in range(2):
        await publish_raw(place, b"equal")

    async def waits() -> bool:
        return (await agent.outbox.status()).items == 2

    await until(waits)
    await agent.stop()
    # When a third one comes, and the broker delivers all of them
    await publish_raw(place, b"equal")
    await place.station.start_hub()
    again = await place.gateway()
    await until(acknowledged(again, 3))
    # Then they are three
    assert await digests(place.station) == [sha256_hex(b"equal")] * 3
    assert again.taking is not None
    assert (again.taking.counters["taken"], again.taking.counters["known already"]) == (1, 2)
    await again.stop()
    # What was not acknowledged would be back in the queue now.
    assert await place.left() == 0


async def test_tls_and_an_account_of_its_own(place: Place) -> None:
    secret = place.station.folder / "rabbit.txt"
    secret.write_text("guest:wrong\n")
    secret.chmod(0o600)
    await place.station.start_hub()
    agent = await place.gateway(url=place.node.tls_url, ca=str(place.node.ca_file), credentials_file="rabbit.txt")
    assert agent.taking is not None

    async def refused() -> bool:
        return bool(agent.taking and "ACCESS_REFUSED" in agent.taking.problem)

    await until(refused)
    assert "wrong" not in agent.taking.problem
    assert agent.notes()[0].startswith("Nothing is taken: amqps://localhost:")
    # When the file is mended, the next attempt is good.
    secret.write_text("guest:guest\n")
    await until(connected(agent))
    await place.publish(b"secret")
    await until(holds(place.station, 1))
    await agent.stop()
    # Whom nobody vouches for is not told anything.
    other = await place.gateway(url=place.node.tls_url, credentials_file="rabbit.txt")

    async def distrusts() -> bool:
        return bool(other.taking and "CERTIFICATE_VERIFY_FAILED" in other.taking.problem)

    await until(distrusts)


async def test_items_are_published_with_confirmation_and_do_not_come_back(place: Place) -> None:
    await place.station.start_hub()
    outwards = {"exchange": f"{place.name}.out", "patterns": ["vedette.#", "stucco.#"], "findings": False}
    agent = await place.gateway(outwards=outwards)
    assert agent.publishing is not None
    await until(connected(agent))
    async with place.channel() as channel:
        exchange = await channel.declare_exchange(f"{place.name}.out", "topic", durable=True)
        queue = await channel.declare_queue(f"{place.name}.reader", durable=True)
        await queue.bind(exchange, "vedette.in.structured.#")
        sender = await place.station.sender()
        while not agent.publishing.engine:
            await asyncio.sleep(0.02)
        await place.publish(b"from the broker")
        nobody = make_item(b"nobody wants it", source="vedette.in.unstructured.news")
        wanted = make_item(b"seen", source="vedette.in.structured.nmap", priority=7)
        await sender.observe(nobody, wanted)
        async with asyncio.timeout(PATIENCE):
            while (message := await queue.get(fail=False)) is None:
                await asyncio.sleep(0.02)
        await message.ack()
    assert (message.message_id, message.routing_key) == (wanted["meta"]["uuid"], "vedette.in.structured.nmap")
    assert (message.priority, message.type, message.delivery_mode) == (7, "item", aio_pika.DeliveryMode.PERSISTENT)
    item = orjson.loads(message.body)
    assert item["meta"]["agent"] == sender.identity.jid

    async def all_acknowledged() -> bool:
        return agent.publishing is not None and agent.publishing.counters["acknowledged"] == 3

    await until(all_acknowledged)
    counters = agent.publishing.counters
    assert (counters["published"], counters["wanted by nobody"], counters["from a broker"]) == (1, 1, 1)
    assert agent.panels()[1].rows[0][0].text == f"{place.name}.out"


async def test_the_collector_of_the_page_works_as_it_is(place: Place) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(program.splitlines()) <= 30
    file = place.station.folder / "collector.py"
    file.write_text(program)
    await place.station.start_hub()
    agent = await place.gateway(exchange="stucco")
    await until(connected(agent))
    url = place.node.url.replace("//", "//guest:guest@")
    process = await asyncio.create_subprocess_exec(sys.executable, str(file), url, "flows", "1,2", "3,4")
    assert await process.wait() == 0
    await until(holds(place.station, 2))
    found = (await place.station.items.page(wanted=ItemFilter())).items
    assert {item.source for item in found} == {"stucco.in.structured.flows"}
    assert sorted(await digests(place.station)) == sorted(map(sha256_hex, (b"1,2", b"3,4")))
    # The queue is bound to an exchange that other tests of this page would publish at, too.
    await agent.stop()
    async with place.channel() as channel:
        await channel.queue_delete(f"{place.name}.vedette")


class Flow:
    """A collector that publishes numbered messages, and says each again until the broker has confirmed it."""

    def __init__(self, place: Place, *, count: int) -> None:
        self._place = place
        self._count = count
        self.published = 0

    async def run(self) -> None:
        while self.published < self._count:
            # Whatever the broker's death does to a connection: another one.
            with contextlib.suppress(aio_pika.exceptions.AMQPError, OSError, TimeoutError, RuntimeError):
                await self._publish()
            await asyncio.sleep(0.05)

    async def _publish(self) -> None:
        async with self._place.channel() as channel:
            exchange = await channel.declare_exchange(f"{self._place.name}.stucco", "topic", durable=True)
            while self.published < self._count:
                group = range(self.published, min(self.published + 10, self._count))
                async with asyncio.timeout(PATIENCE):
                    for number in group:
                        message = aio_pika.Message(b"%d" % number, delivery_mode=2, message_id=f"{number}")
                        await exchange.publish(message, routing_key=KEY)
                self.published = group.stop


class GatewayProcess:
    """The gateway in a process that can be killed."""

    def __init__(self, place: Place, file: Path) -> None:
        self._place = place
        self._file = file
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    async def made(cls, place: Place) -> GatewayProcess:
        station, folder = place.station, place.station.folder
        identity = await station.identity("gateway", Role.GATEWAY)
        identity.key.save(folder / "gateway.key")
        assert identity.registry.key is not None
        credentials = Credentials(
            jid=identity.jid,
            role=Role.GATEWAY,
            password=identity.password,
            key="gateway.key",
            registry=RegistryKey(jid=identity.registry.jid, public_key=identity.registry.key.text),
            server=str(identity.server),
            ca=str(station.server.ca_file),
        )
        save_credentials(folder / "gateway.json", credentials)
        file = folder / "gateway.yml"
        section = place.section(name=identity.name).model_dump(exclude_none=True)
        file.write_bytes(orjson.dumps(section | {"credentials": "gateway.json"}))
        return cls(place, file)

    async def start(self) -> None:
        command = [
            "-m",
            "vedette.cli.main",
            "agent",
            "gateway",
            "-c",
            str(self._file),
            "--parent-pid",
            str(os.getpid()),
        ]
        log = self._file.with_suffix(".log").open("ab")
        with log:
            self._process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=log, stderr=log)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def log(self) -> str:
        return self._file.with_suffix(".log").read_text()[-4000:]


async def kill_at_random(place: Place, *, count: int, kills: int) -> None:
    """Publish while gateway and broker die in turn; each message is one item in the end."""
    station = place.station
    await station.start_hub()
    gateway = await GatewayProcess.made(place)
    await gateway.start()
    flow = Flow(place, count=count)
    # A queue that is not there yet holds nothing: the gateway makes it.
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(aio_pika.exceptions.AMQPError):
                await place.left()
                break
            await asyncio.sleep(0.05)
    flowing = asyncio.create_task(flow.run())
    try:
        for number in range(kills):
            # While some are on their way in every one of the places where they can be.
            least = count * (number + 1) // (kills + 2)
            await until(holds(station, least))
            if number % 2:
                place.node.kill()
                await place.node.restart()
            else:
                await gateway.kill()
                await gateway.start()
        async with asyncio.timeout(2 * PATIENCE):
            await flowing
        await until(holds(station, count))
    except TimeoutError:
        pytest.fail(f"{await station.count()} items of {flow.published} published; the gateway said: {gateway.log()}")
    finally:
        flowing.cancel()
        await gateway.kill()
    found = sorted(await digests(station))
    assert found == sorted(sha256_hex(b"%d" % number) for number in range(count))


@pytest.mark.long  # in `make test`, `tests/faults/test_large_fleet.py` kills both
async def test_nothing_is_lost_or_doubled_when_gateway_and_broker_are_killed(place: Place) -> None:
    await kill_at_random(place, count=400, kills=2)


@pytest.mark.long
async def test_nothing_is_lost_or_doubled_when_they_are_killed_again_and_again(place: Place) -> None:
    await kill_at_random(place, count=10_000, kills=20)
