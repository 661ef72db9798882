"""Standing in for engines that died, and taking turns at what is done once for a store: under leases."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.duties import Duties
from registry.leases import SECONDS, Leases
from vedette.clock import Clock
from vedette.errors import StoreError

EVERY = SECONDS / 3
"""Seconds between two renewals: two may fail before anybody takes over."""

GRACE = 2 * SECONDS
"""Seconds after the start in which no other engine is stood in for: a fleet's engines start one after the other."""


class StandIn(SupervisedBehaviour):
    """Renews the leases of an engine and takes those that ended."""

    name: ClassVar[str] = "stand in"

    def __init__(
        self, *, clock: Clock, leases: Leases, duties: Duties, every: float = EVERY, grace: float = GRACE
    ) -> None:
        """Describe it; `duties` is told what is held."""
        super().__init__(clock=clock, agent_name=duties.engine.partition("@")[0])
        self._leases = leases
        self._duties = duties
        self._every = every
        self._adopt_at = clock.monotonic() + grace
        self._usurped = False

    async def run(self) -> None:
        """Renew, and say what changed; then wait."""
        await self.renew()
        await self.pause(self._every)

    async def renew(self) -> None:
        """Renew the leases once.

        Raises:
            StoreError: the database failed.
        """
        try:
            held = await self._leases.renew(adopt=self.clock.monotonic() >= self._adopt_at)
        except StoreError:
            self._duties.drop()
            raise
        before = set(self._duties.adopted)
        self._duties.hold(held)
        for engine in self._duties.adopted:
            if engine not in before:
                self.counters["engines adopted"] += 1
                self.log.info("stands in for an engine that is gone", engine=engine)
        for engine in sorted(before - set(self._duties.adopted)):
            self.log.info("no longer stands in for an engine", engine=engine)
        if held.usurped:
            self.counters["usurped"] += 1
            self.warn_once("another process runs under this engine's name; give each a name of its own")
        self._usurped = held.usurped

    async def ended(self) -> None:
        """Wait until the task has ended, and let others take over at once."""
        await super().ended()
        self._duties.drop()
        try:
            await self._leases.give_back()
        except StoreError as error:
            # They end by themselves.
            self.log.warning("leases not given back", reason=str(error))

    def notes(self) -> list[str]:
        """Say for whom this engine stands in, and that its name is taken."""
        notes = [f"Stands in for {engine}: its log is proved and correlated here." for engine in self._duties.adopted]
        return [*notes, "Another process runs under this engine's name."] if self._usurped else notes
