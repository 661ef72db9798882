"""Schedules in the hub: requests the jobs that are due, once a second."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.schedule_desk import ScheduleDesk
from vedette.clock import Clock
from vedette.messages.state import Cell, Panel

LOOK_EVERY = 1.0
"""Seconds between two looks for what is due."""

REPLAN_EVERY = 60.0
"""Seconds between two looks whether the clock was put back."""


class RunSchedules(SupervisedBehaviour):
    """Requests scheduled jobs when they are due; what failed is due still, and tried again."""

    name: ClassVar[str] = "run schedules"

    def __init__(self, *, clock: Clock, agent_name: str, desk: ScheduleDesk) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._desk = desk
        self._replan_at = clock.monotonic()

    async def run(self) -> None:
        """Do what is due, and wait a second."""
        if self.clock.monotonic() >= self._replan_at:
            replanned = await self._desk.replan()
            self._replan_at = self.clock.monotonic() + REPLAN_EVERY
            if replanned:
                self.counters["planned anew"] += replanned
                self.log.warning("the clock was put back: schedules are planned anew", schedules=replanned)
        became = await self._desk.run_due()
        self.counters.update(became)
        if not became:
            await self.pause(LOOK_EVERY)

    def panel(self) -> Panel:
        """Return what became of what was due, as a table."""
        names = ("entered", "missed", "skipped", "refused", "waiting")
        rows = [[Cell(text=name), Cell(text=str(self.counters[name]), kind="count")] for name in names]
        return Panel(title="Schedules", columns=["What", "Count"], rows=rows)
