"""What a commit costs, and how long questions take, as the store fills: PostgreSQL with up to ten million items."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from figures import Figure, say
from sqlalchemy import text
from watching import watched

from registry.database import Database
from registry.item_detail import ItemDetails
from registry.item_list import ItemList, ItemsWanted
from tests.registry.conftest import RECEIVED_AT, Sender
from tests.registry.kept import Kept
from tests.registry.many_items import Many, grow
from vedette.clock import ManualClock

COMMITS = 20
"""Group commits that are timed."""

TOGETHER = 300
"""Items of each: a batch as it travels."""

PAYLOAD = b"22/tcp open " * 85
"""About 1 KiB."""

ASKED = 20
"""Times that each question is asked."""


@dataclass(frozen=True, kw_only=True)
class Full:
    """What was measured with so many items."""

    stored: int
    ours: float
    """CPU milliseconds an item of the process that commits."""
    database: float
    """Of PostgreSQL."""
    questions: dict[str, float]
    """Milliseconds, median, by question."""
    gibibytes: float
    """Size of the database."""


async def measure_stored(folder: Path, *, stored: int, store: str, postgres: int) -> Full:
    """Fill an empty database with so many items and measure.

    Args:
        folder: for documents and the authority, new.
        stored: items, at least a thousand.
        store: URL of a PostgreSQL database with this release's schema.
        postgres: process id of its server.
    """
    clock, sender = ManualClock(now=RECEIVED_AT), Sender()
    with Database(store) as database:
        kept = Kept(database=database, clock=clock, folder=folder, sender=sender)
        await kept.open()
        await kept.commit(*(sender.item() for _ in range(20)))
        say(f"making {stored:,} items")
        many = await grow(kept, stored)
        ours, theirs = await _commits(kept, postgres)
        size = "SELECT pg_database_size(current_database())"
        return Full(
            stored=stored,
            ours=ours,
            database=theirs,
            questions=await _questions(database, many, stored),
            gibibytes=await database.read(lambda connection: connection.execute(text(size)).scalar_one()) / 2**30,
        )


async def _commits(kept: Kept, postgres: int) -> tuple[float, float]:
    """Return CPU milliseconds an item of us and of PostgreSQL."""
    made = [[kept.sender.item(payload=PAYLOAD) for _ in range(TOGETHER)] for _ in range(COMMITS + 2)]
    # The first ones fill caches.
    for items in made[:2]:
        await kept.commit(*items, stamped=False)
    deliveries = [kept.sender.deliver(*items, received_at=kept.clock.now()) for items in made[2:]]
    before = resource.getrusage(resource.RUSAGE_SELF)
    async with watched(lambda: [postgres], every=3600) as database:
        for delivery in deliveries:
            await kept.intake.commit([delivery])
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    items_ = COMMITS * TOGETHER
    return used / items_ * 1000, database.cpu / items_ * 1000


async def _questions(database: Database, many: Many, stored: int) -> dict[str, float]:
    listed, details = ItemList(database=database), ItemDetails(database=database)

    async def page(wanted: ItemsWanted) -> None:
        await listed.page(wanted=wanted, limit=50)

    asked: dict[str, Callable[[int], Awaitable[object]]] = {
        "newest items": lambda _: page(ItemsWanted()),
        "items of a target": lambda number: page(ItemsWanted(target=f"host{number * 7}.example")),
        "items of an agent": lambda number: page(ItemsWanted(agent=f"agent{number}@localhost")),
        "an item": lambda number: details.find(many.uuid(many.first + number * (stored // ASKED // 2))),
    }
    found = {}
    for name, ask in asked.items():
        times = []
        for number in range(1, ASKED + 1):
            started = time.perf_counter()
            await ask(number)
            times.append((time.perf_counter() - started) * 1000)
        found[name] = sorted(times)[len(times) // 2]
    return found


def show(full: Full, first: Full) -> None:
    """Print the figures beside those of the smallest store."""
    total, least = full.ours + full.database, first.ours + first.database
    of = f"{full.stored:,} stored"
    Figure(
        name=f"CPU of committing an item, {of}", value=total, unit="ms", target=least * 1.25, at_most=True, peer=least
    ).emit()
    Figure(name=f"PostgreSQL's share of it, {of}", value=full.database, unit="ms", peer=first.database).emit()
    for name, value in full.questions.items():
        Figure(
            name=f"{name}, {of}", value=value, unit="ms", target=50.0, at_most=True, peer=first.questions[name]
        ).emit()
    Figure(name=f"database, {of}", value=full.gibibytes * 2**30 / full.stored, unit="bytes/item").emit()


def run(folder: Path, *, stored: int, store: str, postgres: int) -> Full:
    """Measure on a loop of its own."""
    return asyncio.run(measure_stored(folder, stored=stored, store=store, postgres=postgres))
