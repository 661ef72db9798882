"""Publishing the root of each batch as a signed checkpoint, so that outsiders notice a rewritten history."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.checkpoint_folder import CheckpointFolder
from registry.roots import BatchRoot, LogRoots, Roots
from vedette.clock import Clock
from vedette.evidence.checkpoint import Checkpoint, origin_of
from vedette.evidence.finding import Finding
from vedette.evidence.sweep_checks import LogPlace
from vedette.signing import SigningKey

LOOK_EVERY = 5.0
"""Seconds between looks while nobody tells of a batch."""

PAGE = 200
"""Batches that are published together."""


class PublishCheckpoints(SupervisedBehaviour):
    """Writes what is not in the folder yet; after a stop it goes on where the folder ends."""

    name: ClassVar[str] = "publish checkpoints"

    def __init__(
        self,
        *,
        clock: Clock,
        engine: str,
        roots: Roots,
        folder: CheckpointFolder,
        alarms: Alarms,
        key: SigningKey,
    ) -> None:
        super().__init__(clock=clock, agent_name=engine.split("@", maxsplit=1)[0])
        self._engine = engine
        self._roots = roots
        self._folder = folder
        self._alarms = alarms
        self._key = key
        self._stir = asyncio.Event()
        self._published: dict[str, int] = {}
        self._denied: set[str] = set()

    def wake(self) -> None:
        """Say that a batch was closed."""
        self._stir.set()

    async def run(self) -> None:
        """Publish what is new, then wait for more."""
        self._stir.clear()
        busy = False
        for log in await self._roots.logs():
            if log.epoch not in self._denied:
                busy = await self._publish(log) or busy
        if not busy:
            self._doing = "waiting"
            try:
                await asyncio.wait_for(self._stir.wait(), LOOK_EVERY)
            except TimeoutError:
                return

    async def _publish(self, log: LogRoots) -> bool:
        """Publish one page; return whether there was anything."""
        if log.epoch not in self._published and not await self._resume(log):
            return False
        batches = await self._roots.after(log, size=self._published[log.epoch], limit=PAGE)
        if not batches:
            return False
        notes = [(batch.size, self._checkpoint(log, batch).seal(self._key)) for batch in batches]
        await asyncio.to_thread(self._folder.publish, notes, engine=self._engine, epoch=log.epoch)
        self._published[log.epoch] = batches[-1].size
        self.counters["published"] += len(notes)
        return True

    async def _resume(self, log: LogRoots) -> bool:
        """Find out where the folder ends; False where the store denies what is published, which is an alarm."""
        latest = await asyncio.to_thread(self._folder.latest, engine=self._engine, epoch=log.epoch)
        if latest is None:
            self._published[log.epoch] = 0
            return True
        stored = await self._roots.at(log, size=latest.size)
        if stored is not None and self._checkpoint(log, stored) == latest:
            self._published[log.epoch] = latest.size
            return True
        self._denied.add(log.epoch)
        text = (
            f"the published checkpoint of size {latest.size} is not what the store holds; nothing more is published"
        )
        place = LogPlace(engine=self._engine, epoch=log.epoch).item(latest.size - 1)
        for finding in await self._alarms.report([Finding(kind="checkpoint", place=place, text=text)]):
            self.counters["alarms"] += 1
            self.log.error("a checkpoint denies the store", place=finding.place, text=finding.text)
        return False

    def _checkpoint(self, log: LogRoots, batch: BatchRoot) -> Checkpoint:
        return Checkpoint(origin=origin_of(engine=self._engine, epoch=log.epoch), size=batch.size, root=batch.root)
