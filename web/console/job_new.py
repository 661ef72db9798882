"""Asking for a job: choose a tool, fill in its form, see the exact command lines, run it."""

from __future__ import annotations

import shlex
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.job_desk import JobDesk, OfferedTool
from registry.job_requests import JobRequests
from registry.job_workers import JobWorkers
from registry.jobs import UnknownJobError
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest, Plan
from vedette.messages.card import Role
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.jobs import PREVIEWED
from web.api.v1.parameters import UUID, Text
from web.console.frame import Frame, add_page
from web.console.job_form import (
    LIMITS,
    REFUSALS,
    JobForm,
    blank_form,
    form_of,
    posted_form,
    request_of,
    with_problems,
    with_refusal,
)
from web.console.jobs import JOBS
from web.console.parameters import PageParameters
from web.console.tool_fields import values_of

NEW = f"{JOBS}/new"
"""Where the form is."""


class NewJobParameters(PageParameters):
    """With what the form begins."""

    tool: Text | None = None
    """The tool or command; without one there is a choice."""
    like: Annotated[str | None, Field(alias="from", pattern=UUID)] = None
    """Uuid of a job whose request it shows."""


class NewJobRoutes:
    """`GET /jobs/new` and `POST /jobs/new`."""

    def __init__(
        self, *, frame: Frame, desk: JobDesk, requests: JobRequests, workers: JobWorkers, gate: Gate
    ) -> None:
        self._frame = frame
        self._desk = desk
        self._requests = requests
        self._workers = workers
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, NEW, self.show, rule=Depends(rules.any_of(Scope.OPERATE)))
        posting = Depends(rules.any_of_by_form(Scope.OPERATE, limits=LIMITS))
        add_page(app, NEW, self.post, rule=posting, method="POST")

    async def show(self, request: Request, asked: Annotated[NewJobParameters, Query()]) -> Response:
        """Show the tools, or the form of one."""
        if asked.like is not None:
            try:
                before = await self._requests.of(asked.like)
            except UnknownJobError:
                return self._frame.missing(request, "There is no job with this uuid.", current=JOBS)
            tool = self._tool(before.tool)
            return self._choose(request) if tool is None else await self._show(request, form_of(tool, before))
        tool = None if asked.tool is None else self._tool(asked.tool)
        return self._choose(request) if tool is None else await self._show(request, blank_form(tool))

    async def post(self, request: Request) -> Response:
        """Show what the form comes to, or enter the job."""
        posted = await read_form(request, limits=LIMITS)
        tool = self._tool(posted.get("tool", ""))
        if tool is None:
            return self._choose(request, status=422)
        form = posted_form(tool, posted)
        wanted = request_of(form)
        if not isinstance(wanted, JobRequest):
            wrong = self._desk.wrong_arguments(tool.name, values_of(form.fields, form.texts))
            return await self._show(request, with_problems(form, wanted, wrong), status=422)
        try:
            if posted.get("do") == "run":
                job = await self._desk.request(wanted, by=actor_of(request, self._gate))
                return go_to(f"{JOBS}/{job.uuid}")
            return await self._show(request, form, plan=await self._desk.preview(wanted))
        except RefusedError as error:
            return await self._show(request, with_refusal(form, error), status=422)

    def _tool(self, name: str) -> OfferedTool | None:
        return next((tool for tool in self._desk.tools() if tool.allowed and tool.name == name), None)

    def _choose(self, request: Request, *, status: int = 200) -> Response:
        return self._frame.page(request, "job_tools.html", current=JOBS, status=status, tools=self._desk.tools())

    async def _show(
        self, request: Request, form: JobForm, *, plan: Plan | None = None, status: int = 200
    ) -> Response:
        workers = await self._workers.all()
        return self._frame.page(
            request,
            "job_new.html",
            current=JOBS,
            status=status,
            form=form,
            problems=form.problems,
            refusals=list(form.refusals.items())[:REFUSALS],
            refused_more=max(0, len(form.refusals) - REFUSALS),
            commands=[] if plan is None else [shlex.join(words) for words in plan.commands[:PREVIEWED]],
            runs=0 if plan is None else len(plan.targets),
            agents=[worker.jid for worker in workers if worker.role in (Role.JOB, Role.LAUNCHER)],
            places=sorted({worker.place for worker in workers if worker.place}),
        )
