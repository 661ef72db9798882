"""What becomes of a schedule that is due: plain functions inside the caller's transaction.

The row is locked and looked at again before anything is done, and the job is entered in the transaction that plans
the next run: killed at any moment, or done by two processes at once, a planned time brings one job.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from registry.callers import Actor
from registry.job_entry import enter_job
from registry.job_tables import job
from registry.responsible import why_not
from registry.schedule_tables import schedule, schedule_run
from vedette.clock import MICROSECONDS
from vedette.jobs.request import Plan
from vedette.messages.limits import MAX_TEXT
from vedette.scheduling.due import Decision
from vedette.storable import storable

HISTORY = 100
"""Planned times that are remembered of a schedule."""

TOGETHER = 50
"""Schedules that one look finds due."""

ENTERED, MISSED, SKIPPED, REFUSED, WAITING = "entered", "missed", "skipped", "refused", "waiting"


@dataclass(frozen=True, kw_only=True)
class Due:
    """A schedule that is due, as it was seen."""

    row: Row[Any]
    """Its row."""
    decision: Decision
    """What to do."""
    next_due: int | None
    """When the next planned time will be due."""


def find_due(connection: Connection, *, now: int) -> list[Row[Any]]:
    """Return the schedules that are due, but for those that wait for a job that goes on."""
    goes_on = exists().where(job.c.uuid == schedule.c.last_job, job.c.ended_at.is_(None))
    query = select(schedule).where(schedule.c.due_at <= now, ~(schedule.c.waiting & goes_on))
    return list(connection.execute(query.order_by(schedule.c.due_at, schedule.c.id).limit(TOGETHER)).all())


def enter_due(connection: Connection, due: Due, plan: Plan, *, now: int) -> str:
    """Enter the job of a schedule that is due, or leave it out; returns what became of it, empty: nothing.

    Raises:
        RefusedError: too many runs wait already.
    """
    row = _lock(connection, due.row)
    if row is None or due.decision.run is None:
        return ""
    if _is_done(connection, row, due.decision.run):
        # The clock was put back over it.
        _go_on(connection, due)
        return ""
    if _goes_on(connection, row):
        return _behind(connection, due, now=now)
    reason = why_not(connection, row.responsible, now=now)
    if reason is not None:
        return refuse_due(connection, due, f"{reason}; somebody who may must save the schedule again", now=now)
    by = Actor(who=row.responsible, origin=f"schedule {row.name}")
    entered = enter_job(connection, plan, by=by, now=now)
    _note(connection, row, due.decision.run, ENTERED, job=entered.uuid, now=now)
    _count_missed(connection, due, now=now)
    _go_on(connection, due)
    return ENTERED


def refuse_due(connection: Connection, due: Due, reason: str, *, now: int) -> str:
    """Note that a run was not allowed, and plan the next one."""
    row = _lock(connection, due.row)
    if row is None:
        return ""
    planned = row.planned_at if due.decision.run is None else due.decision.run
    _note(connection, row, planned, REFUSED, reason=reason, now=now)
    _count_missed(connection, due, now=now)
    _go_on(connection, due)
    return REFUSED


def miss_due(connection: Connection, due: Due, *, now: int) -> str:
    """Note that nothing is run for what is past, and plan the next one."""
    row = _lock(connection, due.row)
    if row is None:
        return ""
    _count_missed(connection, due, now=now)
    _go_on(connection, due)
    return MISSED


def note_run_now(connection: Connection, row: Row[Any], plan: Plan, *, by: Actor, now: int) -> str | None:
    """Enter a job of a schedule besides its plan; None where the job before goes on."""
    locked = connection.execute(select(schedule).where(schedule.c.id == row.id).with_for_update()).one_or_none()
    if locked is None or _goes_on(connection, locked):
        return None
    entered = enter_job(connection, plan, by=by, now=now)
    _note(connection, locked, now, ENTERED, job=entered.uuid, by=by.who, now=now)
    return str(entered.uuid)


def _lock(connection: Connection, seen: Row[Any]) -> Row[Any] | None:
    """Return the row, locked, where nobody changed its plan since it was seen."""
    query = select(schedule).where(schedule.c.id == seen.id, schedule.c.due_at.is_not(None))
    row = connection.execute(query.with_for_update()).one_or_none()
    same = row is not None and (row.planned_at, row.changed_at) == (seen.planned_at, seen.changed_at)
    return row if same else None


def _is_done(connection: Connection, row: Row[Any], planned: int) -> bool:
    mine = (schedule_run.c.schedule_id == row.id, schedule_run.c.planned_at == planned)
    return connection.execute(select(schedule_run.c.id).where(*mine)).first() is not None


def _goes_on(connection: Connection, row: Row[Any]) -> bool:
    query = select(job.c.id).where(job.c.uuid == row.last_job, job.c.ended_at.is_(None))
    return connection.execute(query).first() is not None


def _behind(connection: Connection, due: Due, *, now: int) -> str:
    """Leave out what is due behind a job that goes on, or let it wait for its end."""
    row = due.row
    if row.overlap == "wait":
        connection.execute(update(schedule).where(schedule.c.id == row.id).values(waiting=True))
        return WAITING
    times = due.decision.missed + 1
    _note(connection, row, row.planned_at, SKIPPED, reason="the job before goes on", times=times, now=now)
    _go_on(connection, due)
    return SKIPPED


def _count_missed(connection: Connection, due: Due, *, now: int) -> None:
    if not due.decision.missed:
        return
    # What was due while the run waited for the job before was not missed: it was left out.
    outcome = SKIPPED if due.row.waiting else MISSED
    reason = "the job before went on" if due.row.waiting else "nothing could run it then"
    # The latest of several is run, so that the first is one of those that are not.
    _note(connection, due.row, due.row.planned_at, outcome, reason=reason, times=due.decision.missed, now=now)


def _note(
    connection: Connection,
    row: Row[Any],
    planned: int,
    outcome: str,
    *,
    now: int,
    reason: str = "",
    job: str = "",
    by: str = "",
    times: int = 1,
) -> None:
    reason = storable(reason, limit=MAX_TEXT)
    values = {"planned_at": planned, "at": now, "outcome": outcome, "times": times, "reason": reason}
    if not _is_done(connection, row, planned):
        connection.execute(insert(schedule_run).values(schedule_id=row.id, job=job, asked_by=storable(by), **values))
    old = select(schedule_run.c.id).where(schedule_run.c.schedule_id == row.id).order_by(schedule_run.c.id.desc())
    number = connection.execute(old.offset(HISTORY).limit(1)).scalar_one_or_none()
    if number is not None:
        connection.execute(
            delete(schedule_run).where(schedule_run.c.schedule_id == row.id, schedule_run.c.id <= number)
        )
    told = {"last_at": now, "last_outcome": outcome, "last_reason": reason, outcome: schedule.c[outcome] + times}
    connection.execute(
        update(schedule).where(schedule.c.id == row.id).values(told | ({"last_job": job} if job else {}))
    )


def _go_on(connection: Connection, due: Due) -> None:
    values = {"planned_at": due.decision.next, "due_at": due.next_due, "waiting": False}
    connection.execute(update(schedule).where(schedule.c.id == due.row.id).values(values))


def jittered(planned: int, seconds: int, randomness: Random) -> int:
    """Return when a planned time is due, put off by at most so many seconds."""
    return planned + int(seconds * MICROSECONDS * randomness.random())
