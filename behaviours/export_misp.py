"""Exporting: items wake the shares that they belong to, and exports are run, each destination's in its own order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final

from behaviours.consume import Consume
from behaviours.export_panels import ExportsSeen, export_panels
from behaviours.peers import Peers
from behaviours.queue_wanted import QueueWanted
from behaviours.register import Session
from behaviours.supervised import SupervisedBehaviour
from registry.callers import Actor
from registry.export_rows import UnknownExportError
from registry.export_running import ExportRunner
from registry.exports import Exports
from registry.share_waking import ShareWaking
from vedette.clock import Clock
from vedette.errors import RefusedError, StoreError
from vedette.messages.queue import QueuedItem
from vedette.messages.state import Panel
from vedette.sharing.request import Export
from vedette.signing import SigningKey

LOOK_EVERY: Final = 1.0
"""Seconds between looks for what is due."""

SEEN_EVERY: Final = 5.0
"""Seconds between looks at how the destinations fare."""

SHOWN: Final = 20
"""Exports of a kind on the agent's page; the console has them all."""

PRUNE_EVERY: Final = 3_600.0
"""Seconds between looks for what ended too long ago to be kept."""


class WakeShares(Consume):
    """Asks for the exports that items belong to; an item is acknowledged when they are in the store."""

    name: ClassVar[str] = "wake shares"

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Session,
        peers: Peers,
        key: SigningKey,
        wanted: QueueWanted,
        waking: ShareWaking,
    ) -> None:
        super().__init__(
            clock=clock, agent=agent, exchange=exchange, peers=peers, key=key, wanted=wanted, handle=self._wake
        )
        self._waking = waking
        self._by = Actor(who=f"agent {agent}", origin="sharing")

    async def _wake(self, items: Sequence[QueuedItem]) -> Mapping[int, Exception]:
        """Wake the shares of some items, all or none.

        Raises:
            StoreError: the store cannot be read or written, or no more exports may wait: items wait, too.
        """
        try:
            woken = await self._waking.wake([item.uuid for item in items], by=self._by)
        except RefusedError as error:
            # It is not the items' fault.
            raise StoreError(str(error)) from error
        self.counters["exports asked for"] += len(woken)
        return {}


class RunExports(SupervisedBehaviour):
    """Runs what is due, one export at a time; an agent has several, so that no destination holds up the others."""

    name: ClassVar[str] = "export"

    def __init__(self, *, clock: Clock, agent_name: str, runner: ExportRunner, ran: Callable[[], None]) -> None:
        """Describe it.

        Args:
            clock: tells the time.
            agent_name: the agent's.
            runner: runs exports; several may share one.
            ran: called when an export ended, or waits again.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._runner = runner
        self._ran = ran

    async def run(self) -> None:
        """Run the export that is due first, or wait for one.

        Raises:
            StoreError: the store cannot be read or written.
        """
        export = await self._runner.run_next()
        if export is None:
            await self.pause(LOOK_EVERY)
            return
        self.counters[export.state] += 1
        if export.state == "done" and export.exported is not None:
            self.counters["changes sent"] += export.exported.sent
            self.counters["withheld"] += len(export.exported.withheld)
        self._ran()


class WatchExports(SupervisedBehaviour):
    """Knows how the destinations fare, for page and presence, and forgets what ended long ago."""

    name: ClassVar[str] = "watch"

    def __init__(self, *, clock: Clock, agent_name: str, exports: Exports) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._exports = exports
        self._pruned_at: float | None = None
        self._changed = asyncio.Event()
        self._read: dict[str, tuple[Export, Export]] = {}
        self.seen = ExportsSeen()
        """What was seen last."""

    def look(self) -> None:
        """Look now: something changed."""
        self._changed.set()

    async def run(self) -> None:
        """Look, then wait until something changes or some seconds have passed.

        Raises:
            StoreError: the store cannot be read or written.
        """
        self._changed.clear()
        approvals = await self._exports.page(state="approval", whole=False, limit=SHOWN)
        last = await self._exports.page(whole=False, limit=SHOWN)
        status = await self._exports.status()
        await self._read_whole([*approvals.rows, *last.rows])
        self.seen = ExportsSeen(
            destinations=tuple(status), approvals=self._known(approvals.rows), last=self._known(last.rows)
        )
        await self._prune()
        self._doing = "waiting"
        with suppress(TimeoutError):
            async with asyncio.timeout(SEEN_EVERY):
                await self._changed.wait()

    async def _read_whole(self, bare: Sequence[Export]) -> None:
        """Read the plans and outcomes of exports that changed: often megabytes, which are not read at each look."""
        read: dict[str, tuple[Export, Export]] = {}
        for one in bare:
            known = self._read.get(one.uuid)
            if known is not None and known[0] == one:
                read[one.uuid] = known
            elif one.uuid not in read:
                # What is gone by now was pruned.
                with suppress(UnknownExportError):
                    read[one.uuid] = (one, await self._exports.get(one.uuid))
        self._read = read

    def _known(self, bare: Sequence[Export]) -> tuple[Export, ...]:
        return tuple(self._read[one.uuid][1] for one in bare if one.uuid in self._read)

    def panels(self) -> list[Panel]:
        """Return destinations, shares, what waits for a person, and what was left out and why."""
        return export_panels(self.seen, self._exports.sharing)

    async def _prune(self) -> None:
        now = self.clock.monotonic()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY:
            return
        self._pruned_at = now
        gone = await self._exports.prune(days=self._exports.sharing.keep_days)
        if gone:
            self.counters["forgotten"] += gone
            self.log.info("exports forgotten", count=gone, older_than_days=self._exports.sharing.keep_days)
