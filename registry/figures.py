"""The store in figures, for metrics: read together, and not more often than somebody can look."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from registry import tables
from registry.alarms import Alarms
from registry.database import Database
from registry.directory import Directory
from registry.export_status import export_figures
from registry.items import Items
from registry.outbox_visit import OutboxVisit
from registry.proof_state import ProofState
from registry.proofs import Proofs, Unstamped
from registry.queues import Queues, QueueStatus
from registry.refusals import Refusals
from registry.repairs import Repairs
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.graph.port import GraphCounts, GraphReading
from vedette.log import logger
from vedette.repairs.repair import Severity

FRESH = 1.0
"""Seconds that figures serve before they are read again."""

GRAPH_FRESH = 60.0
"""Seconds that the knowledge graph's figures serve: counting a large graph takes longer."""

TYPES = ("scan", "inventory", "flow", "log", "alert", "document", "feed", "message", "file", "host")
"""Types of items that are counted apart; agents write what they want, and all else is `other`."""

OTHER = "other"

_COUNTED_TOGETHER = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxFigures:
    """What the outboxes on this machine hold."""

    items: int
    """Items that are not confirmed."""
    dead_letters: int
    """Items that were given up and wait for a person."""
    unreadable: int
    """Outboxes that could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreFigures:
    """The store at one moment."""

    at: int
    """Microseconds since 1970: when they were read."""
    items: Mapping[ProofState, int]
    """Items in each state."""
    committed: int
    """Statements in all logs: items, and audit entries between them."""
    by_type: Mapping[str, int]
    """Items committed since this process looked first, by type."""
    unstamped: Unstamped
    """What has no token yet, over all engines."""
    queues: tuple[QueueStatus, ...]
    """The consumers' queues."""
    refusals: int
    """Refusals there ever were."""
    alarms: int
    """Alarms that nobody took note of."""
    repairs: Mapping[tuple[str, Severity], int]
    """Open repairs, by kind and how much they matter."""
    repairs_looked_at: int
    """Microseconds since 1970: when everything was looked at last; 0 before."""
    agents: Mapping[tuple[str, str], int]
    """Enrolled agents by role and presence."""
    outboxes: OutboxFigures
    """What waits on this machine."""
    exports: Mapping[str, int]
    """Exports that are kept, by state."""
    changes_sent: int
    """Changes that destinations confirmed since ever."""
    size: int
    """Bytes of the database."""
    disk_free: int
    """Bytes that are free where the data folder is."""
    graph: GraphCounts | None = None
    """How much the knowledge graph holds, at most a minute old; None: there is none here, or it cannot be read."""


class Figures:
    """Reads the figures of a store; many askers at once cause one reading."""

    def __init__(
        self, *, database: Database, data: Path, outboxes: Path, clock: Clock, graph: GraphReading | None = None
    ) -> None:
        """Describe it.

        Args:
            database: the store.
            data: the folder whose disk is watched.
            outboxes: folder of this machine's outboxes.
            clock: the time.
            graph: the knowledge graph; None: there is none here.
        """
        self._graph = graph
        self._graph_counts: GraphCounts | None = None
        self._graph_counted_at: float | None = None
        self._database = database
        self._data = data
        self._outboxes = outboxes
        self._clock = clock
        self._reading = asyncio.Lock()
        self._last: StoreFigures | None = None
        self._read_at = 0.0
        self._places: dict[int, int] = {}
        self._by_type: Counter[str] = Counter(dict.fromkeys((*TYPES, OTHER), 0))
        self._begun = False
        self._log = logger("figures")

    async def now(self) -> StoreFigures:
        """Return the figures, at most a second old.

        Raises:
            StoreError: the database failed.
        """
        async with self._reading:
            now = self._clock.monotonic()
            if self._last is None or not 0 <= now - self._read_at < FRESH:
                self._last = await self._read()
                self._read_at = now
            return self._last

    async def _read(self) -> StoreFigures:
        database, clock = self._database, self._clock
        agents = await Directory(database=database, clock=clock).agents()
        committed, engines, size = await database.read(_totals)
        await database.read(self._count_types)
        repairs = Repairs(database=database, clock=clock)
        exports, sent = await database.read(export_figures)
        return StoreFigures(
            at=clock.now(),
            items=await Items(database=database).counts(),
            committed=committed,
            by_type=dict(self._by_type),
            unstamped=_together([await self._unstamped(engine) for engine in engines]),
            queues=tuple(await Queues(database=database, clock=clock).statuses()),
            refusals=await Refusals(database=database).count(),
            alarms=await Alarms(database=database, clock=clock).count(),
            repairs=await repairs.counts(),
            repairs_looked_at=max((look.at for look in await repairs.looks()), default=0),
            agents=Counter((agent.role.value, agent.show) for agent in agents),
            outboxes=await asyncio.to_thread(self._depths),
            exports=exports,
            changes_sent=sent,
            size=size or await asyncio.to_thread(_file_size, Path(database.place)),
            disk_free=(await asyncio.to_thread(shutil.disk_usage, self._data)).free,
            graph=await self._count_graph(),
        )

    async def _count_graph(self) -> GraphCounts | None:
        """Return how much the graph holds; counting a large one takes a while, so it is done once a minute."""
        now, counted_at = self._clock.monotonic(), self._graph_counted_at
        if self._graph is not None and (counted_at is None or not 0 <= now - counted_at < GRAPH_FRESH):
            self._graph_counted_at = now
            try:
                self._graph_counts = await self._graph.counts()
            except StoreError as error:
                # A graph that cannot be read hides nothing of the store.
                self._graph_counts = None
                self._log.warning("the graph was not counted", reason=str(error))
        return self._graph_counts

    async def _unstamped(self, engine: str) -> Unstamped:
        return await Proofs(database=self._database, engine=engine, clock=self._clock).unstamped()

    def _count_types(self, connection: Connection) -> None:
        """Count what was committed since the last look: the whole table would take a second a million items."""
        chain, item = tables.chain, tables.item
        for chain_id, end in connection.execute(select(chain.c.id, chain.c.next_index)).all():
            first = self._places.get(chain_id, 0 if self._begun else end)
            last = min(end, first + _COUNTED_TOGETHER)
            self._places[chain_id] = last
            within = (item.c.chain_id == chain_id, item.c.log_index >= first, item.c.log_index < last)
            query = select(item.c.type, func.count()).where(*within).group_by(item.c.type)
            for kind, count in connection.execute(query) if first < last else ():
                self._by_type[kind if kind in TYPES else OTHER] += count
        self._begun = True

    def _depths(self) -> OutboxFigures:
        items = dead_letters = unreadable = 0
        for path in self._outboxes.glob("*.db"):
            try:
                depth = OutboxVisit(path, clock=self._clock).depth()
            except StoreError:
                unreadable += 1
            else:
                items += depth.items
                dead_letters += depth.dead_letters
        return OutboxFigures(items=items, dead_letters=dead_letters, unreadable=unreadable)


def _totals(connection: Connection) -> tuple[int, list[str], int]:
    """Return the statements in all logs, the engines, and PostgreSQL's size of the database (0 of SQLite's)."""
    chain = tables.chain
    committed = connection.execute(select(func.coalesce(func.sum(chain.c.next_index), 0))).scalar_one()
    engines = list(connection.execute(select(chain.c.engine).distinct()).scalars())
    if connection.dialect.name != "postgresql":
        return int(committed), engines, 0
    return (
        int(committed),
        engines,
        connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one(),
    )


def _together(parts: list[Unstamped]) -> Unstamped:
    oldest = [part.oldest_received_at for part in parts if part.count]
    return Unstamped(
        count=sum(part.count for part in parts),
        oldest_received_at=min(oldest, default=0),
        failed=sum(part.failed for part in parts),
    )


def _file_size(path: Path) -> int:
    """Return the bytes of an SQLite database with its log."""
    sizes = 0
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            sizes += file.stat().st_size
        except FileNotFoundError:
            continue
    return sizes
