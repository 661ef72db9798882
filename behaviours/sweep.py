"""The sweep in the background: a few items a second are verified again, for ever."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.sweep import Sweep as StoreSweep
from vedette.clock import Clock

REST = 60.0
"""Seconds between two rounds over everything."""

LONGEST_STEP = 100
"""Items in one step: the store is read in one go for so long."""


class Sweep(SupervisedBehaviour):
    """Looks at everything again at a bounded rate; what it finds is an alarm."""

    name: ClassVar[str] = "sweep"

    def __init__(self, *, clock: Clock, agent_name: str, sweep: StoreSweep, alarms: Alarms, rate: float) -> None:
        """Make it.

        Args:
            clock: what tells the time.
            agent_name: whose log lines they are.
            sweep: what goes along the chains.
            alarms: where findings go.
            rate: items a second, at most.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._sweep = sweep
        self._alarms = alarms
        self._rate = rate

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._sweep.place

    async def run(self) -> None:
        """Take one step, store what it found, and rest for as long as the rate says."""
        step = await self._sweep.step(limit=max(1, min(LONGEST_STEP, int(self._rate))))
        if step is None:
            self.counters["rounds"] += 1
            await self.pause(REST)
            return
        for finding in await self._alarms.report(step.findings):
            self.counters["found"] += 1
            self.log.error("evidence damaged", kind=finding.kind, place=finding.place, text=finding.text)
        # Only what was stored is passed over: after a crash the same is found again.
        await self._sweep.save()
        self.counters["items"] += step.items
        await self.pause(step.items / self._rate)
