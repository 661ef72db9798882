"""One job: how far it is, its runs and their items, its output line by line, and what can be done about it."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.job_desk import JobDesk
from registry.job_output import JobOutput
from registry.job_workers import JobWorkers
from registry.jobs import Job, Jobs, UnknownJobError
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.jobs import RunState, Uuid
from web.console.frame import Frame, add_page, links_of
from web.console.jobs import JOBS
from web.console.parameters import PAGE, PageParameters
from web.console.tool_fields import written

LINES = 500
"""Lines of output that the page begins with, the last ones; a script adds those that come."""

_GONE = "There is no job with this uuid."


class RunPageParameters(PageParameters):
    """Which of the runs to show."""

    state: RunState | None = None
    """Only those in this state."""


class JobPageRoutes:
    """`GET /jobs/{uuid}` and the forms on it."""

    def __init__(
        self, *, frame: Frame, jobs: Jobs, output: JobOutput, desk: JobDesk, workers: JobWorkers, gate: Gate
    ) -> None:
        self._frame = frame
        self._jobs = jobs
        self._output = output
        self._desk = desk
        self._workers = workers
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        one = f"{JOBS}/{{uuid}}"
        add_page(app, one, self.show, rule=Depends(rules.any_of(Scope.READ)))
        add_page(app, f"{one}/cancel", self.cancel, rule=operate, method="POST")
        add_page(app, f"{one}/again", self.again, rule=operate, method="POST")

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[RunPageParameters, Query()]) -> Response:
        """Show the job."""
        return await self._show(request, uuid, asked)

    async def cancel(self, uuid: Uuid, request: Request) -> Response:
        """Cancel it: what waits is not begun, what runs is ended."""
        try:
            job = await self._jobs.cancel(uuid, by=actor_of(request, self._gate))
        except UnknownJobError:
            return self._frame.missing(request, _GONE, current=JOBS)
        return go_to(f"{JOBS}/{uuid}?said={'ended-before' if job.cancelled_at is None else 'cancelled'}")

    async def again(self, uuid: Uuid, request: Request) -> Response:
        """Ask for the same in a new job; whether it is allowed is judged anew."""
        try:
            job = await self._desk.request_again(uuid, by=actor_of(request, self._gate))
        except UnknownJobError:
            return self._frame.missing(request, _GONE, current=JOBS)
        except RefusedError as error:
            return await self._show(request, uuid, RunPageParameters(), problem=str(error), status=422)
        return go_to(f"{JOBS}/{job.uuid}?said=again")

    async def _show(
        self, request: Request, uuid: str, asked: RunPageParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        try:
            # First the job: what came before its end is in the lines that are read after it.
            job = await self._jobs.get(uuid)
            runs = await self._jobs.runs(uuid, state=asked.state, limit=PAGE, cursor=asked.cursor)
            lines = await self._output.last(uuid, limit=LINES)
        except UnknownJobError:
            return self._frame.missing(request, _GONE, current=JOBS)
        return self._frame.page(
            request,
            "job.html",
            current=JOBS,
            live=True,
            status=status,
            job=job,
            counts=_counts(job),
            arguments={name: written(value) for name, value in job.arguments.items()},
            waiting=await self._workers.why_waiting(job),
            rows=runs.rows,
            links=links_of(request, runs, api=f"/v1/jobs/{uuid}/runs"),
            asked=asked,
            states=get_args(RunState),
            lines=lines,
            position=lines[-1].position if lines else 0,
            problem=problem,
        )


def _counts(job: Job) -> dict[str, int]:
    ended = job.done + job.failed + job.refused + job.cancelled
    return {
        "done": job.done,
        "failed": job.failed,
        "refused": job.refused,
        "cancelled": job.cancelled,
        "running": job.active,
        "waiting": job.total - ended - job.active,
    }
