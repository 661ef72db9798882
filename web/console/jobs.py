"""The list of jobs: what was asked for, how far it is, who wanted it and when."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.job_desk import JobDesk
from registry.jobs import Jobs
from web.api.access import Rules
from web.api.v1.jobs import JobState
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

JOBS = "/jobs"
"""Where the page is."""


class JobPageParameters(PageParameters):
    """Which jobs to show."""

    state: JobState | None = None
    """Only those in this state."""
    tool: Text | None = None
    """Only those that run this tool or command."""
    requested_by: Text | None = None
    """Only those that this caller asked for, such as `user anna`."""


class JobListRoutes:
    """`GET /jobs`."""

    def __init__(self, *, frame: Frame, jobs: Jobs, desk: JobDesk) -> None:
        self._frame = frame
        self._jobs = jobs
        self._desk = desk

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, JOBS, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, request: Request, asked: Annotated[JobPageParameters, Query()]) -> Response:
        """Show the jobs, newest first."""
        found = await self._jobs.page(
            state=asked.state, tool=asked.tool, requested_by=asked.requested_by, limit=PAGE, cursor=asked.cursor
        )
        return self._frame.page(
            request,
            "jobs.html",
            current=JOBS,
            live=True,
            rows=found.rows,
            links=links_of(request, found, api="/v1/jobs"),
            asked=asked,
            filtered=any((asked.state, asked.tool, asked.requested_by)),
            states=get_args(JobState),
            tools=[tool.name for tool in self._desk.tools() if tool.allowed],
        )
