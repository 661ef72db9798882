"""Looking again and again whether something must be repaired."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.repair_watch import RepairWatch
from vedette.clock import Clock
from vedette.repairs.repair import Severity


class WatchRepairs(SupervisedBehaviour):
    """Stores what is wrong, says what is new in the log, and wakes whoever shows it."""

    name: ClassVar[str] = "watch repairs"

    def __init__(self, *, clock: Clock, agent_name: str, watch: RepairWatch, changed: Callable[[], None]) -> None:
        """Make it.

        Args:
            clock: what tells the time.
            agent_name: whose log lines they are.
            watch: what looks.
            changed: called when something began or ended.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._watch = watch
        self._changed = changed

    async def run(self) -> None:
        """Look once, and rest."""
        changes = await self._watch.look()
        self.counters["looks"] += 1
        for one in changes.began:
            self.counters["began"] += 1
            # What is not critical is on the page, and no reason to look at a terminal.
            tell = self.log.warning if one.severity is Severity.CRITICAL else self.log.info
            tell("something must be repaired", kind=one.kind.value, place=one.place, what=one.what, cause=one.cause)
        for name in changes.ended:
            self.counters["ended"] += 1
            self.log.info("a repair ended", repair=name)
        if changes.began or changes.ended:
            self._changed()
        await self.pause(self._watch.policy.look_every)
