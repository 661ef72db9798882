"""Running a probe's check, once or at a period, and committing each result to the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox, OutboxFullError
from registry.spool import Spool
from vedette.clock import Clock
from vedette.messages.state import Cell, Panel
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

RUNS_SHOWN = 20
"""Runs kept for the agent's page."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, as the agent's page shows it."""

    at: int
    """Microseconds since 1970."""
    uuid: str
    """The item that it became; empty for a run that was skipped."""
    exit_code: int | None
    """The command's exit code."""
    verdict: str
    """Verdict, or why it was skipped."""
    size: int
    """Bytes of its payload."""


class RunCheck(SupervisedBehaviour):
    """Runs the check when it is due; a failing command is an item too, never silence."""

    name: ClassVar[str] = "run check"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        check: Check,
        schedule: Schedule | None,
        outbox: Outbox,
        spool: Spool | None,
        limit_items: int,
        committed: Callable[[], None],
        busy: Callable[[str], None],
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._check = check
        self._schedule = schedule
        self._outbox = outbox
        self._spool = spool
        self._limit_items = limit_items
        self._on_commit = committed
        self._on_busy = busy
        self._records: deque[RunRecord] = deque(maxlen=RUNS_SHOWN)
        self.done = asyncio.Event()
        """Set after the only run of a check without period."""

    async def run(self) -> None:
        """Wait until the check is due, run it, commit the result."""
        if self._schedule is not None:
            await self._wait_until_due(self._schedule)
        elif self.done.is_set():
            await self.pause(3600)
            return
        await self._run_check()
        self.done.set()

    async def _wait_until_due(self, schedule: Schedule) -> None:
        due = schedule.plan(self.clock.monotonic())
        if due.missed is not None:
            self.counters["missed"] += due.missed.count
            self.log.warning("runs missed: the one before took too long", missed=due.missed.count)
        await self.pause(max(0.0, due.at - self.clock.monotonic()))

    async def _run_check(self) -> None:
        if (await self._outbox.status()).items >= self._limit_items:
            self._skip("outbox full: nothing is confirmed")
            return
        try:
            stored = await self._observe()
        except OutboxFullError as error:
            self._skip(str(error))
            return
        self._on_busy("")
        self._note(stored)
        self._on_commit()

    async def _observe(self) -> dict[str, Any]:
        """Run the check and commit what it saw; without a spool, what is too large for an item is cut."""
        if self._spool is None:
            (stored,) = await self._outbox.add([await self._check.run()])
            return stored
        seen = await self._check.observe(folder=self._spool.folder)
        return await self._spool.add(seen.item, seen.document)

    def _skip(self, reason: str) -> None:
        self.counters["skipped"] += 1
        self._on_busy(reason)
        self.log.warning("run skipped", reason=reason)
        self._records.appendleft(
            RunRecord(at=self.clock.now(), uuid="", exit_code=None, verdict=f"skipped: {reason}", size=0)
        )

    def _note(self, item: dict[str, Any]) -> None:
        meta = item["meta"]
        self.counters["runs"] += 1
        if meta.get("verdict"):
            self.counters[meta["verdict"]] += 1
        self._records.appendleft(
            RunRecord(
                at=meta["collected_at"],
                uuid=meta["uuid"],
                exit_code=meta.get("exit_code"),
                verdict=meta.get("verdict") or "",
                size=meta.get("size") or len(item["payload"]["raw"]) * 3 // 4,
            )
        )

    @property
    def last_uuid(self) -> str:
        """Uuid of the last run's item, empty when it was skipped or there was none."""
        return self._records[0].uuid if self._records else ""

    @property
    def last_verdict(self) -> str:
        """Verdict of the last run, empty when nothing is expected."""
        return self._records[0].verdict if self._records else ""

    def panel(self) -> Panel:
        """Return the last runs as a table."""
        return Panel(
            title="Last runs",
            columns=["When", "Item", "Exit code", "Verdict", "Size"],
            rows=[_row(record) for record in self._records],
            empty="No run yet; the first one starts when it is due.",
        )


def _row(record: RunRecord) -> list[Cell]:
    verdict_kind = {"as expected": "good", "deviates": "bad", "": "text"}.get(record.verdict, "warn")
    failed = record.exit_code not in (0, None)
    return [
        Cell(text=str(record.at), kind="time"),
        Cell(text=record.uuid or "none", kind="code"),
        Cell(text="" if record.exit_code is None else str(record.exit_code), kind="bad" if failed else "text"),
        Cell.model_validate({"text": record.verdict or "no expectation", "kind": verdict_kind}),
        Cell(text=str(record.size), kind="bytes"),
    ]
