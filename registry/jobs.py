"""One-shot jobs in the store: requested, handed out with leases, watched line by line, cancelled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, RowMapping, func, select

from registry import job_work
from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.job_entry import enter_job
from registry.job_records import Job, OutputLine, Run
from registry.job_tables import job, job_output, job_run
from registry.job_work import Leased, Report, Taker
from registry.listing import Order, Page, made_of, read_page
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import VedetteError
from vedette.jobs.request import Plan
from vedette.storable import storable

__all__ = ["Job", "Jobs", "Leased", "OutputLine", "Report", "Run", "Taker", "UnknownJobError"]

MAX_OUTPUT = 1_000
"""Lines in one answer at most."""

JOBS: Final = Order(name="jobs", columns=(job.c.id,), kinds=(int,))
"""Newest first."""

RUNS: Final = Order(name="runs", columns=(job_run.c.id,), kinds=(int,), descending=False)
"""In the order of the targets."""


class UnknownJobError(VedetteError):
    """There is no job of this uuid."""


class Jobs:
    """The jobs of a store."""

    def __init__(self, *, database: Database, clock: Clock, lease_seconds: int = 15) -> None:
        """Describe them; a run whose agent is silent for `lease_seconds` is handed out again."""
        self.database = database
        """The store."""
        self._clock = clock
        self._lease = min(lease_seconds, job_work.MAX_LEASE) * MICROSECONDS

    # Asking for work -----------------------------------------------------------------

    async def request(self, plan: Plan, *, by: Actor, again: str = "") -> Job:
        """Enter a job whose targets are in scope.

        Args:
            plan: what is to be done.
            by: who wants it.
            again: uuid of the job whose request it repeats, for the audit log.

        Raises:
            RefusedError: too many runs wait already.
            StoreError: the database failed.
        """
        now = self._clock.now()
        row = await self.database.write(lambda connection: enter_job(connection, plan, by=by, now=now, again=again))
        return _job(row._mapping)

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

        return _job((await self.database.write(work))._mapping)

    # Looking -------------------------------------------------------------------------

    async def get(self, uuid: str) -> Job:
        """Return a job.

        Raises:
            UnknownJobError: there is none.
            StoreError: the database failed.
        """
        query = select(job).where(job.c.uuid == storable(uuid))
        row = await self.database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise _unknown(uuid)
        return _job(row)

    async def page(
        self,
        *,
        state: str | None = None,
        tool: str | None = None,
        requested_by: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Return the newest jobs, or the page that the cursor points at; of what is None, all.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = select(*(job.c[field.name] for field in fields(Job)))
        return await self.database.read(
            lambda connection: read_page(
                connection,
                query if state is None else query.where(job.c.state == state),
                order=JOBS,
                limit=limit,
                cursor=cursor,
                row=_job,
                keep=lambda row: tool in (None, row["tool"]) and requested_by in (None, row["requested_by"]),
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

        return await self.database.read(work)

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

        return await self.database.read(work)

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

        return await self.database.write(work)

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

        return await self.database.write(work)

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

        return await self.database.write(work)

    async def expire(self) -> int:
        """Take back the runs whose agents were silent for too long; returns how many.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self.database.write(lambda connection: job_work.expire(connection, now=now))

    async def extend(self) -> int:
        """Let all leases begin anew, because nobody could be heard until now; returns how many.

        Raises:
            StoreError: the database failed.
        """
        until = self._clock.now() + self._lease
        return await self.database.write(lambda connection: job_work.extend(connection, until=until))

    async def due(self, *takers: Taker) -> list[int]:
        """Return for each agent how many runs could be handed out to it now.

        Raises:
            StoreError: the database failed.
        """

        def work(connection: Connection) -> list[int]:
            rows = [(row, min(row.parallel - row.active, _left(row))) for row in job_work.open_jobs(connection)]
            return [sum(room for row, room in rows if taker.may_do(row)) for taker in takers]

        return await self.database.read(work)

    async def active(self) -> int:
        """Return how many runs agents have now.

        Raises:
            StoreError: the database failed.
        """
        query = select(func.coalesce(func.sum(job.c.active), 0)).where(job.c.ended_at.is_(None))
        return await self.database.read(lambda connection: int(connection.execute(query).scalar_one()))


def _left(row: Row[Any]) -> int:
    return int(row.total - row.done - row.failed - row.refused - row.cancelled - row.active)


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
