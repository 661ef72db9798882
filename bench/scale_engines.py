"""Items a second with one, two and three engines over one PostgreSQL, and what an item costs: CPU of each part.

The cost counts until nothing is left to do: a busy engine puts off correlating and publishing, so that what it took
until all was stamped would be less than the work, and the more so the fewer engines there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from figures import Figure, cpu_seconds, say
from places import Hub, running_ejabberd, running_hub
from sending import SIZE, a_sender
from sqlalchemy import Connection, func, select
from told import Told
from watching import watched

from registry import tables
from registry.correlation_tables import correlation_position

AT_REST = 0.1
"""Share of a core that an idle engine takes less of."""

SENDERS = 6
"""Agents that send; which engine an agent's check goes to is drawn by hashing, so that a few are even enough."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run took."""

    rate: float
    """Items a second until all are confirmed."""
    stamped: float
    """Items a second until all are stamped."""
    engines: float
    """CPU milliseconds an item of the engines' processes, until nothing is left to do."""
    database: float
    """Of PostgreSQL."""
    xmpp: float
    """Of ejabberd."""
    shares: dict[str, int]
    """How many items each engine committed."""

    @property
    def total(self) -> float:
        """CPU milliseconds an item of all that an operator runs."""
        return self.engines + self.database + self.xmpp


async def run_engines(folder: Path, *, engines: int, count: int, store: str, postgres: int) -> Cost:
    """Send items through a fleet with so many engines.

    Args:
        folder: where everything is kept, new.
        engines: the hub's own and further ones.
        count: items, from all senders together.
        store: URL of an empty PostgreSQL database with this release's schema.
        postgres: process id of its server.
    """
    more = [{"name": f"engine{number}"} for number in range(2, engines + 1)]
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(running_ejabberd(folder / "xmpp"))
        settings = {
            "xmpp": {"server": "ejabberd", "folder": str(folder / "xmpp")},
            "store": store,
            "engines": more,
            "batch": {"items": 1000, "seconds": 1.0},
        }
        hub = await opened.enter_async_context(running_hub(folder / "fleet", server_pid=server.pid, **settings))
        names = [f"sender{number}" for number in range(SENDERS)]
        files = await hub.enrol(*names)
        senders = [
            await opened.enter_async_context(a_sender(file, folder / f"{name}.db"))
            for name, file in zip(names, files, strict=True)
        ]
        await asyncio.gather(*(sender.do("make", count=count // SENDERS) for sender in senders))
        return await _measure(hub, senders, count // SENDERS * SENDERS, server.pid, postgres)


async def _measure(hub: Hub, senders: Sequence[Told], count: int, xmpp: int, postgres: int) -> Cost:
    own = [pid for name, pid in hub.fleet.supervisor.pids.items() if name.startswith(("hub", "engine"))]
    ours, theirs = cpu_seconds(own), cpu_seconds([xmpp])
    started = time.perf_counter()
    async with watched(lambda: [postgres]) as database:
        await asyncio.gather(*(sender.do("send") for sender in senders))
        confirmed = time.perf_counter() - started
        while await hub.database.read(_stamped) < count:
            await asyncio.sleep(0.05)
        stamped = time.perf_counter() - started
        while not await hub.database.read(_is_correlated):
            await asyncio.sleep(0.05)
        await _at_rest(own)
    return Cost(
        rate=count / confirmed,
        stamped=count / stamped,
        engines=(cpu_seconds(own) - ours) / count * 1000,
        database=database.cpu / count * 1000,
        xmpp=(cpu_seconds([xmpp]) - theirs) / count * 1000,
        shares=await hub.database.read(_shares),
    )


async def _at_rest(processes: Sequence[int]) -> None:
    """Wait until the engines have published, too: what they did is on no record, but that they have nothing to do."""
    while True:
        before = cpu_seconds(processes)
        await asyncio.sleep(0.5)
        if cpu_seconds(processes) - before < AT_REST * len(processes) * 0.5:
            return


def _is_correlated(connection: Connection) -> bool:
    """Tell whether every log is correlated to its end."""
    chain = tables.chain
    joined = chain.outerjoin(correlation_position, correlation_position.c.chain_id == chain.c.id)
    behind = select(chain.c.id).select_from(joined)
    behind = behind.where(chain.c.next_index > func.coalesce(correlation_position.c.next_index, 0))
    return connection.execute(behind.limit(1)).first() is None


def _stamped(connection: Connection) -> int:
    batch, token = tables.batch, tables.token
    items = select(func.coalesce(func.sum(batch.c["count"] - batch.c.audit_count), 0))
    return int(connection.execute(items.where(batch.c.id.in_(select(token.c.batch_id)))).scalar_one())


def _shares(connection: Connection) -> dict[str, int]:
    chain, item = tables.chain, tables.item
    query = select(chain.c.engine, func.count()).join(item, item.c.chain_id == chain.c.id).group_by(chain.c.engine)
    return {engine.partition("@")[0]: number for engine, number in connection.execute(query)}


def show(engines: int, cost: Cost, first: Cost) -> None:
    """Print the figures of a run beside those with one engine."""
    say(f"{engines} engines: {cost.rate:.0f} items/s of {SIZE} bytes, {cost.shares}")
    of = f"{engines} engine{'s' if engines > 1 else ''}"
    Figure(name=f"items confirmed, {of}", value=cost.rate, unit="items/s", peer=first.rate).emit()
    Figure(name=f"items stamped, {of}", value=cost.stamped, unit="items/s", peer=first.stamped).emit()
    Figure(
        name=f"CPU of an item, {of}",
        value=cost.total,
        unit="ms/item",
        target=first.total * 1.25,
        at_most=True,
        peer=first.total,
    ).emit()
    for name, value in (("engines", cost.engines), ("PostgreSQL", cost.database), ("ejabberd", cost.xmpp)):
        Figure(name=f"CPU of {name} for an item, {of}", value=value, unit="ms/item").emit()
