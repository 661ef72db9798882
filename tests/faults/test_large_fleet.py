"""One thing of each kind is killed in turn while a large fleet works: nothing is lost, nothing is twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aio_pika
import pytest

from tests.faults.large_fleet import KEY, PROBES, LargeFleet, address, row
from tests.faults.visitor import Visitor
from tests.timing import PATIENCE, bound
from tests.vedette.cli.commands import until
from tests.vedette.cli.fleet_store import check_logs, lost

GAP = 15.0
"""Seconds for which no page may answer, when what serves or holds them is killed: the hub or PostgreSQL."""


class Publisher:
    """Publishes messages as a collector does: each again until RabbitMQ has confirmed it, over its restarts."""

    def __init__(self, fleet: LargeFleet, count: int, *, rate: float) -> None:
        self._url = fleet.rabbitmq.url.replace("//", "//guest:guest@")
        self._count = count
        self._pause = 1 / rate
        self._thread = threading.Thread(target=lambda: asyncio.run(self._publish()), name="publisher")
        self.confirmed = 0

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(PATIENCE)

    def has(self, count: int) -> bool:
        """Tell whether so many messages are confirmed."""
        return self.confirmed >= count

    async def _publish(self) -> None:
        while self.confirmed < self._count:
            try:
                async with await aio_pika.connect(self._url, timeout=5) as connection:
                    await self._all(await connection.channel())
            except (OSError, TimeoutError, aio_pika.exceptions.AMQPError, RuntimeError):
                await asyncio.sleep(0.2)

    async def _all(self, channel: aio_pika.abc.AbstractChannel) -> None:
        exchange = await channel.get_exchange("stucco")
        while self.confirmed < self._count:
            message = aio_pika.Message(
                row(self.confirmed),
                delivery_mode=2,
                content_type="text/csv",
                message_id=f"m{self.confirmed}",
                headers={"HasContent": True},
            )
            await exchange.publish(message, routing_key=KEY, timeout=5)
            self.confirmed += 1
            await asyncio.sleep(self._pause)


def deaths(fleet: LargeFleet) -> dict[str, Callable[[], None]]:
    """Return what is killed, one of each kind, in turn; each returns once it is there again."""

    def kill_postgres() -> None:
        fleet.postgres.kill()
        fleet.postgres.start()

    def kill_rabbitmq() -> None:
        fleet.rabbitmq.kill()
        fleet.rabbitmq.start()

    def kill_xmpp() -> None:
        fleet.nodes[1].kill()
        fleet.nodes[1].start(wait=PATIENCE)

    return {
        "an engine": lambda: fleet.up.kill_child("--name engine-2"),
        "RT agents": lambda: fleet.up.kill_child("cli.process rt"),
        "the hub": lambda: fleet.up.kill_child("cli.process hub"),
        "probes and gateway": lambda: fleet.up.kill_child("cli.process field"),
        "RabbitMQ": kill_rabbitmq,
        "a node of XMPP": kill_xmpp,
        "PostgreSQL": kill_postgres,
    }


@pytest.mark.parametrize(
    ("messages", "rate"),
    [pytest.param(500, 30.0, id="short"), pytest.param(50_000, 200.0, id="long", marks=pytest.mark.long)],
)
def test_one_of_each_kind_is_killed_and_nothing_is_lost_or_twice(tmp_path: Path, messages: int, rate: float) -> None:
    with LargeFleet(tmp_path) as fleet:
        began: dict[str, float] = {}
        with Publisher(fleet, messages, rate=rate) as publisher, Visitor(fleet.console) as visitor:
            for number, (name, kill) in enumerate(deaths(fleet).items(), start=1):
                until(partial(publisher.has, messages * number // 9), seconds=3 * messages / rate + PATIENCE)
                began[name] = time.monotonic()
                kill()
            until(partial(publisher.has, messages), seconds=3 * messages / rate + PATIENCE)
            until(lambda: fleet.settled(messages), seconds=messages / 20 + PATIENCE, what=fleet.up.complained)
            until(lambda: _presence_is_right(fleet), what=lambda: str(fleet.shows()))
            assert visitor.seen
        _check_gaps(visitor, began)
        assert fleet.taken() == messages
        assert fleet.addresses() == {address(number): 1 for number in range(messages)}
        numbers = fleet.numbers()
        assert len([agent for agent in numbers if agent.startswith("probe")]) == PROBES
        # Probes go on, and what no engine confirmed while PostgreSQL was away is sent again behind later items.
        newest = {agent: max(found) for agent, found in numbers.items()}
        until(lambda: not lost(fleet.database, newest), what=lambda: str(lost(fleet.database, newest)))
        twice = {agent: Counter(found) - Counter(set(found)) for agent, found in fleet.numbers().items()}
        assert not any(twice.values()), twice
        fleet.ask(check_logs)
        assert fleet.up.end(within=60.0) == 0


def _presence_is_right(fleet: LargeFleet) -> bool:
    shows = fleet.shows()
    wanted = {f"probe{number:02}@localhost" for number in range(PROBES)} | {"engine-2@localhost", "gateway@localhost"}
    return all(shows.get(jid) == "available" for jid in wanted)


def _check_gaps(visitor: Visitor, began: dict[str, float]) -> None:
    """Check that pages answered throughout but for gaps after the hub or PostgreSQL was killed; say how long."""
    for at, seconds in visitor.gaps:
        cause = min(began, key=lambda name: abs(began[name] - at))
        print(f"no page for {seconds:.1f} s after the death of {cause}")
        assert cause in ("the hub", "PostgreSQL"), cause
        assert seconds < bound(GAP)
    print(f"{visitor.seen} answers, the slowest after {visitor.slowest:.1f} s")
