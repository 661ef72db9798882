"""How PostgreSQL finds things among many items: by an index, with the figures that it has of full tables.

The short form has 50,000 items; `make test-long` has ten million, and says how long each answer took.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from registry.correlation import Correlation
from registry.database import Database
from registry.document_check import document_check
from registry.item_detail import ItemDetails
from registry.item_list import ItemList, ItemsWanted
from registry.item_overview import ItemOverviews
from registry.item_runs import ItemRuns
from registry.items import ItemFilter, Items
from registry.last_results import LastResults
from registry.proof_progress import ProofProgress
from registry.proof_state import ProofState
from registry.queue_bindings import Asker
from registry.queues import Queues
from registry.retention_rows import payload_groups
from registry.scandale import ScandaleView
from registry.sweep import Sweep
from tests.registry.conftest import ENGINE, RECEIVED_AT, Sender
from tests.registry.explained import plans, watched
from tests.registry.kept import Kept, rules
from tests.registry.many_items import Many, grow
from tests.registry.pool import DatabasePool
from vedette.clock import ManualClock
from vedette.correlation.policy import CorrelationPolicy

WHOLE = re.compile(r"Seq Scan on \w+.*cost=[\d.]+\.\.([\d.]+)")
CHEAP = 100.0
"""What it costs at most, in pages, to read all of a table that is small."""

SHORT, LONG = 50_000, 10_000_000
ASKER = Asker(jid="rt@localhost", role="rt")

Ask = Callable[["Store"], Awaitable[Any]]


class Store:
    """A store with many items, and all that asks it."""

    def __init__(self, kept: Kept, many: Many, *, count: int, first: str) -> None:
        self.kept, self.many, self.count, self.first = kept, many, count, first
        database, clock = kept.database, kept.clock
        self.items = Items(database=database)
        self.list = ItemList(database=database)
        self.overviews = ItemOverviews(database=database, clock=clock)
        self.queues = Queues(database=database, clock=clock)
        self.scans = ScandaleView(database=database)
        self.progress = ProofProgress(database=database, engine=ENGINE)
        self.correlation = Correlation(database=database, engine=ENGINE, clock=clock, policy=CorrelationPolicy())
        self.sweep = Sweep(
            database=database,
            engine=ENGINE,
            clock=clock,
            roots={"local": kept.authority.roots},
            document=document_check(kept.content),
        )

    @property
    def middle(self) -> str:
        """The uuid of an item in the middle."""
        return self.many.uuid(self.many.first + self.count // 2)

    async def page(self, **wanted: Any) -> None:
        """Read a page of the list and the one after it."""
        first = await self.list.page(wanted=ItemsWanted(**wanted), limit=50)
        if first.next is not None:
            await self.list.page(wanted=ItemsWanted(**wanted), limit=50, cursor=first.next)

    async def lease(self) -> None:
        """Fetch from a queue and acknowledge."""
        limits = {"limit": 100, "max_bytes": 2**20, "lease_seconds": 60}
        held = await self.queues.lease("rt", asker=ASKER, life="a", held=[], **limits)
        assert len(held) == 100
        await self.queues.release("rt", asker=ASKER, life="a", ids=[one.id for one in held[50:]])
        await self.queues.acknowledge("rt", asker=ASKER, life="a", ids=[one.id for one in held[:50]])

    async def groups(self) -> None:
        """Judge a partition of a week, as retention does before it drops one."""
        start = self.many.start + 7 * 86_400_000_000
        found = await self.kept.database.read(lambda connection: payload_groups(connection, start, start + 10**9))
        assert found


SINCE = 30 * 86_400_000_000

ASKED: dict[str, Ask] = {
    "an item": lambda store: store.items.get(store.middle),
    "an item's proof": lambda store: store.items.proof(store.middle),
    "an item's detail": lambda store: ItemDetails(database=store.kept.database).find(store.middle),
    "an item's bytes": lambda store: ItemDetails(database=store.kept.database).inline(store.middle),
    "the runs around it": lambda store: ItemRuns(database=store.kept.database).around(store.middle),
    "a bundle": lambda store: store.kept.bundle(store.first),
    "the newest": lambda store: store.page(),
    "by agent": lambda store: store.page(agent="agent7@localhost"),
    "by type": lambda store: store.page(type="type3"),
    "by check": lambda store: store.page(check="check77"),
    "by target": lambda store: store.page(target="host77.example"),
    "by source": lambda store: store.page(source="acme.in.structured.source7"),
    "by pattern": lambda store: store.page(source="acme.in.structured.*"),
    "by verdict": lambda store: store.page(verdict="deviates"),
    "by state": lambda store: store.page(state=ProofState.PROVED),
    "by two": lambda store: store.page(agent="agent7@localhost", type="type3"),
    "of a time": lambda store: store.page(since=store.many.start + SINCE, until=store.many.start + 2 * SINCE),
    "by type of a time": lambda store: store.page(type="type3", since=store.many.start + SINCE),
    "the older list": lambda store: store.items.page(wanted=ItemFilter(agent="agent7@localhost")),
    "an overview": lambda store: store.overviews.read(ItemsWanted(type="type3")),
    "an overview of two": lambda store: store.overviews.read(ItemsWanted(type="type3", agent="agent3@localhost")),
    "targets": lambda store: store.overviews.targets("host77"),
    "last results": lambda store: LastResults(database=store.kept.database).of(["agent7@localhost"]),
    "scans by payload": lambda store: store.scans.page(skip=0, limit=10, payload_sha256="0" * 64),
    "scans by uuid": lambda store: store.scans.by_uuid([store.middle]),
    "a queue": lambda store: store.lease(),
    "what is due": lambda store: store.queues.due(["rt"]),
    "unbatched": lambda store: store.kept.proofs.unbatched(),
    "unstamped": lambda store: store.kept.proofs.unstamped(),
    "batches to stamp": lambda store: store.kept.proofs.pending_batches(tsa="local", limit=5),
    "retention": lambda store: store.kept.retention.step(rules({"keep": "1d"}), limit=100, dry=True),
    "a partition": lambda store: store.groups(),
    "the sweep": lambda store: store.sweep.step(limit=100),
    "the correlation": lambda store: store.correlation.advance(limit=10),
    "a commit": lambda store: store.kept.commit(store.kept.sender.item(), stamped=False),
}


def flaws(connection: Connection, seen: dict[str, Any]) -> list[str]:
    """Return the plans that read all of a large table."""
    shown = plans(connection, seen)
    return [
        f"{sql}\n{plan}" for sql, plan in shown.items() if any(float(cost) > CHEAP for cost in WHOLE.findall(plan))
    ]


async def a_store(database: Database, folder: Path, *, count: int) -> Store:
    """Return a store with so many items."""
    clock, sender = ManualClock(now=RECEIVED_AT), Sender()
    kept = Kept(database=database, clock=clock, folder=folder, sender=sender)
    await kept.open()
    queues = Queues(database=database, clock=clock)
    await queues.bind("rt", owner="rt", asker=ASKER, patterns=["nothing.comes.here"])
    first, *_ = await kept.commit(*(sender.item() for _ in range(20)))
    store = Store(kept, await grow(kept, count), count=count, first=first)
    # Once in its life an engine looks at all batches.
    await kept.proofs.pending_batches(tsa="local", limit=5)
    return store


async def ask_all(store: Store) -> dict[str, list[str]]:
    """Ask everything; return the plans that are wrong."""
    wrong = {}
    for name, ask in ASKED.items():
        began = time.monotonic()
        with watched() as seen:
            await ask(store)
        took = (time.monotonic() - began) * 1000
        assert seen, name
        if store.count == LONG:
            sys.stdout.write(f"{name}: {took:.1f} ms\n")
        found = await store.kept.database.read(lambda connection, seen=seen: flaws(connection, seen))
        if found:
            wrong[name] = found
    return wrong


@pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
async def test_nothing_reads_all_of_a_large_table(postgres_stores: DatabasePool, tmp_path: Path, count: int) -> None:
    with postgres_stores.lend() as url, Database(url) as database:
        wrong = await ask_all(await a_store(database, tmp_path, count=count))
    assert not wrong, "\n\n".join(f"{name}: {plan}" for name, plans in wrong.items() for plan in plans)
