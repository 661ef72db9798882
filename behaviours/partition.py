"""Partitions of the payloads, made ahead of what comes; with PostgreSQL only."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.partitions import Partitions
from vedette.clock import Clock
from vedette.errors import StoreError

LOOK_EVERY = 3_600.0
"""Seconds between looks: they are made a week ahead."""


class Partition(SupervisedBehaviour):
    """Sees to it that the next payloads have a partition; each engine does, and only one at a time."""

    name: ClassVar[str] = "partition"

    def __init__(self, *, clock: Clock, agent_name: str, partitions: Partitions, days: int) -> None:
        """Make it.

        Args:
            clock: what tells the time.
            agent_name: whose log lines they are.
            partitions: the store's.
            days: how many a new one is for.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._partitions = partitions
        self._days = days

    async def run(self) -> None:
        """Make what is missing, then wait."""
        try:
            for one in await self._partitions.make_ahead(days=self._days):
                self.counters["made"] += 1
                self.log.info("partition made", partition=one.name)
        except StoreError as error:
            # Until it is made, payloads go into the partition for the rest, from which it takes them.
            self.counters["not made"] += 1
            self.log.warning("partition not made; it is tried again", reason=str(error))
        await self.pause(LOOK_EVERY)
