"""Watching the fleet's presence: what stanzas and heartbeats say, and what silence means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.agent_reports import OutboxReport
from registry.directory import Directory, Show, StrangerError
from vedette.clock import Clock
from vedette.clock_offsets import ClockOffsets
from vedette.errors import StoreError
from vedette.messages.card import Heartbeat

SILENT_AFTER = 30.0
"""Seconds without any sign of life after which an agent is gone: three heartbeats."""

SWEEP_EVERY = 1.0
"""Seconds between looks for silent agents."""

CHANGES = 10_000
"""Changes that may wait to be written; more means that the store is stuck, and the newest are dropped."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that was learnt about an agent's presence."""

    jid: str
    """Bare JID."""
    show: Show
    """What it is now."""
    status: str
    """Why."""
    cause: str
    """What told us."""


class WatchPresence(SupervisedBehaviour):
    """Keeps the directory's presence true, with history."""

    name: ClassVar[str] = "watch presence"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        watcher: str,
        directory: Directory,
        changed: Callable[[Change], None],
        clocks: ClockOffsets | None = None,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._watcher = watcher
        self._directory = directory
        self._on_change = changed
        self.clocks = ClockOffsets() if clocks is None else clocks
        """How the clocks of those who give signs of life stand."""
        self._waiting: asyncio.Queue[Change] = asyncio.Queue(CHANGES)
        self._heard: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._reports: dict[str, OutboxReport] = {}
        self._shows: dict[str, tuple[str, str]] = {}
        self._swept_at = 0.0

    def heard(self, jid: str, *, show: Show, status: str, cause: str) -> None:
        """Note what a stanza or heartbeat says of an enrolled agent."""
        if show != "gone":
            self._heard[jid] = self.clock.monotonic()
            self._seen[jid] = self.clock.now()
        else:
            self._heard.pop(jid, None)
            self.clocks.forget(jid)
        self._learn(Change(jid=jid, show=show, status=status, cause=cause))

    def reported(self, jid: str, beat: Heartbeat) -> None:
        """Note what a heartbeat says of the agent's clock and outbox; ages count by our clock, as all times here."""
        now = self.clock.now()
        if beat.sent_at is not None and jid in self._heard:
            self.clocks.note(jid, sent_at=beat.sent_at, now=now, is_set=beat.clock_set)
        if beat.pending is None:
            return
        self._reports[jid] = OutboxReport(
            reported_at=now,
            waiting=beat.pending,
            waiting_since=max(0, now - beat.oldest) if beat.pending else None,
            dead_letters=beat.dead_letters,
        )

    def registered(self, jid: str) -> None:
        """Note that an agent sent its card: it is there, unless it said otherwise before."""
        show, status = self._shows.get(jid, ("gone", ""))
        if show in ("gone", "unknown"):
            show, status = "available", ""
        self.heard(jid, show=_show(show), status=status, cause="registered")

    async def run(self) -> None:
        """Write what is waiting, then look for the silent."""
        try:
            change = await asyncio.wait_for(self._waiting.get(), SWEEP_EVERY)
        except TimeoutError:
            change = None
        if change is not None:
            await self._write(change)
        if self.clock.monotonic() - self._swept_at >= SWEEP_EVERY:
            await self._sweep()

    def _learn(self, change: Change) -> None:
        if self._shows.get(change.jid) == (change.show, change.status):
            return
        try:
            self._waiting.put_nowait(change)
        except asyncio.QueueFull:
            self.counters["dropped"] += 1
            return
        self._shows[change.jid] = (change.show, change.status)

    async def _write(self, change: Change) -> None:
        try:
            changed = await self._directory.presence(
                change.jid, show=change.show, status=change.status, cause=change.cause
            )
        except StrangerError:
            self._shows.pop(change.jid, None)
            return
        except StoreError:
            # Not known to the directory, so the next sign of life has to be news again.
            self._shows.pop(change.jid, None)
            raise
        if changed:
            self.counters["changes"] += 1
            self.log.info("presence", peer=change.jid, show=change.show, status=change.status, cause=change.cause)
            self._on_change(change)

    async def _sweep(self) -> None:
        now = self._swept_at = self.clock.monotonic()
        if self._watcher in self._heard:
            # Nobody sends signs of life to itself: that this runs is one.
            self._heard[self._watcher] = now
            self._seen[self._watcher] = self.clock.now()
        seen, self._seen = self._seen, {}
        reports, self._reports = self._reports, {}
        await self._directory.seen(seen, reports)
        for jid, heard in list(self._heard.items()):
            if now - heard > SILENT_AFTER:
                del self._heard[jid]
                self.clocks.forget(jid)
                status = f"no sign of life for {SILENT_AFTER:.0f} s"
                self._learn(Change(jid=jid, show="gone", status=status, cause="silence"))


def _show(text: str) -> Show:
    return "away" if text == "away" else "dnd" if text == "dnd" else "available"
