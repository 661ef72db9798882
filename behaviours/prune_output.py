"""Deleting the output of jobs when it is too old or too much; jobs, runs and items stay."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.job_output import JobOutput
from vedette.clock import MICROSECONDS, Clock

REST = 60.0
"""Seconds between two looks when there is nothing to delete."""

BETWEEN = 0.2
"""Seconds between two deletions: others write, too."""

JUMP = 86_400.0
"""Seconds that the clock may gain over the time that passed: it may be corrected, the machine may have slept."""

_FOR_EVER = 36_500.0


class PruneOutput(SupervisedBehaviour):
    """Deletes the oldest lines, a bounded number at a time; by a clock that jumped ahead it judges no line's age."""

    name: ClassVar[str] = "prune output of jobs"

    def __init__(self, *, clock: Clock, agent_name: str, output: JobOutput, days: float, lines: int) -> None:
        """Keep lines for so many days, and so many of them."""
        super().__init__(clock=clock, agent_name=agent_name)
        self._output = output
        self._days = days
        self._lines = lines
        self._started = (clock.now(), clock.monotonic())

    async def run(self) -> None:
        """Delete some and rest."""
        days = _FOR_EVER if self._has_jumped() else self._days
        deleted = await self._output.prune(days=days, rows=self._lines)
        if not deleted:
            await self.pause(REST)
            return
        self.counters["lines deleted"] += deleted
        self.log.info("output of jobs deleted: it was too old or too much", lines=deleted)
        await self.pause(BETWEEN)

    def _has_jumped(self) -> bool:
        """Tell whether the clock gained time that did not pass: by it, everything would be old enough to go."""
        passed = self.clock.monotonic() - self._started[1]
        gained = (self.clock.now() - self._started[0]) / MICROSECONDS - passed
        if gained <= JUMP:
            return False
        text = f"the clock gained {gained:.0f} s that did not pass; set it right, then start the fleet again"
        self.warn_once("output of jobs is not deleted by its age", reason=text)
        return True
