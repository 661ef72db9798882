"""Collecting sources when they are due: several at a time, each alone, and what they bring is in the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import ClassVar

from behaviours.source_states import SHOWN, Collected, source_state, sources_panel
from behaviours.supervised import SupervisedBehaviour
from registry.source_outbox import SourceOutbox
from vedette.canonical import canonical_json, parse_json
from vedette.clock import MICROSECONDS, Clock
from vedette.collection.desk import Desk, Mode
from vedette.collection.interface import Collector
from vedette.collection.memory import Changes
from vedette.collection.report import Report
from vedette.collection.rounds import Remembered, Round, Rounds, is_due
from vedette.collection.sections import Section
from vedette.errors import RefusedError, VedetteError
from vedette.messages.control import CheckAction
from vedette.messages.state import CheckState, Panel

AT_ONCE = 16
"""Sources that are collected at a time."""

LONGEST_NAP = 30.0
"""Seconds after which the clock is looked at again: it may have been set."""

AGAIN = 10.0
"""Seconds after which a source that is collected all the time is begun again where its run ended."""

_FULL = 5.0
_ROUND = "round"


class CollectSources(SupervisedBehaviour):
    """Collects the sources of a section by their timetables."""

    name: ClassVar[str] = "collect"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        section: Section,
        collectors: Mapping[str, Collector],
        make_desk: Callable[[Round, Mode], Desk],
        outbox: SourceOutbox,
        limit_items: int,
        once: Mode | None,
        committed: Callable[[], None],
        busy: Callable[[str], None],
    ) -> None:
        """Describe the work.

        Args:
            clock: tells the time.
            agent_name: for the log.
            section: what is collected.
            collectors: by the sources' identities.
            make_desk: makes what a run works with.
            outbox: where items and state go.
            limit_items: items that may wait; with more, nothing is begun.
            once: collect each source once, in this way, and no more; None: by the timetables.
            committed: called when there may be something to deliver.
            busy: called with why nothing is begun; empty: it is again.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._section = section
        self._collectors = collectors
        self._make_desk = make_desk
        self._outbox = outbox
        self._limit_items = limit_items
        self._once = once
        self._on_commit = committed
        self._on_busy = busy
        self._running: dict[str, asyncio.Task[None]] = {}
        lasting = (one.identity for one in section.sources if collectors[one.identity].lasts(one))
        self._lasting = frozenset(lasting if once is None else ())
        # Found due, not begun yet: to look through thousands of sources for each one costs more than to collect it.
        self._due: deque[Round] = deque()
        self._woken = asyncio.Event()
        self._rounds: Rounds | None = None
        self._last_look = 0
        self.collected: dict[str, Collected] = {}
        """The last run of each source, by its identity."""
        self.done = asyncio.Event()
        """Set when each source was collected once, where that was all."""

    # The work ------------------------------------------------------------------------

    async def run(self) -> None:
        """Begin what is due, and wait for what comes next."""
        self._woken.clear()
        rounds = await self._planned()
        now = self.clock.now()
        if now < self._last_look:
            rounds.put_back(now)
        self._last_look = now
        wait = await self._begin_due(rounds, now)
        if self._once is not None and not self._running and not rounds.due(now):
            self.done.set()
        self._doing = "waiting"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()

    async def _begin_due(self, rounds: Rounds, now: int) -> float:
        """Begin what is due as far as there is room; return the seconds to wait then."""
        if not self._due:
            self._due.extend(one for one in rounds.due(now) if not self.lasts(one))
        # What goes on all the time takes nobody's turn.
        lasting = [one for one in map(rounds.all.get, self._lasting) if one is not None and is_due(one, now)]
        if (lasting or self._due) and (await self._outbox.status()).items >= self._limit_items:
            self.counters["held back"] += 1
            self._on_busy("outbox full: nothing is confirmed")
            return _FULL
        self._on_busy("")
        for one in lasting:
            self._begin(rounds, one)
        while self._due and self._taken < AT_ONCE:
            one = self._due.popleft()
            # It may have been paused since, or the clock set.
            if is_due(one, now):
                self._begin(rounds, one)
        if self._taken >= AT_ONCE:
            return LONGEST_NAP
        upcoming = rounds.next_due()
        if upcoming is None:
            return LONGEST_NAP
        return min(LONGEST_NAP, max(0.0, (upcoming - now) / MICROSECONDS))

    def _begin(self, rounds: Rounds, one: Round) -> None:
        mode = rounds.begin(one)
        identity = one.source.identity
        self._running[identity] = asyncio.create_task(self._collect(rounds, one, mode), name=f"collect {identity}")

    @property
    def _taken(self) -> int:
        return len(self._running.keys() - self._lasting)

    async def _collect(self, rounds: Rounds, one: Round, mode: Mode) -> None:
        """Collect one source; whatever goes wrong ends this run alone."""
        source = one.source
        began = self.clock.now()
        desk = self._make_desk(one, mode)
        if desk.lasting:
            self.collected[source.identity] = Collected(began=began, ended=began, report=desk.report)
        try:
            await self._collectors[source.identity].collect(desk)
        except VedetteError as error:
            self._note_failure(desk, str(error))
        except Exception as error:
            # The boundary to other people's collectors.
            self._note_failure(desk, f"{type(error).__name__}: {error}")
            self.log.error("collector failed", source=source.source_name, exc_info=error)
        finally:
            one.running = False
            self._running.pop(source.identity, None)
            self._woken.set()
        ended = self.clock.now()
        rounds.end(one, now=ended)
        self.collected[source.identity] = Collected(began=began, ended=ended, report=desk.report)
        self._count(desk.report)
        if self.lasts(one) and one.paused_at is None:
            rounds.run_now(one, now=ended + int(AGAIN * MICROSECONDS))
        if desk.report.counts["items"]:
            self._on_commit()
        if self._once is None:
            await self._remember(one)

    def _note_failure(self, desk: Desk, reason: str) -> None:
        desk.report.fail(reason)
        desk.report.complete = False
        self.log.warning("run ended early", source=desk.source.source_name, reason=reason)

    def _count(self, report: Report) -> None:
        self.counters["runs"] += 1
        for name in ("items", "unchanged", "refused", "errors"):
            self.counters[name] += report.counts[name]

    async def _planned(self) -> Rounds:
        """Return the plan, made when it is first asked for: then the outbox is open."""
        if self._rounds is None:
            now = self.clock.now()
            remembered = {
                source.identity: await self._remembered(source.identity) for source in self._section.sources
            }
            self._rounds = Rounds(self._section.sources, now=now, remembered=remembered)
            if self._once is not None:
                for one in self._rounds.all.values():
                    one.timetable, one.planned = None, None
                    self._rounds.run_now(one, now=now, mode=self._once)
            for one in self._rounds.all.values():
                if self.lasts(one) and one.paused_at is None:
                    self._rounds.run_now(one, now=now)
        return self._rounds

    def lasts(self, one: Round) -> bool:
        """Tell whether a source is collected all the time."""
        return one.source.identity in self._lasting

    async def _remembered(self, identity: str) -> Remembered:
        text = await self._outbox.mark(identity, _ROUND)
        try:
            value = parse_json(text) if text else {}
        except RefusedError:
            value = {}
        if not isinstance(value, dict):
            return Remembered()
        planned, paused_at = value.get("planned"), value.get("paused_at")
        return Remembered(
            planned=planned if isinstance(planned, int) else None,
            paused_at=paused_at if isinstance(paused_at, int) else None,
            paused_by=str(value.get("paused_by", "")),
            collected_all=value.get("collected_all") is True,
        )

    async def _remember(self, one: Round) -> None:
        marks = {_ROUND: canonical_json(asdict(one.remembered)).decode()}
        await self._outbox.commit(Changes(source=one.source.identity, marks=marks))

    # What people do ------------------------------------------------------------------

    async def order(self, check: str, action: CheckAction, *, by: str) -> str:
        """Pause, resume or collect a source now; returns what a person must know about it, empty: nothing.

        Raises:
            RefusedError: there is no such source, or it is paused already, or not paused.
            StoreError: it cannot be kept.
        """
        rounds = await self._planned()
        one = rounds.all.get(check)
        if one is None:
            raise RefusedError("check", f"{check[:64]} is none of this agent's")
        now = self.clock.now()
        if action == "run":
            rounds.run_now(one, now=now)
        elif (action == "pause") == (one.paused_at is not None):
            raise RefusedError("action", "it is paused already" if action == "pause" else "it is not paused")
        else:
            if action == "pause":
                rounds.pause(one, now=now, by=by)
                if self.lasts(one) and check in self._running:
                    self._running[check].cancel()
            else:
                rounds.resume(one, now=now)
                if self.lasts(one):
                    rounds.run_now(one, now=now)
            await self._remember(one)
        self._woken.set()
        return "it is being collected, and then once more" if action == "run" and one.running else ""

    # Ending --------------------------------------------------------------------------

    def kill(self, exit_code: object = None) -> None:
        """Stop now, and every run with it: what is committed stays, what is not is collected again."""
        for task in self._running.values():
            task.cancel()
        super().kill(exit_code)

    async def ended(self) -> None:
        """Wait until all runs have ended after `kill`."""
        await super().ended()
        if self._running:
            await asyncio.wait(list(self._running.values()))

    # What is shown -------------------------------------------------------------------

    def panel(self) -> Panel:
        """Return the sources as a table."""
        rounds = self._rounds.all.values() if self._rounds is not None else ()
        return sources_panel([(one, self.collected.get(one.source.identity)) for one in rounds])

    def states(self) -> list[CheckState]:
        """Return the sources as orders reach them."""
        rounds = islice(self._rounds.all.values(), SHOWN) if self._rounds is not None else ()
        now = self.clock.now()
        last = self.collected
        return [source_state(one, last.get(one.source.identity), now=now, lasting=self.lasts(one)) for one in rounds]
