"""Scheduling a job, and changing a schedule: what was asked for before, where and when."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.job_desk import JobDesk, OfferedTool
from registry.job_requests import JobRequests
from registry.jobs import UnknownJobError
from registry.schedule_desk import ScheduleDesk
from registry.schedules import Schedule, UnknownScheduleError
from vedette.clock import Clock
from vedette.configuration.loading import reasons_of
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.request import ScheduleRequest
from vedette.scheduling.zones import zone_names
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.parameters import UUID, Text
from web.api.v1.schedules import Uuid
from web.console.frame import Frame, add_page
from web.console.job_form import (
    LIMITS,
    JobForm,
    blank_form,
    form_of,
    posted_form,
    request_of,
    with_problems,
    with_refusal,
)
from web.console.parameters import PageParameters
from web.console.schedule_rows import local_times
from web.console.schedules import SCHEDULES
from web.console.tool_fields import values_of

NEW: Final = f"{SCHEDULES}/new"
"""Where a job is scheduled."""

COMMANDS: Final = 5
"""Command lines that a preview shows."""

_FIELDS: Final = ("name", "when", "zone", "jitter", "misfire", "overlap")
_USUAL: Final = {"name": "", "when": "@daily", "zone": "UTC", "jitter": "0", "misfire": "run-once", "overlap": "skip"}
_GONE = "There is no schedule with this uuid."
_NOT_ALLOWED = "Its tool is not allowed for jobs any more, or not installed; see jobs.scope in vedette.yml."


class NewScheduleParameters(PageParameters):
    """With what the form begins."""

    tool: Text | None = None
    """The tool or command; without one, and without a job, there is a choice."""
    like: Annotated[str | None, Field(alias="from", pattern=UUID)] = None
    """Uuid of the job that is to be done again and again."""


@dataclass(frozen=True, kw_only=True)
class _Form:
    """What is shown."""

    path: str
    """Where it is posted to."""
    title: str
    """Heading of the page."""
    job: JobForm
    """The job."""
    texts: Mapping[str, str]
    """When, by the names of the fields."""
    problems: Mapping[str, str]
    """What is wrong, by the names of the fields."""
    seen: str = ""
    """When the schedule was last changed, as the form was opened: a stale tab undoes nobody's change."""


class ScheduleFormRoutes:
    """`/schedules/new` and `/schedules/{uuid}/edit`."""

    def __init__(
        self, *, frame: Frame, desk: ScheduleDesk, jobs: JobDesk, requests: JobRequests, gate: Gate, clock: Clock
    ) -> None:
        self._frame = frame
        self._desk = desk
        self._jobs = jobs
        self._requests = requests
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate = Depends(rules.any_of(Scope.OPERATE))
        posting = Depends(rules.any_of_by_form(Scope.OPERATE, limits=LIMITS))
        edit = f"{SCHEDULES}/{{uuid}}/edit"
        add_page(app, NEW, self.show_new, rule=operate)
        add_page(app, NEW, self.post_new, rule=posting, method="POST")
        add_page(app, edit, self.show_edit, rule=operate)
        add_page(app, edit, self.post_edit, rule=posting, method="POST")

    async def show_new(self, request: Request, asked: Annotated[NewScheduleParameters, Query()]) -> Response:
        """Show the tools, or the form of one, or the one that schedules a job which was asked for before."""
        if asked.like is None:
            return await self._show_blank(request, None if asked.tool is None else self._tool(asked.tool))
        try:
            job = await self._requests.of(asked.like)
        except UnknownJobError:
            return self._frame.missing(request, "There is no job with this uuid.", current=SCHEDULES)
        tool = self._tool(job.tool)
        if tool is None:
            return self._frame.missing(request, _NOT_ALLOWED, current=SCHEDULES)
        return await self._show(request, _new(form_of(tool, job), _USUAL))

    async def _show_blank(self, request: Request, tool: OfferedTool | None) -> Response:
        if tool is None:
            return self._frame.page(request, "schedule_new.html", current=SCHEDULES, tools=self._jobs.tools())
        return await self._show(request, _new(blank_form(tool), _USUAL))

    async def post_new(self, request: Request) -> Response:
        """Show what the form comes to, or make the schedule."""
        posted = await read_form(request, limits=LIMITS)
        tool = self._tool(posted.get("tool", ""))
        if tool is None:
            return self._frame.missing(request, _NOT_ALLOWED, current=SCHEDULES)
        return await self._answer(request, _new(posted_form(tool, posted), posted), posted, uuid=None)

    async def show_edit(self, uuid: Uuid, request: Request, _: Annotated[PageParameters, Query()]) -> Response:
        """Show the form that changes a schedule."""
        try:
            one = await self._desk.schedules.get(uuid)
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        tool = self._tool(str(one.job.get("tool", "")))
        if tool is None:
            return self._frame.missing(request, _NOT_ALLOWED, current=SCHEDULES)
        form = form_of(tool, JobRequest.model_validate(one.job))
        texts = {name: str(getattr(one, name)) for name in _FIELDS}
        return await self._show(request, _edit(one, form, texts, seen=str(one.changed_at)))

    async def post_edit(self, uuid: Uuid, request: Request) -> Response:
        """Show what the form comes to, or change the schedule."""
        posted = await read_form(request, limits=LIMITS)
        try:
            one = await self._desk.schedules.get(uuid)
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        tool = self._tool(posted.get("tool", ""))
        if tool is None:
            return self._frame.missing(request, _NOT_ALLOWED, current=SCHEDULES)
        form = _edit(one, posted_form(tool, posted), posted, seen=posted.get("seen", ""))
        return await self._answer(request, form, posted, uuid=uuid)

    async def _answer(
        self, request: Request, form: _Form, posted: Mapping[str, str], *, uuid: str | None
    ) -> Response:
        wanted = _request_of(form)
        if not isinstance(wanted, ScheduleRequest):
            arguments = values_of(form.job.fields, form.job.texts)
            job = with_problems(form.job, wanted, self._jobs.wrong_arguments(form.job.tool.name, arguments))
            return await self._show(request, replace(form, problems=job.problems), status=422)
        by = actor_of(request, self._gate)
        try:
            if posted.get("do") != "save":
                return await self._preview(request, form, wanted)
            if uuid is None:
                made = await self._desk.add(wanted, by=by)
                return go_to(f"{SCHEDULES}/{made.uuid}?said=made")
            await self._desk.change(uuid, wanted, by=by, seen=_seen(form))
            return go_to(f"{SCHEDULES}/{uuid}?said=changed")
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        except RefusedError as error:
            return await self._show(request, _refused(form, error), status=422)

    async def _preview(self, request: Request, form: _Form, wanted: ScheduleRequest) -> Response:
        now = self._clock.now()
        timetable = wanted.checked(now=now)
        plan = await self._jobs.preview(wanted.job)
        return await self._show(
            request,
            form,
            english=f"{timetable.english}, {timetable.zone}",
            next_runs=local_times(timetable.next_runs(now), timetable.zone),
            commands=[shlex.join(words) for words in plan.commands[:COMMANDS]],
            runs=len(plan.targets),
        )

    async def _show(self, request: Request, form: _Form, *, status: int = 200, **shown: Any) -> Response:
        known: dict[str, Any] = {"english": "", "next_runs": [], "commands": [], "runs": 0}
        return self._frame.page(
            request,
            "schedule_form.html",
            current=SCHEDULES,
            status=status,
            form=form,
            job=form.job,
            problems=form.problems,
            refusals=list(form.job.refusals.items())[:COMMANDS],
            zones=zone_names(),
            **(known | shown),
        )

    def _tool(self, name: str) -> OfferedTool | None:
        return next((tool for tool in self._jobs.tools() if tool.allowed and tool.name == name), None)


def _new(job: JobForm, texts: Mapping[str, str]) -> _Form:
    return _Form(path=NEW, title="New schedule", job=job, texts=_only_when(texts), problems={})


def _edit(one: Schedule, job: JobForm, texts: Mapping[str, str], *, seen: str) -> _Form:
    path = f"{SCHEDULES}/{one.uuid}/edit"
    return _Form(path=path, title=f"Change {one.name}", job=job, texts=_only_when(texts), problems={}, seen=seen)


def _seen(form: _Form) -> int:
    """Return which state of the schedule the form was opened with; a form that does not say is not one of ours."""
    return int(form.seen) if form.seen.isascii() and form.seen.isdigit() and len(form.seen) <= 16 else -1


def _only_when(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: texts.get(name, _USUAL[name]) for name in _FIELDS}


def _request_of(form: _Form) -> ScheduleRequest | Mapping[str, str]:
    """Return the request that a form means, or what is wrong by the names of its fields."""
    job = request_of(form.job)
    if not isinstance(job, JobRequest):
        return job
    values = {name: form.texts[name].strip() or _USUAL[name] for name in _FIELDS}
    try:
        return ScheduleRequest.model_validate({**values, "job": job})
    except ValidationError as error:
        return reasons_of(error, ScheduleRequest)


def _refused(form: _Form, error: RefusedError) -> _Form:
    """Return the form with what was refused beside its field."""
    if isinstance(error, TimetableError):
        names = {"time zone": "zone", "jitter": "jitter"}
        return replace(form, problems={names.get(error.field, "when"): f"{error.field}: {error.reason}"})
    if error.field == "name":
        return replace(form, problems={"name": error.reason})
    job = with_refusal(form.job, error)
    return replace(form, job=job, problems=job.problems)
