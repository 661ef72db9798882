"""How much each outbox on this machine holds, read together and not more often than somebody can look."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from registry.outbox_visit import OutboxDepth, OutboxVisit
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.log import logger

FRESH = 2.0
"""Seconds that depths serve before they are read again."""

MAX_FILES = 500
"""Outboxes that are looked into: each costs about a millisecond."""


class OutboxDepths:
    """The depths of this machine's outboxes, by agent."""

    def __init__(self, *, outboxes: Path, clock: Clock) -> None:
        """Describe them; `outboxes` is the folder of the files."""
        self._outboxes = outboxes
        self._clock = clock
        self._reading = asyncio.Lock()
        self._last: Mapping[str, OutboxDepth] = {}
        self._read_at: float | None = None
        self._unreadable: frozenset[str] = frozenset()
        self._log = logger("console")

    async def now(self) -> Mapping[str, OutboxDepth]:
        """Return them by bare JID, at most two seconds old; an outbox that cannot be read is left out and logged."""
        async with self._reading:
            now = self._clock.monotonic()
            if self._read_at is None or not 0 <= now - self._read_at < FRESH:
                self._last = await asyncio.to_thread(self._read)
                self._read_at = now
            return self._last

    def _read(self) -> Mapping[str, OutboxDepth]:
        depths: dict[str, OutboxDepth] = {}
        unreadable: set[str] = set()
        for path in sorted(self._outboxes.glob("*.db"))[:MAX_FILES]:
            visit = OutboxVisit(path, clock=self._clock)
            try:
                depths[visit.agent()] = visit.depth()
            except StoreError as error:
                unreadable.add(path.name)
                if path.name not in self._unreadable:
                    self._log.warning("an outbox cannot be read", file=path.name, reason=str(error))
        self._unreadable = frozenset(unreadable)
        return depths
