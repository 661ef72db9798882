"""Handing runs of jobs out and taking them back: plain functions inside the caller's transaction.

1. Oldest job first; a job that has as many runs at work as it may, or is for others, holds up nobody behind it.
2. A run is leased for a time that each sign of life makes longer; what its agent lost or died of is handed out again.
3. What is given back and already brought its item is done: the item's uuid is the run's.
4. After `MAX_ATTEMPTS` agents that never answered, a run has failed.

The job's row is locked before its runs' everywhere, so that two writers of one PostgreSQL never block each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, insert, or_, select, update

from registry.job_tables import job, job_output, job_run
from registry.tables import item
from vedette.clock import MICROSECONDS
from vedette.jobs.lines import MAX_LINES
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MAX_LEASE = 120
"""Seconds that a run may be with an agent without a sign of life."""

MAX_ATTEMPTS = 3
"""Agents that may die of a run before it is given up."""

LOOKED_AT = 2_000
"""Open jobs that one question looks at."""

_HELD = ("leased", "running")
_UNANSWERED = "was handed out {} times and never answered: its agents died of it, or were cut off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Taker:
    """Who takes runs."""

    jid: str
    """Bare JID."""
    life: str
    """Random, made when its process started."""
    launcher: str = ""
    """Bare JID of who started it; empty: nobody."""
    place: str = ""
    """Where it runs, in the operator's words."""

    def may_do(self, row: Row[Any]) -> bool:
        """Tell whether a job is for it."""
        agents = orjson.loads(row.agents)
        return row.place in ("", self.place) and (not agents or self.jid in agents or self.launcher in agents)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leased:
    """A run that an agent has now."""

    run: str
    """Uuid of the run."""
    job: str
    """Uuid of its job."""
    attempt: int
    """Which attempt it is."""
    tool: str
    """The tool or command."""
    words: list[str]
    """What is run."""
    target: str
    """What is looked at."""
    time_limit: float
    """Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A sign of life of a run."""

    run: str
    """Uuid."""
    attempt: int
    """Which attempt."""
    first: int
    """Number of the first of the lines."""
    lines: Sequence[str]
    """Lines of output that follow."""
    dropped: int
    """Lines that the agent did not keep."""


def lease(connection: Connection, taker: Taker, *, limit: int, now: int, until: int) -> list[Leased]:
    """Hand out runs, until `until` (microseconds since 1970)."""
    leased: list[Leased] = []
    for row in open_jobs(connection):
        if len(leased) >= limit:
            break
        if taker.may_do(row) and (locked := _lock(connection, row.id, skip=True)) is not None:
            leased += _lease_of(connection, locked, taker, limit=limit - len(leased), now=now, until=until)
    return leased


def open_jobs(connection: Connection) -> Sequence[Row[Any]]:
    """Return the jobs that have a run to hand out and room for it, oldest first."""
    over = job.c.done + job.c.failed + job.c.refused + job.c.cancelled
    open_ = (job.c.ended_at.is_(None), job.c.cancelled_at.is_(None))
    room = (job.c.active < job.c.parallel, over + job.c.active < job.c.total)
    return connection.execute(select(job).where(*open_, *room).order_by(job.c.id).limit(LOOKED_AT)).all()


def _lease_of(
    connection: Connection, row: Row[Any], taker: Taker, *, limit: int, now: int, until: int
) -> list[Leased]:
    room = min(limit, row.parallel - row.active)
    if room <= 0 or row.cancelled_at is not None or row.ended_at is not None:
        return []
    query = select(job_run).where(job_run.c.job_id == row.id, job_run.c.state == "requested")
    runs = connection.execute(query.order_by(job_run.c.id).limit(room).with_for_update(skip_locked=True)).all()
    if not runs:
        return []
    values = {"state": "leased", "agent": taker.jid, "life": taker.life, "due_at": until, "started_at": now}
    mine = job_run.c.id.in_([run.id for run in runs])
    connection.execute(
        update(job_run).where(mine).values(attempts=job_run.c.attempts + 1, lines=0, dropped=0, **values)
    )
    started = {"state": "running", "started_at": row.started_at or now, "active": job.c.active + len(runs)}
    connection.execute(update(job).where(job.c.id == row.id).values(started))
    return [
        Leased(
            run=run.uuid,
            job=row.uuid,
            attempt=run.attempts + 1,
            tool=row.tool,
            words=orjson.loads(row.words),
            target=run.target,
            time_limit=row.time_limit,
        )
        for run in runs
    ]


def hear(connection: Connection, taker: Taker, report: Report, *, now: int, until: int) -> bool:
    """Note a sign of life and what was put out; False where the run is to be stopped."""
    query = select(job_run, job.c.cancelled_at).join(job, job.c.id == job_run.c.job_id)
    row = connection.execute(query.where(job_run.c.uuid == report.run)).one_or_none()
    if row is None or not _has(row, taker) or row.attempts != report.attempt:
        return False
    values: dict[str, Any] = {}
    known = max(0, row.lines - report.first)
    new = list(report.lines[known:]) if report.first <= row.lines else []
    room = max(0, MAX_LINES - row.lines)
    if new[:room]:
        lines = enumerate(new[:room], row.lines)
        common = {"job_id": row.job_id, "run_id": row.id, "attempt": row.attempts, "at": now}
        connection.execute(insert(job_output), [common | {"line": n, "text": storable(text)} for n, text in lines])
        values["lines"] = row.lines + len(new[:room])
    if report.dropped != row.dropped:
        values["dropped"] = report.dropped
    # Each write is a disk's turn: a lease is made longer when half of it is over.
    if row.state == "leased" or row.due_at - now < (until - now) // 2 or row.due_at > until:
        values |= {"state": "running", "due_at": until}
    if values:
        connection.execute(update(job_run).where(job_run.c.id == row.id).values(values))
    return row.cancelled_at is None


def finish(
    connection: Connection, taker: Taker, run: str, *, outcome: str, exit_code: int | None, reason: str, now: int
) -> bool:
    """Note how a run ended; False where it is not the agent's any more."""
    found = _lock_run(connection, run)
    if found is None:
        return False
    row, of = found
    if not _has(row, taker):
        return False
    if outcome in ("done", "refused") or (outcome == "cancelled" and of.cancelled_at is not None):
        _end(connection, row, outcome, exit_code=exit_code, reason=reason, now=now)
    else:
        _give_back(connection, row, of, now=now, counted=outcome == "failed", reason=reason)
    return True


def reclaim(connection: Connection, taker: Taker, *, held: Collection[str], now: int) -> int:
    """Take back what this agent should have but says that it has not; returns how many.

    What an earlier life of it had may have killed it: counted. What never arrived in this one: not counted.
    """
    query = select(job_run.c.uuid).where(job_run.c.agent == taker.jid, job_run.c.ended_at.is_(None))
    lost = [uuid for uuid in connection.execute(query).scalars() if uuid not in held]
    for uuid in lost:
        found = _lock_run(connection, uuid)
        if found is not None and found[0].agent == taker.jid and found[0].state in _HELD:
            _give_back(connection, *found, now=now, counted=found[0].life != taker.life)
    return len(lost)


def expire(connection: Connection, *, now: int) -> int:
    """Take back the runs whose leases are over; returns how many."""
    # What is due later than any lease can end was leased before the clock was put back.
    over = or_(job_run.c.due_at <= now, job_run.c.due_at > now + MAX_LEASE * MICROSECONDS)
    query = select(job_run.c.uuid).where(job_run.c.ended_at.is_(None), job_run.c.agent != "", over)
    expired = connection.execute(query.limit(1_000)).scalars().all()
    for uuid in expired:
        found = _lock_run(connection, uuid)
        if found is not None and found[0].state in _HELD:
            _give_back(connection, *found, now=now)
    return len(expired)


def extend(connection: Connection, *, until: int) -> int:
    """Make all leases last until then: their agents could not be heard meanwhile; returns how many."""
    held = (job_run.c.ended_at.is_(None), job_run.c.agent != "")
    return connection.execute(update(job_run).where(*held).values(due_at=until)).rowcount


def cancel(connection: Connection, row: Row[Any], *, now: int) -> None:
    """Cancel what nobody has of a job whose row is locked; who has a run is told at its next sign of life."""
    connection.execute(update(job).where(job.c.id == row.id).values(cancelled_at=now))
    waiting = (job_run.c.job_id == row.id, job_run.c.state == "requested")
    values = {"state": "cancelled", "ended_at": now, "reason": "the job was cancelled"}
    count = connection.execute(update(job_run).where(*waiting).values(values)).rowcount
    connection.execute(update(job).where(job.c.id == row.id).values(cancelled=job.c.cancelled + count))
    _close(connection, row.id, now=now)


def lock_job(connection: Connection, uuid: str) -> Row[Any] | None:
    """Return a job's row, locked; None where there is none."""
    number = connection.execute(select(job.c.id).where(job.c.uuid == uuid)).scalar_one_or_none()
    return None if number is None else _lock(connection, number)


def _lock(connection: Connection, number: int, *, skip: bool = False) -> Row[Any] | None:
    query = select(job).where(job.c.id == number).with_for_update(skip_locked=skip)
    return connection.execute(query).one_or_none()


def _lock_run(connection: Connection, uuid: str) -> tuple[Row[Any], Row[Any]] | None:
    number = connection.execute(select(job_run.c.job_id).where(job_run.c.uuid == uuid)).scalar_one_or_none()
    of = None if number is None else _lock(connection, number)
    if of is None:
        return None
    return connection.execute(select(job_run).where(job_run.c.uuid == uuid).with_for_update()).one(), of


def _has(row: Row[Any], taker: Taker) -> bool:
    return row.state in _HELD and (row.agent, row.life) == (taker.jid, taker.life)


def _give_back(
    connection: Connection, row: Row[Any], of: Row[Any], *, now: int, counted: bool = True, reason: str = ""
) -> None:
    """Let somebody else do a run, or end it where that makes no sense."""
    stored = connection.execute(select(item.c.uuid).where(item.c.uuid == row.uuid)).one_or_none()
    if stored is not None:
        _end(connection, row, "done", reason="its agent brought the item and did not say so", now=now)
    elif of.cancelled_at is not None:
        _end(connection, row, "cancelled", reason="the job was cancelled", now=now)
    elif counted and row.attempts >= MAX_ATTEMPTS:
        _end(connection, row, "failed", reason=reason or _UNANSWERED.format(row.attempts), now=now)
    else:
        values = {"state": "requested", "agent": "", "life": "", "due_at": 0, "reason": storable(reason)[:MAX_TEXT]}
        values |= {"attempts": row.attempts if counted else row.attempts - 1}
        connection.execute(update(job_run).where(job_run.c.id == row.id).values(values))
        connection.execute(update(job).where(job.c.id == of.id).values(active=job.c.active - 1))


def _end(
    connection: Connection, row: Row[Any], state: str, *, exit_code: int | None = None, reason: str, now: int
) -> None:
    values = {"state": state, "ended_at": now, "exit_code": exit_code, "reason": storable(reason, limit=MAX_TEXT)}
    connection.execute(update(job_run).where(job_run.c.id == row.id).values(values))
    counts = {"active": job.c.active - 1, state: job.c[state] + 1}
    connection.execute(update(job).where(job.c.id == row.job_id).values(counts))
    _close(connection, row.job_id, now=now)


def _close(connection: Connection, number: int, *, now: int) -> None:
    """End a job whose runs have all ended."""
    row = connection.execute(select(job).where(job.c.id == number)).one()
    if row.ended_at is not None or row.done + row.failed + row.refused + row.cancelled < row.total:
        return
    state = "cancelled" if row.cancelled else "failed" if row.failed or row.refused else "done"
    connection.execute(update(job).where(job.c.id == number).values(state=state, ended_at=now))
