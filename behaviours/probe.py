"""Running a probe's check, once or at a period, and committing each result to the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox, OutboxFullError
from registry.pauses import Pause, Pauses
from registry.spool import Spool
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import RefusedError
from vedette.messages.control import CheckAction
from vedette.messages.state import Cell, CheckState, Panel
from vedette.scheduling.interval import every
from vedette.sealing.envelope import MARK
from vedette.tools.check import Check
from vedette.tools.schedule import Planned, Schedule

RUNS_AHEAD = 5
"""Next runs that are shown."""

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
    sealed: bool = False
    """Whether its item travels sealed: then the agent's page, which travels too, does not say what came out."""


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
        pauses: Pauses | None = None,
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
        self._pauses = pauses or Pauses()
        self._paused: Pause | None = None
        self._planned: Planned | None = None
        self._wake = asyncio.Event()
        self._asked = self._resumed = self._observing = False
        self.done = asyncio.Event()
        """Set after the only run of a check without period."""

    async def run(self) -> None:
        """Wait until the check is due, run it, commit the result."""
        if await self._is_due():
            await self._run_check()
            self.done.set()
            self._forget_what_passed()

    async def _is_due(self) -> bool:
        """Wait until there is something to run; False where somebody changed that meanwhile."""
        if self._asked:
            self._asked = False
            self.counters["run on request"] += 1
            return True
        if self._paused is not None or (self._schedule is None and self.done.is_set()):
            await self._rest(3600)
            return False
        if self._schedule is None:
            return True
        if self._planned is None:
            self._planned = self._plan(self._schedule)
        if await self._rest(max(0.0, self._planned.at - self.clock.monotonic())):
            return False
        self._planned = None
        return True

    def _forget_what_passed(self) -> None:
        """Drop the plan where its time came during a run on request: two runs never overlap."""
        if self._planned is not None and self._planned.at <= self.clock.monotonic():
            self._planned = None
            self.counters["missed"] += 1

    async def _rest(self, seconds: float) -> bool:
        """Wait; tells whether somebody woke us before the end."""
        self._doing = "waiting" if self._paused is None else "paused"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._doing = "running"
        woken = self._wake.is_set()
        self._wake.clear()
        return woken

    def _plan(self, schedule: Schedule) -> Planned:
        due = schedule.plan(self.clock.monotonic())
        if due.missed is not None and not self._resumed:
            self.counters["missed"] += due.missed.count
            self.log.warning("runs missed: the one before took too long", missed=due.missed.count)
        self._resumed = False
        return due

    # Orders --------------------------------------------------------------------------

    async def order(self, check: str, action: CheckAction, *, by: str) -> str:
        """Pause, resume or run the check; returns what a person must know about it, empty: nothing.

        Raises:
            RefusedError: it is another check, or paused already, or not paused.
            StoreError: a pause cannot be kept.
        """
        if check != self._check.identity:
            raise RefusedError("check", f"{check[:64]} is none of this agent's")
        if action == "run":
            self._asked = True
        elif (action == "pause") == (self._paused is not None):
            raise RefusedError("action", "it is paused already" if self._paused else "it is not paused")
        else:
            pause = Pause(at=self.clock.now(), by=by) if action == "pause" else None
            await asyncio.to_thread(self._pauses.write, {} if pause is None else {check: pause})
            self._paused = pause
            if pause is None and self._planned is not None and self._planned.at <= self.clock.monotonic():
                # What was due while it was paused is neither run nor missed.
                self._planned, self._resumed = None, True
            self._on_busy("" if pause is None else _why(pause))
        self._wake.set()
        return "" if action != "pause" or self._pauses.is_kept else "it is forgotten when the agent is started again"

    def state_of_check(self) -> CheckState:
        """Return the check as pages show it."""
        last = self._records[0] if self._records else None
        return CheckState(
            name=self._check.identity,
            title=self._check.title,
            when="Once" if self._schedule is None else every(self._schedule.period),
            state=self._state_of_check(),
            last_at=None if last is None else last.at,
            last_outcome="" if last is None else _outcome(last),
            next_runs=self._next_runs(),
            paused_at=None if self._paused is None else self._paused.at,
            paused_by="" if self._paused is None else self._paused.by,
            kept=self._pauses.is_kept,
        )

    def _state_of_check(self) -> Literal["scheduled", "running", "paused", "finished"]:
        if self._observing:
            return "running"
        if self._paused is not None:
            return "paused"
        return "finished" if self._schedule is None and self.done.is_set() else "scheduled"

    def _next_runs(self) -> list[int]:
        if self._schedule is None or self._planned is None or self._paused is not None:
            return []
        now, ticks = self.clock.now(), self.clock.monotonic()
        times = self._schedule.following(self._planned, count=RUNS_AHEAD)
        return [now + int((at - ticks) * MICROSECONDS) for at in times]

    async def _run_check(self) -> None:
        if (await self._outbox.status()).items >= self._limit_items:
            self._skip("outbox full: nothing is confirmed")
            return
        self._observing = True
        try:
            stored = await self._observe()
        except OutboxFullError as error:
            self._skip(str(error))
            return
        finally:
            self._observing = False
        self._on_busy("" if self._paused is None else _why(self._paused))
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
        sealed = bool(meta.get(MARK))
        if meta.get("verdict") and not sealed:
            self.counters[meta["verdict"]] += 1
        self._records.appendleft(
            RunRecord(
                at=meta["collected_at"],
                uuid=meta["uuid"],
                exit_code=meta.get("exit_code"),
                verdict=meta.get("verdict") or "",
                size=meta.get("size") or len(item["payload"]["raw"]) * 3 // 4,
                sealed=sealed,
            )
        )

    def load_pause(self) -> None:
        """Stay paused after a restart; called before the start.

        Raises:
            StoreError: what was kept cannot be read.
        """
        self._paused = self._pauses.read().get(self._check.identity)
        if self._paused is not None:
            self._on_busy(_why(self._paused))

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


def _why(pause: Pause) -> str:
    return f"paused by {pause.by}"


def _outcome(record: RunRecord) -> str:
    return "sealed" if record.sealed else record.verdict or f"exit code {record.exit_code}"


def _row(record: RunRecord) -> list[Cell]:
    if record.sealed:
        told = [Cell(text=""), Cell(text="sealed"), Cell(text="")]
        return [Cell(text=str(record.at), kind="time"), Cell(text=record.uuid, kind="code"), *told]
    verdict_kind = {"as expected": "good", "deviates": "bad", "": "text"}.get(record.verdict, "warn")
    failed = record.exit_code not in (0, None)
    return [
        Cell(text=str(record.at), kind="time"),
        Cell(text=record.uuid or "none", kind="code"),
        Cell(text="" if record.exit_code is None else str(record.exit_code), kind="bad" if failed else "text"),
        Cell.model_validate({"text": record.verdict or "no expectation", "kind": verdict_kind}),
        Cell(text=str(record.size), kind="bytes"),
    ]
