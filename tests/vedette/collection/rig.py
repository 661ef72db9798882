"""A collector's parts, all real: the guarded client, robots.txt, turns, workers and an outbox on disk."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import structlog

from registry.source_outbox import SourceOutbox
from vedette.clock import Clock, SystemClock
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.courtesy import Courtesy
from vedette.collection.desk import Desk, Mode
from vedette.collection.doorman import Doorman
from vedette.collection.interface import CollectorCatalogue
from vedette.collection.isolation import Isolation
from vedette.collection.report import Report
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchLimits
from vedette.fetching.policy import FetchPolicy

POLICY = FetchPolicy(hosts=frozenset({("127.0.0.1", None), ("localhost", None)}))
LIMITS = FetchLimits(max_bytes=2_000_000, seconds=30.0, redirects=3)


def source(uri: str, type: str = "WEB", **keys: Any) -> SourceConfiguration:
    """A source with the keys of Stucco's file, hyphens written as underscores."""
    given = {key.replace("_", "-"): value for key, value in keys.items()}
    return SourceConfiguration.model_validate({"type": type, "source-name": "test", "source-URI": uri} | given)


class Rig:
    """Everything that a run of a source needs."""

    def __init__(
        self,
        folder: Path,
        *,
        isolation: Isolation,
        clock: Clock | None = None,
        limits: FetchLimits = LIMITS,
        limit_items: int = 10_000,
        patience: float = 60.0,
    ) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()
        self.outbox = SourceOutbox(
            folder / "outbox.db", agent="c@localhost", clock=self.clock, limit_items=limit_items, limit_bytes=10**9
        )
        self.fetcher = HttpFetcher(policy=POLICY, limits=limits)
        self.courtesy = Courtesy(clock=self.clock, patience=patience)
        self.doorman = Doorman(clock=self.clock, fetcher=self.fetcher, memory=self.outbox, courtesy=self.courtesy)
        self.isolation = isolation

    async def open(self) -> None:
        await self.outbox.open()

    async def close(self) -> None:
        self.courtesy.close()
        await self.fetcher.aclose()
        await self.outbox.close()

    def desk(self, what: SourceConfiguration, mode: Mode = "new") -> Desk:
        return Desk(
            source=what,
            mode=mode,
            clock=self.clock,
            fetcher=self.fetcher,
            doorman=self.doorman,
            memory=self.outbox,
            isolation=self.isolation,
            folder=self.folder,
            log=structlog.get_logger(),
        )

    async def run(self, what: SourceConfiguration, mode: Mode = "new") -> Report:
        """Run a source once."""
        desk = self.desk(what, mode)
        await CollectorCatalogue().collector(what, place="test").collect(desk)
        return desk.report

    async def items(self) -> list[dict[str, Any]]:
        """What waits in the outbox, whole."""
        from vedette.canonical import parse_json

        await self.outbox.spool.tidy()
        for document in await self.outbox.documents():
            await self.outbox.uploaded(document)
        found = await self.outbox.next_batch(max_items=10_000, max_bytes=10**9)
        return [parse_json(one.data) for one in found]

    async def targets(self) -> list[str]:
        """The targets of the items that wait, in order."""
        return [item["meta"]["target"] for item in await self.items()]


def payload(item: dict[str, Any]) -> bytes:
    return base64.b64decode(item["payload"]["raw"])


def counts(report: Report) -> dict[str, int]:
    """What was counted, zeros apart."""
    return {name: count for name, count in sorted(report.counts.items()) if count}
