"""Looking at everything that may need a repair: facts from the store, the disk and the hub's agents."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from registry import repair_facts
from registry.database import Database
from registry.export_status import read_destinations
from registry.outbox_visit import OutboxVisit
from registry.queues import Queues
from registry.repair_rows import RepairChanges
from registry.repairs import Repairs
from vedette.clock import MICROSECONDS, Clock
from vedette.clock_offsets import ClockOffsets
from vedette.errors import StoreError
from vedette.evidence.timestamp_state import TimestampState
from vedette.messages.state import AgentState
from vedette.repairs.facts import (
    AuthorityFacts,
    BehaviourFacts,
    ClockFacts,
    DiskFacts,
    Facts,
    OutboxFacts,
    QueueFacts,
    StampingFacts,
)
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.rules import judge
from vedette.repairs.trend import Trend

MAX_OUTBOXES = 500
"""Outboxes that are looked into: each costs about a millisecond."""

_DAY: Final = 86_400
_DISK_WINDOW: Final = 24.0 * 3_600
_LEAST_WATCHED: Final = 3_600.0
"""Seconds after which the pace of the disk says something."""

_FAILING: Final = ("backing off", "stopped")


class RepairWatch:
    """Looks at one hub's store, machine and agents."""

    def __init__(
        self,
        *,
        database: Database,
        data: Path,
        outboxes: Path,
        observer: str,
        policy: RepairPolicy,
        stamping: Callable[[], TimestampState | None],
        states: Callable[[], Iterable[AgentState]],
        clock: Clock,
    ) -> None:
        """Describe it.

        Args:
            database: the store.
            data: the folder whose disk is watched.
            outboxes: folder of this machine's outboxes.
            observer: bare JID of the engine whose hub it is.
            policy: the thresholds.
            stamping: how time-stamping fares; None while the engine does not run.
            states: the hub's own agents.
            clock: the time.
        """
        self.policy = policy
        """The thresholds."""
        self._database = database
        self._data = data
        self._outboxes = outboxes
        self._observer = observer
        self._stamping = stamping
        self._states = states
        self._clock = clock
        self.clocks = ClockOffsets()
        """How the agents' clocks stand; who hears their signs of life notes it here."""
        self._repairs = Repairs(database=database, clock=clock)
        self._queues = Queues(database=database, clock=clock)
        self._depths: dict[str, Trend] = {}
        self._free = Trend(window=_DISK_WINDOW)

    async def look(self) -> RepairChanges:
        """Look at everything, store what is wrong, and return what changed.

        Raises:
            StoreError: what was found cannot be stored.
        """
        facts, unknown = await self._facts()
        judgement = judge(facts, self.policy, unknown=unknown)
        kept = int(self.policy.kept_days * _DAY) * MICROSECONDS
        return await self._repairs.note(judgement, observer=self._observer, kept=kept)

    async def _facts(self) -> tuple[Facts, dict[str, str]]:
        now, read = self._clock.now(), self._database.read
        parts: dict[str, Callable[[], Awaitable[Any]]] = {
            "stamping": self._stamped,
            "revocations": lambda: read(repair_facts.read_revocations),
            "alarms": lambda: read(repair_facts.read_alarms),
            "queues": self._queued,
            "outboxes": self._outbox_facts,
            "agents": lambda: read(repair_facts.read_agents),
            "clocks": self._told_clocks,
            "refusals": lambda: read(lambda connection: repair_facts.read_refusals(connection, now=now)),
            "behaviours": self._failing,
            "jobs": lambda: read(repair_facts.read_jobs),
            "schedules": lambda: read(lambda connection: repair_facts.read_schedules(connection, now=now)),
            "destinations": lambda: read(read_destinations),
            "disk": self._disk,
            "database_size": lambda: read(self._size),
            "write_ahead_size": self._write_ahead,
            "backup": lambda: read(repair_facts.read_backup),
            "keys": lambda: read(lambda connection: repair_facts.read_keys(connection, now=now)),
        }
        known: dict[str, Any] = {}
        unknown: dict[str, str] = {}
        for name, part in parts.items():
            try:
                known[name] = await part()
            except (StoreError, OSError) as error:
                # What cannot be looked at is said on the page, and hides nothing else.
                unknown[name] = str(error)
        return Facts(now=now, **known), unknown

    async def _stamped(self) -> StampingFacts | None:
        state = self._stamping()
        if state is None:
            return None
        names = [one.name for one in state.authorities]
        ends = await self._database.read(lambda connection: repair_facts.read_certificate_ends(connection, names))
        authorities = [
            AuthorityFacts(
                name=one.name,
                external=one.external,
                is_asked=one.circuit.value == "closed",
                last_error=one.last_error,
                last_token_at=one.last_token_at,
                certificate_ends=ends.get(one.name),
                clock_offset=one.clock.offset if one.clock is not None and one.clock.is_off else None,
            )
            for one in state.authorities
        ]
        return StampingFacts(
            authorities=tuple(authorities),
            pending=state.pending,
            oldest_pending=state.oldest_pending,
            clock_blamed=state.clock_blamed,
        )

    async def _told_clocks(self) -> tuple[ClockFacts, ...]:
        """Return what the agents' newest items say of their clocks, then what their signs of life say."""
        by_items = await self._database.read(repair_facts.read_clocks)
        beats = (
            ClockFacts(agent=one.agent, ahead=one.ahead, beats=True, is_set=one.is_set) for one in self.clocks.known()
        )
        return (*by_items, *beats)

    async def _queued(self) -> tuple[QueueFacts, ...]:
        statuses, now = await self._queues.statuses(), self._clock.monotonic()
        trends = {status.name: self._depths.get(status.name, Trend(window=self.policy.window)) for status in statuses}
        self._depths = trends
        for status in statuses:
            trends[status.name].note(now, status.depth)
        return tuple(
            QueueFacts(
                name=status.name,
                owner=status.owner,
                depth=status.depth,
                oldest_at=status.oldest_queued_at,
                dead_letters=status.dead_letters,
                is_rising=trends[status.name].is_rising,
            )
            for status in statuses
        )

    async def _outbox_facts(self) -> tuple[OutboxFacts, ...]:
        """Return the outboxes of this machine as they are, and those of others as their agents reported them."""
        here = await asyncio.to_thread(self._outboxes_here)
        known = {one.agent for one in here}
        reported = await self._database.read(repair_facts.read_reports)
        return (*here, *(one for one in reported if one.agent not in known))

    def _outboxes_here(self) -> tuple[OutboxFacts, ...]:
        return tuple(self._outbox(path) for path in sorted(self._outboxes.glob("*.db"))[:MAX_OUTBOXES])

    def _outbox(self, path: Path) -> OutboxFacts:
        visit = OutboxVisit(path, clock=self._clock)
        try:
            depth = visit.depth()
            return OutboxFacts(
                name=path.stem,
                agent=visit.agent(),
                items=depth.items,
                oldest_at=visit.oldest_at(),
                dead_letters=depth.dead_letters,
            )
        except StoreError as error:
            # The reason begins with the path, which is this machine's business.
            return OutboxFacts(name=path.stem, agent=path.stem, error=str(error).removeprefix(f"{path}: "))

    async def _failing(self) -> tuple[BehaviourFacts, ...]:
        return tuple(
            BehaviourFacts(
                agent=state.jid,
                name=one.name,
                state=one.state,
                failures=one.failures,
                last_error=one.last_error,
                last_error_at=one.last_error_at,
            )
            for state in self._states()
            for one in state.behaviours
            if one.state in _FAILING
        )

    async def _disk(self) -> DiskFacts:
        usage = await asyncio.to_thread(shutil.disk_usage, self._data)
        self._free.note(self._clock.monotonic(), usage.free)
        pace = -self._free.pace
        known = self._free.seconds >= _LEAST_WATCHED and pace > 0
        return DiskFacts(
            place="the data folder",
            free=usage.free,
            total=usage.total,
            days_left=usage.free / pace / _DAY if known else None,
        )

    async def _write_ahead(self) -> int:
        return self._database.write_ahead_bytes

    def _size(self, connection: Connection) -> int:
        if connection.dialect.name == "postgresql":
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar_one())
