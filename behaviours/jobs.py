"""Doing runs of one-shot jobs: take one, check that it is allowed here, run it, tell its output, deliver its item."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from behaviours.job_questions import JobQuestions
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox
from registry.spool import Spool
from vedette.clock import Clock
from vedette.errors import RefusedError, VedetteError
from vedette.jobs.lines import MAX_LINES, Lines
from vedette.jobs.request import Work, check_work
from vedette.jobs.scope import ScopeJudge, ScopePolicy
from vedette.messages.jobs import MAX_LINES_TOLD, Assignment, Beat, Done, Outcome, RunReport, Take
from vedette.messages.state import Cell, Panel
from vedette.tools.catalogue import Catalogue
from vedette.tools.check import Check, Observation

ANSWER_WITHIN = 5.0
"""Seconds for an answer that needs no waiting."""

BEAT_EVERY = 0.4
"""Seconds between signs of life: a cancelled run ends within about this and `process.GRACE`."""

WAIT = 10
"""Seconds that the registry keeps our question."""

TOLD_FOR = 600.0
"""Seconds that the end of a run is told again while nobody answers; then its lease is over anyway."""

DRAIN_WITHIN = 10.0
"""Seconds that what an earlier life left in the outbox may take before new work is taken."""

SHOWN = 64 * 1024
"""Bytes of a built-in tool's result that are told as output."""

RUNS_SHOWN = 20
"""Runs kept for the agent's page."""


class _Live:
    """The output of a run while it comes, as lines with one numbering; each is told until it is answered."""

    def __init__(self) -> None:
        # Half of what the registry keeps for each, so that neither can crowd the other out.
        self._streams = {number: Lines(most=MAX_LINES // 2) for number in (1, 2)}
        self._told: list[str] = []
        self._first = 0

    def hear(self, number: int, data: bytes) -> None:
        """Take a piece of output."""
        self._streams[number].feed(data)

    @property
    def silent(self) -> bool:
        """Whether nothing came so far."""
        return not any(stream.kept or stream.dropped for stream in self._streams.values())

    @property
    def waiting(self) -> int:
        """How many lines are still to be told."""
        return len(self._told) + sum(stream.waiting for stream in self._streams.values())

    def finish(self) -> None:
        """Take what is left as last lines."""
        for stream in self._streams.values():
            stream.finish()

    def report(self, assignment: Assignment) -> RunReport:
        """Return the next sign of life."""
        if not self._told:
            for stream in self._streams.values():
                self._told += stream.take(MAX_LINES_TOLD - len(self._told))
        dropped = sum(stream.dropped for stream in self._streams.values())
        return RunReport(
            run=assignment.run, attempt=assignment.attempt, first=self._first, lines=self._told, dropped=dropped
        )

    def answered(self) -> None:
        """Note that the registry has what was told."""
        self._first += len(self._told)
        self._told = []


@dataclass(frozen=True, kw_only=True)
class _Ended:
    outcome: Outcome
    exit_code: int | None = None
    reason: str = ""


class _StoppedError(Exception):
    """The registry wants the run to be stopped."""


class WorkJobs(SupervisedBehaviour):
    """Does one run after the other, each recorded once."""

    name: ClassVar[str] = "do jobs"

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        questions: JobQuestions,
        outbox: Outbox,
        spool: Spool | None,
        scope: ScopePolicy,
        launcher: str,
        place: str,
        idle: float | None,
        committed: Callable[[], None],
        busy: Callable[[str], None],
        catalogue: Catalogue | None = None,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent.split("@", maxsplit=1)[0])
        self._agent = agent
        self._life = secrets.token_hex(8)
        self._questions = questions
        self._outbox = outbox
        self._spool = spool
        self._scope = scope
        self._launcher = launcher
        self._place = place
        self._idle = idle
        self._wait = WAIT if idle is None else max(1, min(WAIT, int(idle)))
        self._on_commit = committed
        self._on_busy = busy
        self._catalogue = catalogue or Catalogue()
        self._drained = False
        self._records: deque[tuple[int, Assignment, _Ended]] = deque(maxlen=RUNS_SHOWN)
        self._idle_since = clock.monotonic()
        self.finished = asyncio.Event()
        """Set when there was no work for `idle` seconds; none is taken any more then."""

    async def run(self) -> None:
        """Take a run and do it."""
        if self.finished.is_set():
            await self.pause(3600)
            return
        if not self._drained:
            await self._drain()
        take = Take(agent=self._agent, life=self._life, launcher=self._launcher, place=self._place, wait=self._wait)
        self._doing = "waiting"
        answer = await self._questions.ask(take, time_limit=self._wait + ANSWER_WITHIN)
        self._doing = "running"
        if answer is None:
            self.counters["unanswered"] += 1
            await self.pause(self.backoff.next())
            return
        for assignment in answer.assignments:
            try:
                await self._do(assignment, answer.policy)
            finally:
                self._idle_since = self.clock.monotonic()
                self._on_busy("")
        # Only here, where no question is open: nothing can be handed to us any more.
        if self._idle is not None and self.clock.monotonic() - self._idle_since >= self._idle:
            self.finished.set()

    async def _drain(self) -> None:
        """Let what an earlier life committed arrive: its runs are done then, and not handed out again."""
        until = self.clock.monotonic() + DRAIN_WITHIN
        while (await self._outbox.status()).items and self.clock.monotonic() < until:
            await self.pause(0.05)
        self._drained = True

    # One run -------------------------------------------------------------------------

    async def _do(self, assignment: Assignment, policy: ScopePolicy | None) -> None:
        self._on_busy(f"{assignment.tool} {assignment.target}"[:200])
        live = _Live()
        try:
            ended = await self._attempt(assignment, policy, live)
        except asyncio.CancelledError:
            # The agent is being stopped: somebody else can go on with it at once.
            with contextlib.suppress(RefusedError, TimeoutError):
                stopped = _Ended(outcome="cancelled", reason="its agent was stopped")
                await asyncio.wait_for(self._tell_end(assignment, stopped, live=live, seconds=1.0), 1.5)
            raise
        self.counters[ended.outcome] += 1
        self._records.appendleft((self.clock.now(), assignment, ended))
        if ended.outcome in ("failed", "refused"):
            self.log.warning("run not done", run=assignment.run, target=assignment.target, reason=ended.reason)
        await self._tell_end(assignment, ended, live=live, seconds=TOLD_FOR)

    async def _attempt(self, assignment: Assignment, policy: ScopePolicy | None, live: _Live) -> _Ended:
        try:
            check = await self._allowed(assignment, policy)
            seen = await self._watched(check, assignment, live)
            item = await self._commit(assignment, seen)
        except _StoppedError:
            return _Ended(outcome="cancelled", reason="the job was cancelled")
        except RefusedError as error:
            return _Ended(outcome="refused", reason=str(error)[:1000])
        except VedetteError as error:
            return _Ended(outcome="failed", reason=str(error)[:1000])
        return _Ended(outcome="done", exit_code=item["meta"].get("exit_code"))

    async def _allowed(self, assignment: Assignment, policy: ScopePolicy | None) -> Check:
        """Return the check, once both the fleet's policy and our own allow it.

        Raises:
            RefusedError: one of them does not, or the fleet's is missing.
        """
        if policy is None:
            raise RefusedError("policy", "came with no run: nothing is run without the fleet's policy")
        words = tuple(assignment.words)
        work = Work(tool=assignment.tool, words=words, target=assignment.target, time_limit=assignment.time_limit)
        for one in (self._scope, policy):
            await check_work(work, judge=ScopeJudge.here(one), catalogue=self._catalogue)
        return work.check(agent=self._agent, clock=self.clock, catalogue=self._catalogue)

    async def _watched(self, check: Check, assignment: Assignment, live: _Live) -> Observation:
        """Run the check and tell its output while it comes.

        Raises:
            _StoppedError: the registry wants it stopped; nothing of it runs any more.
        """
        folder = None if self._spool is None else self._spool.folder
        running = asyncio.create_task(check.observe(folder=folder, heard=live.hear), name=f"run {assignment.run}")
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=BEAT_EVERY)
                if not running.done():
                    await self._beat(assignment, live)
            seen = running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        live.finish()
        if live.silent:
            _show(seen.item, live)
        await self._tell_rest(assignment, live)
        return seen

    async def _tell_rest(self, assignment: Assignment, live: _Live) -> None:
        """Tell all output but what fits into the word of the run's end."""
        until = self.clock.monotonic() + ANSWER_WITHIN
        while live.waiting > MAX_LINES_TOLD and self.clock.monotonic() < until:
            await self._beat(assignment, live)

    async def _beat(self, assignment: Assignment, live: _Live) -> None:
        """Give a sign of life; an answer that does not come changes nothing.

        Raises:
            _StoppedError: the registry wants the run stopped.
        """
        beat = Beat(agent=self._agent, life=self._life, reports=[live.report(assignment)])
        try:
            answer = await self._questions.ask(beat, time_limit=2.0)
        except RefusedError as error:
            self.warn_once("sign of life refused", str(error), reason=str(error))
            return
        if answer is None:
            self.counters["unanswered"] += 1
            return
        if assignment.run in answer.stop:
            raise _StoppedError
        live.answered()

    async def _commit(self, assignment: Assignment, seen: Observation) -> dict[str, Any]:
        seen.item["meta"] |= {"uuid": assignment.run, "job": assignment.job}
        if self._spool is None:
            (stored,) = await self._outbox.add([seen.item])
        else:
            stored = await self._spool.add(seen.item, seen.document)
        self._on_commit()
        return stored

    async def _tell_end(self, assignment: Assignment, ended: _Ended, *, live: _Live, seconds: float) -> None:
        """Tell the registry, with the last lines, until it answers."""
        done = Done(
            agent=self._agent,
            life=self._life,
            run=assignment.run,
            outcome=ended.outcome,
            exit_code=ended.exit_code,
            reason=ended.reason,
            report=live.report(assignment),
        )
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            answer = await self._questions.ask(done, time_limit=min(ANSWER_WITHIN, seconds))
            if answer is not None:
                self.counters["not ours any more"] += not answer.settled
                return
            await self.pause(0.2)

    def panel(self) -> Panel:
        """Return the last runs as a table."""
        return Panel(
            title="Last runs",
            columns=["When", "Item", "Tool", "Target", "Outcome"],
            rows=[
                [
                    Cell(text=str(at), kind="time"),
                    Cell(text=assignment.run, kind="code"),
                    Cell(text=assignment.tool),
                    Cell(text=assignment.target[:200]),
                    Cell(
                        text=f"{ended.outcome} {ended.reason}"[:300],
                        kind="good" if ended.outcome == "done" else "bad",
                    ),
                ]
                for at, assignment, ended in self._records
            ],
            empty="No run yet.",
        )


def _show(item: dict[str, Any], live: _Live) -> None:
    """Tell the result of a tool that puts nothing out while it runs."""
    raw = item["payload"].get("raw")
    data = b"" if raw is None else base64.b64decode(raw)
    with contextlib.suppress(orjson.JSONDecodeError):
        data = orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2)
    live.hear(1, data[:SHOWN])
    live.finish()
