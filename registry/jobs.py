"""One-shot jobs in the store: requested, handed out with leases, watched line by line, cancelled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import uuid4

import orjson
from sqlalchemy import Connection, Row, RowMapping, func, insert, select

from registry import job_work
from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.job_tables import job, job_output, job_run
from registry.job_work import Leased, Report, Taker
from registry.listing import Order, Page, made_of, read_page
from registry.text import storable
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import RefusedError, VedetteError
from vedette.jobs.request import Plan

__all__ = ["Job", "Jobs", "Leased", "OutputLine", "Report", "Run", "Taker", "UnknownJobError"]

MAX_OUTPUT = 1_000
"""Lines in one answer at most."""

MAX_WAITING = 200_000
"""Runs that may wait at once: past that, somebody asks by mistake."""

JOBS: Final = Order(name="jobs", columns=(job.c.id,), kinds=(int,))
"""Newest first."""

RUNS: Final = Order(name="runs", columns=(job_run.c.id,), kinds=(int,), descending=False)
"""In the order of the targets."""


class UnknownJobError(VedetteError):
    """There is no job of this uuid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job and how far it is."""

    uuid: str
    """Its name."""
    tool: str
    """The tool, or the allowed command."""
    arguments: dict[str, Any]
    """Its arguments as they were given."""
    agents: list[str]
    """JIDs of agents or launchers that may do it; empty: any."""
    place: str
    """Where it must be done; empty: anywhere."""
    parallel: int
    """Runs at once."""
    time_limit: float
    """Seconds that a run may take."""
    requested_by: str
    """Who wants it."""
    requested_at: int
    """Microseconds since 1970."""
    state: str
    """requested, running, done, failed or cancelled."""
    started_at: int | None
    """Microseconds since 1970: when its first run was handed out."""
    ended_at: int | None
    """Microseconds since 1970: when its last run ended."""
    cancelled_at: int | None
    """Microseconds since 1970: when somebody cancelled it."""
    total: int
    """Runs."""
    active: int
    """Runs that somebody has now."""
    done: int
    """Runs that brought an item."""
    failed: int
    """Runs that nobody could do."""
    refused: int
    """Runs that the probe's scope does not allow."""
    cancelled: int
    """Runs that were cancelled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution at one target."""

    uuid: str
    """Its name, and its item's."""
    target: str
    """What is looked at."""
    state: str
    """requested, leased, running, done, failed, refused or cancelled."""
    agent: str
    """Bare JID of who has or did it; empty before."""
    attempts: int
    """How often it was handed out."""
    started_at: int | None
    """Microseconds since 1970: when it was handed out last."""
    ended_at: int | None
    """Microseconds since 1970."""
    exit_code: int | None
    """The command's exit code."""
    reason: str
    """Why it brought no item; empty otherwise."""
    lines: int
    """Lines of output that are kept."""
    dropped: int
    """Lines that are not; the item has the whole output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputLine:
    """A line of output."""

    position: int
    """Give it back to get what follows."""
    run: str
    """Uuid of the run."""
    target: str
    """What is looked at."""
    attempt: int
    """Which attempt at it."""
    line: int
    """Number of the line in it."""
    at: int
    """Microseconds since 1970: when it came."""
    text: str
    """The line, without control characters."""


class Jobs:
    """The jobs of a store."""

    def __init__(self, *, database: Database, clock: Clock, lease_seconds: int = 15) -> None:
        """Describe them; a run whose agent is silent for `lease_seconds` is handed out again."""
        self._database = database
        self._clock = clock
        self._lease = min(lease_seconds, job_work.MAX_LEASE) * MICROSECONDS

    # Asking for work -----------------------------------------------------------------

    async def request(self, plan: Plan, *, by: Actor) -> Job:
        """Enter a job whose targets are in scope.

        Raises:
            RefusedError: too many runs wait already.
            StoreError: the database failed.
        """
        now, uuid = self._clock.now(), str(uuid4())

        def work(connection: Connection) -> Row[Any]:
            waiting = connection.execute(
                select(func.coalesce(func.sum(job.c.total), 0)).where(job.c.ended_at.is_(None))
            ).scalar_one()
            if waiting + len(plan.targets) > MAX_WAITING:
                raise RefusedError("targets", f"more than {MAX_WAITING} runs would wait; cancel jobs, or wait")
            number = connection.execute(
                insert(job).values(_row(plan, uuid, by, now)).returning(job.c.id)
            ).scalar_one()
            empty = {"agent": "", "life": "", "attempts": 0, "due_at": 0, "reason": "", "lines": 0, "dropped": 0}
            rows = [
                {"uuid": str(uuid4()), "job_id": number, "target": target, "state": "requested", **empty}
                for target in plan.targets
            ]
            connection.execute(insert(job_run), rows)
            record_audit(connection, _entry(by, "job.request", uuid, _detail(plan)), now=now)
            return connection.execute(select(job).where(job.c.id == number)).one()

        return _job((await self._database.write(work))._mapping)

    async def cancel(self, uuid: str, *, by: Actor) -> Job:
        """Cancel a job; a job that has ended stays as it is.

        Raises:
            UnknownJobError: there is none.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Row[Any]:
            row = job_work.lock_job(connection, storable(uuid))
            if row is None:
                raise _unknown(uuid)
            if row.ended_at is None and row.cancelled_at is None:
                job_work.cancel(connection, row, now=now)
                record_audit(connection, _entry(by, "job.cancel", row.uuid, f"{row.total} runs"), now=now)
            return connection.execute(select(job).where(job.c.id == row.id)).one()

        return _job((await self._database.write(work))._mapping)

    # Looking -------------------------------------------------------------------------

    async def get(self, uuid: str) -> Job:
        """Return a job.

        Raises:
            UnknownJobError: there is none.
            StoreError: the database failed.
        """
        query = select(job).where(job.c.uuid == storable(uuid))
        row = await self._database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise _unknown(uuid)
        return _job(row)

    async def page(self, *, state: str | None = None, limit: int = 100, cursor: str | None = None) -> Page[Job]:
        """Return the newest jobs, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        return await self._database.read(
            lambda connection: read_page(
                connection,
                select(*job.c),
                order=JOBS,
                limit=limit,
                cursor=cursor,
                row=_job,
                keep=lambda row: state in (None, row["state"]),
            )
        )

    async def runs(
        self, uuid: str, *, state: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Run]:
        """Return a job's runs in the order of its targets.

        Raises:
            UnknownJobError: there is no such job.
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        names = [field.name for field in fields(Run)]

        def work(connection: Connection) -> Page[Run]:
            number = _number(connection, uuid)
            query = select(*(job_run.c[name] for name in names)).where(job_run.c.job_id == number)
            made = made_of(Run, names)
            return read_page(
                connection,
                query if state is None else query.where(job_run.c.state == state),
                order=RUNS,
                limit=limit,
                cursor=cursor,
                row=made,
            )

        return await self._database.read(work)

    async def output(self, uuid: str, *, after: int = 0, limit: int = MAX_OUTPUT) -> list[OutputLine]:
        """Return lines that came after a position, in the order in which they came.

        Raises:
            UnknownJobError: there is no such job.
            StoreError: the database failed.
        """

        def work(connection: Connection) -> list[OutputLine]:
            number = _number(connection, uuid)
            columns = (job_output.c.id.label("position"), job_run.c.uuid.label("run"), job_run.c.target)
            own = (job_output.c[name] for name in ("attempt", "line", "at", "text"))
            query = select(*columns, *own).join(job_run, job_run.c.id == job_output.c.run_id)
            query = query.where(job_output.c.job_id == number, job_output.c.id > after).order_by(job_output.c.id)
            rows = connection.execute(query.limit(max(1, min(limit, MAX_OUTPUT)))).mappings()
            return [OutputLine(**row) for row in rows]

        return await self._database.read(work)

    # Handing out ---------------------------------------------------------------------

    async def take(self, taker: Taker, *, held: Collection[str], limit: int) -> list[Leased]:
        """Hand runs out to an agent, after taking back what it should have and has not.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> list[Leased]:
            job_work.reclaim(connection, taker, held=held, now=now)
            return job_work.lease(connection, taker, limit=limit, now=now, until=now + self._lease)

        return await self._database.write(work)

    async def hear(self, taker: Taker, reports: Sequence[Report]) -> list[str]:
        """Note signs of life with their output; returns the runs that are to be stopped.

        Raises:
            StoreError: the database failed.
        """
        now, until = self._clock.now(), self._clock.now() + self._lease

        def work(connection: Connection) -> list[str]:
            return [
                report.run for report in reports if not job_work.hear(connection, taker, report, now=now, until=until)
            ]

        return await self._database.write(work)

    async def finish(
        self,
        taker: Taker,
        run: str,
        *,
        outcome: str,
        exit_code: int | None = None,
        reason: str = "",
        report: Report | None = None,
    ) -> bool:
        """Note how a run ended, with its last lines; False where it is not the agent's any more.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> bool:
            if report is not None and report.run == run:
                job_work.hear(connection, taker, report, now=now, until=now + self._lease)
            return job_work.finish(
                connection, taker, run, outcome=outcome, exit_code=exit_code, reason=reason, now=now
            )

        return await self._database.write(work)

    async def expire(self) -> int:
        """Take back the runs whose agents were silent for too long; returns how many.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.write(lambda connection: job_work.expire(connection, now=now))

    async def extend(self) -> int:
        """Let all leases begin anew, because nobody could be heard until now; returns how many.

        Raises:
            StoreError: the database failed.
        """
        until = self._clock.now() + self._lease
        return await self._database.write(lambda connection: job_work.extend(connection, until=until))

    async def due(self, *takers: Taker) -> list[int]:
        """Return for each agent how many runs could be handed out to it now.

        Raises:
            StoreError: the database failed.
        """

        def work(connection: Connection) -> list[int]:
            rows = [(row, min(row.parallel - row.active, _left(row))) for row in job_work.open_jobs(connection)]
            return [sum(room for row, room in rows if taker.may_do(row)) for taker in takers]

        return await self._database.read(work)

    async def active(self) -> int:
        """Return how many runs agents have now.

        Raises:
            StoreError: the database failed.
        """
        query = select(func.coalesce(func.sum(job.c.active), 0)).where(job.c.ended_at.is_(None))
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))


def _left(row: Row[Any]) -> int:
    return int(row.total - row.done - row.failed - row.refused - row.cancelled - row.active)


def _row(plan: Plan, uuid: str, by: Actor, now: int) -> dict[str, Any]:
    request = plan.request
    counts = dict.fromkeys(("active", "done", "failed", "refused", "cancelled"), 0)
    return {
        "uuid": uuid,
        "tool": request.tool,
        "arguments": storable(orjson.dumps(request.arguments).decode()),
        "words": orjson.dumps(plan.words).decode(),
        "agents": orjson.dumps(request.agents).decode(),
        "place": storable(request.place),
        "parallel": request.parallel,
        "time_limit": request.time_limit,
        "requested_by": storable(by.who),
        "requested_at": now,
        "state": "requested",
        "total": len(plan.targets),
        **counts,
    }


def _detail(plan: Plan) -> str:
    shown = ", ".join(plan.targets[:10])
    more = f" and {len(plan.targets) - 10} more" if len(plan.targets) > 10 else ""
    return f"{' '.join(plan.words)} at {shown}{more}"


def _entry(by: Actor, action: str, uuid: str, detail: str) -> AuditEntry:
    return AuditEntry(who=by.who, action=action, object=uuid, origin=by.origin, detail=detail)


def _number(connection: Connection, uuid: str) -> int:
    number = connection.execute(select(job.c.id).where(job.c.uuid == storable(uuid))).scalar_one_or_none()
    if number is None:
        raise _unknown(uuid)
    return int(number)


def _unknown(uuid: str) -> UnknownJobError:
    return UnknownJobError(f"{uuid[:64]}: there is no such job; see: vedette jobs list")


def _job(row: RowMapping) -> Job:
    values = {field.name: row[field.name] for field in fields(Job)}
    return Job(**values | {"arguments": orjson.loads(row["arguments"]), "agents": orjson.loads(row["agents"])})
