"""A correlation with what feeds it, for tests."""

from __future__ import annotations

import json
from typing import Any

from registry.away_documents import DocumentReader
from registry.correlation import Correlation
from registry.database import Database
from registry.finding_list import FindingList, RecordedFinding
from registry.intake import Intake
from tests.registry.conftest import ENGINE, RECEIVED_AT, Sender
from vedette.clock import MICROSECONDS, ManualClock
from vedette.correlation.policy import CorrelationPolicy
from vedette.messages.item import ReceivedItem

MINUTE = 60 * MICROSECONDS


class Watched:
    """A correlation with what feeds it."""

    def __init__(self, database: Database, intake: Intake, clock: ManualClock) -> None:
        self.database = database
        self.intake = intake
        self.clock = clock
        self.correlation = self.opened()
        self.list = FindingList(database=database)

    def opened(
        self, documents: DocumentReader | None = None, *, policy: CorrelationPolicy | None = None
    ) -> Correlation:
        """Return another correlation over the same store, as after a restart."""
        return Correlation(
            database=self.database,
            engine=ENGINE,
            clock=self.clock,
            policy=policy or CorrelationPolicy(),
            documents=documents,
        )

    async def see(self, sender: Sender, state: str, *, minute: float, **meta: Any) -> ReceivedItem:
        """Commit an item that says in which state a port is."""
        at = RECEIVED_AT + round(minute * MINUTE)
        values = {"target": "www.example.org", "check": "port 22", "collected_at": at} | meta
        item = sender.item(payload=json.dumps({"port 22": state}).encode(), **values)
        await self.intake.commit([sender.deliver(item, received_at=at + MICROSECONDS)])
        return item

    async def findings(self) -> list[RecordedFinding]:
        """Return all findings, oldest first, once nothing waits."""
        while (await self.correlation.advance(limit=7)).places:
            pass
        return await self.list.after(0, limit=1000)
