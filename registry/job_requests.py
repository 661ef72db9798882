"""What was asked for: the request of a job that there is, and those that the scope did not allow."""

from __future__ import annotations

import orjson
from sqlalchemy import select

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.job_tables import job, job_run
from registry.jobs import UnknownJobError
from vedette.clock import Clock
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import OutOfScopeError, TargetsOutOfScopeError
from vedette.storable import storable

NAMED = 10
"""Refused targets that the audit log names."""


class JobRequests:
    """The requests of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(self, uuid: str) -> JobRequest:
        """Return what somebody asked for, to be asked for again; whether it is allowed now is judged anew.

        Raises:
            UnknownJobError: there is no such job.
            StoreError: the database failed.
        """
        query = select(job).where(job.c.uuid == storable(uuid))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise UnknownJobError(f"{uuid[:64]}: there is no such job; see: vedette jobs list")
        return JobRequest(
            tool=row.tool,
            arguments=orjson.loads(row.arguments),
            targets=orjson.loads(row.targets),
            agents=orjson.loads(row.agents),
            place=row.place,
            parallel=row.parallel,
            time_limit=row.time_limit,
        )

    async def of_item(self, uuid: str) -> str | None:
        """Return the uuid of the job that brought an item; None where none did.

        Raises:
            StoreError: the database failed.
        """
        query = select(job.c.uuid).join(job_run, job_run.c.job_id == job.c.id).where(job_run.c.uuid == uuid)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def refused(self, request: JobRequest, error: OutOfScopeError, *, by: Actor) -> None:
        """Write down that somebody asked for what the scope does not allow.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        entry = AuditEntry(
            who=by.who, action="job.refuse", object=request.tool, origin=by.origin, detail=_detail(request, error)
        )
        await self._database.write(lambda connection: record_audit(connection, entry, now=now))


def _detail(request: JobRequest, error: OutOfScopeError) -> str:
    named = list(error.refusals) if isinstance(error, TargetsOutOfScopeError) else request.targets
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{error}; targets: {', '.join(named[:NAMED])}{more}"
