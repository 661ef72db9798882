"""Where schedules are made and run: what is asked for is checked whole before anything is entered, each time anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.job_desk import JobDesk
from registry.schedule_rows import timetable_of
from registry.schedule_tables import schedule, schedule_run
from registry.schedule_work import (
    REFUSED,
    Due,
    enter_due,
    find_due,
    jittered,
    miss_due,
    note_run_now,
    refuse_due,
)
from registry.schedules import Schedule, Schedules
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest, Plan
from vedette.log import logger
from vedette.messages.item import refusal
from vedette.scheduling.due import Decision, Misfire, decide, earlier
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.request import ScheduleRequest
from vedette.storable import storable

AT_ONCE = 8
"""Schedules whose targets are looked up at once: one with a slow name server holds up few others."""


class StillRunningError(RefusedError):
    """The job before has not ended: a schedule never runs twice at once."""


class ScheduleDesk:
    """Takes requests for schedules, and runs what is due."""

    def __init__(
        self,
        *,
        database: Database,
        desk: JobDesk,
        clock: Clock,
        randomness: Random | None = None,
    ) -> None:
        self._random = randomness or Random()  # noqa: S311 (spreads load, protects nothing)
        self.schedules = Schedules(database=database, clock=clock, randomness=self._random)
        """Where they are."""
        self._database = database
        self._desk = desk
        self._clock = clock
        self._log = logger("schedules")

    async def add(self, request: ScheduleRequest, *, by: Actor) -> Schedule:
        """Make a schedule of a job that could be requested now.

        Raises:
            OutOfScopeError: the tool, an argument or a target is not allowed.
            RefusedError: wrong arguments, targets or timetable, or the name is taken.
            StoreError: the database failed.
        """
        request.checked(now=self._clock.now())
        await self._desk.preview(request.job)
        return await self.schedules.add(request, by=by)

    async def change(self, uuid: str, request: ScheduleRequest, *, by: Actor, seen: int | None = None) -> Schedule:
        """Change a schedule; who changes it answers for it from now on. `seen` is what `Schedules.change` says.

        Raises:
            UnknownScheduleError: there is none.
            OutOfScopeError: the tool, an argument or a target is not allowed.
            RefusedError: wrong arguments, targets or timetable, the name is taken, or it was changed since.
            StoreError: the database failed.
        """
        request.checked(now=self._clock.now())
        await self._desk.preview(request.job)
        return await self.schedules.change(uuid, request, by=by, seen=seen)

    async def run_now(self, uuid: str, *, by: Actor) -> str:
        """Request a schedule's job now, besides its plan, in the name of who asks; returns the job's uuid.

        Raises:
            UnknownScheduleError: there is none.
            StillRunningError: the job before has not ended.
            OutOfScopeError: the tool, an argument or a target is not allowed any more.
            RefusedError: wrong arguments or targets, or too many runs wait already.
            StoreError: the database failed.
        """
        row = await self._row((await self.schedules.get(uuid)).uuid)
        plan, now = await self._plan(row), self._clock.now()

        def work(connection: Connection) -> str:
            entered = note_run_now(connection, row, plan, by=by, now=now)
            if entered is None:
                raise StillRunningError("job", f"{row.last_job} has not ended; cancel it, or wait")
            entry = AuditEntry(who=by.who, action="schedule.run", object=row.uuid, origin=by.origin, detail=row.name)
            record_audit(connection, entry, now=now)
            return entered

        return await self._database.write(work)

    # What is due ---------------------------------------------------------------------

    async def run_due(self) -> Counter[str]:
        """Do what is due once; returns what became of it.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        rows = await self._database.read(lambda connection: find_due(connection, now=now))
        gate, became = asyncio.Semaphore(AT_ONCE), Counter[str]()

        async def one(row: Row[Any]) -> None:
            async with gate:
                became[await self._run(row, now=now)] += 1

        for problem in await asyncio.gather(*(one(row) for row in rows), return_exceptions=True):
            if problem is not None:
                raise problem
        del became[""]
        return became

    async def _run(self, row: Row[Any], *, now: int) -> str:
        try:
            # In a thread: after a clock that jumped, thousands of times that passed are counted one by one.
            due = await asyncio.to_thread(self._decided, row, now=now)
        except TimetableError as error:
            blind = Due(row=row, decision=Decision(run=None, missed=0, next=None), next_due=None)
            return await self._refuse(blind, error)
        if due.decision.run is None:
            return await self._database.write(lambda connection: miss_due(connection, due, now=now))
        try:
            plan = await self._plan(row)
            return await self._database.write(lambda connection: enter_due(connection, due, plan, now=now))
        except RefusedError as error:
            return await self._refuse(due, error)

    async def _refuse(self, due: Due, error: RefusedError) -> str:
        now = self._clock.now()
        outcome = await self._database.write(lambda connection: refuse_due(connection, due, str(error), now=now))
        if outcome == REFUSED:
            self._log.warning("scheduled job not requested", schedule=due.row.name, reason=str(error)[:500])
        return outcome

    def _decided(self, row: Row[Any], *, now: int) -> Due:
        misfire: Misfire = "skip" if row.misfire == "skip" else "run-once"
        decision = decide(
            timetable_of(row._mapping).next_after,
            planned=row.planned_at,
            due=row.due_at,
            now=now,
            misfire=misfire,
            waited=row.waiting,
        )
        following = None if decision.next is None else jittered(decision.next, row.jitter, self._random)
        return Due(row=row, decision=decision, next_due=following)

    async def replan(self) -> int:
        """Plan earlier what the clock, put back, made due earlier; returns how many there were.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        query = select(schedule).where(schedule.c.planned_at > now, schedule.c.due_at.is_not(None))
        # Read first: computing when thousands are due must not keep others from writing.
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        early = await asyncio.to_thread(lambda: [row.id for row in rows if _is_early(row, now=now)])
        if not early:
            return 0

        def work(connection: Connection) -> int:
            again = connection.execute(query.where(schedule.c.id.in_(early))).all()
            return sum(self._replan(connection, row, now=now) for row in again if _is_early(row, now=now))

        return await self._database.write(work)

    def _replan(self, connection: Connection, row: Row[Any], *, now: int) -> bool:
        next_after = timetable_of(row._mapping).next_after
        known = select(schedule_run.c.planned_at).where(schedule_run.c.schedule_id == row.id)
        done = frozenset(connection.execute(known).scalars())
        planned = earlier(next_after, planned=row.planned_at, now=now, done=done)
        if planned is None:
            return False
        values = {"planned_at": planned, "due_at": jittered(planned, row.jitter, self._random)}
        connection.execute(update(schedule).where(schedule.c.id == row.id).values(values))
        return True

    # Together ------------------------------------------------------------------------

    async def _row(self, uuid: str) -> Row[Any]:
        query = select(schedule).where(schedule.c.uuid == storable(uuid))
        work: Callable[[Connection], Row[Any]] = lambda connection: connection.execute(query).one()  # noqa: E731
        return await self._database.read(work)

    async def _plan(self, row: Row[Any]) -> Plan:
        try:
            request = JobRequest.model_validate_json(row.job)
        except ValidationError as error:
            raise refusal(error) from error
        return await self._desk.preview(request)


def _is_early(row: Row[Any], *, now: int) -> bool:
    """Tell whether something is due before what is planned, because the clock was put back."""
    try:
        following = timetable_of(row._mapping).next_after(now)
    except TimetableError:
        # That is told when it is due.
        return False
    return following is not None and following < row.planned_at
