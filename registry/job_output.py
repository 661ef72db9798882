"""The output of jobs: its end, for who comes later, and how long it is kept."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, delete, func, select, update

from registry.database import Database
from registry.job_tables import job, job_output, job_run
from registry.jobs import OutputLine, UnknownJobError
from vedette.clock import MICROSECONDS, Clock
from vedette.storable import storable

TOGETHER = 2_000
"""Lines that are deleted in one transaction: collection waits for the same writer."""

_DAY = 86_400 * MICROSECONDS


class JobOutput:
    """The output of a store's jobs."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def last(self, uuid: str, *, limit: int) -> list[OutputLine]:
        """Return the last lines of a job's output, in the order in which they came.

        Raises:
            UnknownJobError: there is no such job.
            StoreError: the database failed.
        """

        def work(connection: Connection) -> list[OutputLine]:
            number = connection.execute(select(job.c.id).where(job.c.uuid == storable(uuid))).scalar_one_or_none()
            if number is None:
                raise UnknownJobError(f"{uuid[:64]}: there is no such job; see: vedette jobs list")
            columns = (job_output.c.id.label("position"), job_run.c.uuid.label("run"), job_run.c.target)
            own = (job_output.c[name] for name in ("attempt", "line", "at", "text"))
            query = select(*columns, *own).join(job_run, job_run.c.id == job_output.c.run_id)
            query = query.where(job_output.c.job_id == number).order_by(job_output.c.id.desc()).limit(limit)
            return [OutputLine(**row) for row in connection.execute(query).mappings()][::-1]

        return await self._database.read(work)

    async def prune(self, *, days: float, rows: int) -> int:
        """Delete the oldest lines that are older than so many days, or more than so many; returns how many.

        A bounded number of them: call it again while there are some. The jobs, their runs and items stay.

        Raises:
            StoreError: the database failed.
        """
        before = self._clock.now() - int(days * _DAY)

        def work(connection: Connection) -> int:
            newest = connection.execute(select(func.max(job_output.c.id))).scalar_one()
            if newest is None:
                return 0
            # Positions are given one after the other: the distance to the newest is the number of lines at most.
            oldest = select(job_output.c.id, job_output.c.job_id, job_output.c.at).order_by(job_output.c.id)
            found = connection.execute(oldest.limit(TOGETHER)).all()
            due = [row for row in found if row.at < before or row.id <= newest - rows]
            for number, count in Counter(row.job_id for row in due).items():
                connection.execute(update(job).where(job.c.id == number).values(pruned=job.c.pruned + count))
            if due:
                connection.execute(delete(job_output).where(job_output.c.id.in_([row.id for row in due])))
            return len(due)

        return await self._database.write(work)
