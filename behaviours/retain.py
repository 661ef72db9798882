"""Retention in the background: payloads that a policy says are old enough go, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.duties import LOOK_AT_TURN
from registry.partition_dropping import PartitionRetention
from registry.retention import TOGETHER, Retention, RetentionStep
from registry.retention_rows import Position
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import StoreError
from vedette.evidence.finding import Finding
from vedette.evidence.retention import Fate, RetentionRule

if TYPE_CHECKING:
    from registry.graph_forgetting import GraphForgetting

REST = 3_600.0
"""Seconds between two rounds over everything that is old enough."""

LOOKED_AT = 20
"""Payloads that may be looked at for one that may be deleted: looking is cheap, and changes nothing."""

JUMP = 86_400.0
"""Seconds that the clock may gain over the time that passed: it may be corrected, the machine may have slept."""

_LEFT = (Fate.HELD, Fate.UNPROVED, Fate.QUEUED)


class Retain(SupervisedBehaviour):
    """Deletes what policies say, at a bounded rate; a clock that jumps ahead stops it until the next start."""

    name: ClassVar[str] = "retain"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        retention: Retention,
        rules: Sequence[RetentionRule],
        alarms: Alarms,
        rate: float,
        forgetting: GraphForgetting | None = None,
        mine: Callable[[], bool] = lambda: True,
        partitions: PartitionRetention | None = None,
    ) -> None:
        """Make it.

        Args:
            clock: what tells the time.
            agent_name: whose log lines they are.
            retention: what deletes.
            rules: what says how long payloads are kept.
            alarms: where a clock that jumped is told.
            rate: payloads a second, at most.
            forgetting: takes back what they said in the graph; None: that stays.
            mine: tells whether it is this engine's turn, which it is always where there is no other.
            partitions: drops those whose payloads are all due; None: all payloads go one by one.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._retention = retention
        self._rules = tuple(rules)
        self._alarms = alarms
        self._rate = rate
        self._after: Position | None = None
        self._started = (clock.now(), clock.monotonic())
        self._stopped = False
        self._forgetting = forgetting
        self._left: Counter[Fate] = Counter()
        self._mine = mine
        self._partitions = partitions
        self._spared: Sequence[tuple[int, int]] | None = None

    async def run(self) -> None:
        """Take one step and rest for as long as the rate says; after the last, rest long."""
        if self._stopped or await self._has_jumped():
            await self.pause(REST)
            return
        if not self._mine():
            self._after = self._spared = None
            await self.pause(LOOK_AT_TURN)
            return
        if self._spared is None:
            self._spared = await self._drop_partitions()
        limit = max(1, min(TOGETHER, int(self._rate)))
        step = await self._retention.step(self._rules, limit=limit, after=self._after, spared=self._spared)
        if step is None:
            self._after = self._spared = None
            self.counters["rounds"] += 1
            # What is left is left again in each round, so it is not summed up.
            self.counters.update({fate.value: self._left[fate] - self.counters[fate.value] for fate in _LEFT})
            self._left.clear()
            await self._forget()
            await self.pause(REST)
            return
        self._after = step.after
        self._count(step)
        await self.pause(max(step.deleted / self._rate, step.looked / (LOOKED_AT * self._rate)))

    async def _drop_partitions(self) -> Sequence[tuple[int, int]]:
        """Begin a round with what goes as a whole; return the spans of what will go so soon."""
        if self._partitions is None:
            return ()
        found = await self._partitions.round(self._rules)
        for one in found.dropped:
            self.counters["partitions dropped"] += 1
            self.counters["deleted"] += sum(one.counts.values())
            self.counters["bytes"] += one.size
            self.log.info("partition dropped", partition=one.name, payloads=one.counts)
        for name, reason in found.busy.items():
            self.counters["partitions in use"] += 1
            self.log.warning("partition not dropped; the next round tries again", partition=name, reason=reason)
        return found.waiting

    async def _forget(self) -> None:
        """Delete in the graph the texts of deleted payloads, and what they said where a policy wants it."""
        if self._forgetting is None:
            return
        try:
            self.counters["taken back"] += await self._forgetting.round()
        except StoreError as error:
            self.counters["not taken back"] += 1
            self.log.error("what deleted payloads said is still in the graph", reason=str(error))

    def _count(self, step: RetentionStep) -> None:
        self.counters["deleted"] += step.deleted
        self.counters["bytes"] += step.size if step.deleted else 0
        for (rule, fate), count in sorted(step.fates.items()):
            if fate in _LEFT:
                self._left[fate] += count
            if fate is Fate.DUE:
                self.log.info("payloads deleted", policy=rule, count=count)

    async def _has_jumped(self) -> bool:
        """Tell whether the clock gained time that did not pass: by it, everything would be old enough to go."""
        passed = self.clock.monotonic() - self._started[1]
        gained = (self.clock.now() - self._started[0]) / MICROSECONDS - passed
        if gained <= JUMP:
            return False
        self._stopped = True
        text = f"the clock gained {gained:.0f} s that did not pass; set it right, then start the engine again"
        self.log.error("retention stopped", reason=text)
        await self._alarms.report([Finding(kind="clock", place="retention", text=text)])
        return True
