"""Correlating items as they are committed: what changed, what deviates, what is missing, who disagrees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.correlation import Correlation
from vedette.clock import Clock

TOGETHER = 100
"""Items in one step: the store's writer is free again after some milliseconds."""

PAUSE = 0.1
"""Seconds after a step that found fewer: what is committed meanwhile shares the next one, which costs as much as a
commit of the intake."""

LOOK_EVERY = 2.0
"""Seconds between looks while nobody wakes it: for what another process committed, and for what is missing."""

ABSENT = 100
"""Missing checks that are told in one step."""


class Correlate(SupervisedBehaviour):
    """Reads the log behind the intake, which never waits for it."""

    name: ClassVar[str] = "correlate"

    def __init__(
        self, *, clock: Clock, agent_name: str, correlation: Correlation, found: Callable[[int], None]
    ) -> None:
        """Describe it; `found` is called with the number of findings of a step that brought any."""
        super().__init__(clock=clock, agent_name=agent_name)
        self._correlation = correlation
        self._on_found = found
        self._stir = asyncio.Event()
        self._since = clock.now()
        self._absent_at = 0.0

    def wake(self) -> None:
        """Say that items were committed."""
        self._stir.set()

    async def run(self) -> None:
        """Take one step; where nothing waits, look for what is missing, then wait for more."""
        self._stir.clear()
        began = self.clock.monotonic()
        step = await self._correlation.advance(limit=TOGETHER)
        self.counters["items"] += step.items
        self.counters["compared"] += step.compared
        self.counters["witnesses joined"] += step.joined
        self.counters["passed over"] += step.skipped
        self._tell(step.findings)
        if step.places:
            await self._make_room(self.clock.monotonic() - began, more=step.more)
            return
        await self._look_for_absent()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), LOOK_EVERY)
        except TimeoutError:
            return

    async def _make_room(self, took: float, *, more: bool) -> None:
        """Pause after a step that took so many seconds, as intake and proofs need the store's writer, too."""
        if more:
            await self.pause(min(PAUSE, took))
        else:
            # What may be missing is looked for behind a step that found nothing, so the next comes at once then.
            await self.pause(0.0 if self._is_look_due() else PAUSE)

    def _is_look_due(self) -> bool:
        return self.clock.monotonic() >= self._absent_at

    async def _look_for_absent(self) -> None:
        if not self._is_look_due():
            return
        missing = await self._correlation.look_for_absent(since=self._since, limit=ABSENT)
        self._absent_at = self.clock.monotonic() + (0.0 if missing == ABSENT else LOOK_EVERY)
        self.counters["missing"] += missing
        self._tell(missing)

    def _tell(self, findings: int) -> None:
        if findings:
            self.counters["findings"] += findings
            self._on_found(findings)
