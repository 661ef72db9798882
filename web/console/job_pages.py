"""The pages of jobs, wired from the store."""

from __future__ import annotations

from registry.database import Database
from registry.job_desk import JobDesk
from registry.job_output import JobOutput
from registry.job_requests import JobRequests
from registry.job_workers import JobWorkers
from registry.jobs import Jobs
from vedette.clock import Clock
from vedette.jobs.scope import ScopePolicy
from web.api.application import Routes
from web.api.gate import Gate
from web.console.frame import Frame
from web.console.job import JobPageRoutes
from web.console.job_new import NewJobRoutes
from web.console.jobs import JobListRoutes


def job_pages(
    *, frame: Frame, database: Database, gate: Gate, scope: ScopePolicy, workers: JobWorkers, clock: Clock
) -> list[Routes]:
    """Return the groups of pages: the list, the form, and one job."""
    jobs = Jobs(database=database, clock=clock)
    desk = JobDesk(jobs=jobs, policy=scope, clock=clock)
    return [
        JobListRoutes(frame=frame, jobs=jobs, desk=desk),
        # Before the page of one job, whose path would fit, too.
        NewJobRoutes(
            frame=frame, desk=desk, requests=JobRequests(database=database, clock=clock), workers=workers, gate=gate
        ),
        JobPageRoutes(
            frame=frame,
            jobs=jobs,
            output=JobOutput(database=database, clock=clock),
            desk=desk,
            workers=workers,
            gate=gate,
        ),
    ]
