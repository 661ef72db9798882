"""One-shot jobs over HTTP: requested, previewed, watched line by line, cancelled."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.job_desk import JobDesk, OfferedTool
from registry.jobs import Job, Jobs, OutputLine, Run, UnknownJobError
from vedette.jobs.request import JobRequest
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.answers import json_answer
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.job_stream import JobStreams
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import UUID, ListParameters, Parameters, Text

MAX_BODY = 256 * 1024
"""Bytes of a request: a list of some thousand targets."""

PREVIEWED = 100
"""Command lines that a preview shows."""

_BAD = (400, 408, 411, 413, 415, 422)

Uuid = Annotated[str, Path(pattern=UUID, description="The job's uuid.")]

JobState = Literal["requested", "running", "done", "failed", "cancelled"]
"""States of a job."""

RunState = Literal["requested", "leased", "running", "done", "failed", "refused", "cancelled"]
"""States of a run."""


class JobParameters(ListParameters):
    """Which jobs to list."""

    state: JobState | None = None
    """Only those in this state."""
    tool: Text | None = None
    """Only those that run this tool or command."""
    requested_by: Text | None = None
    """Only those that this caller asked for, such as `user anna`."""


class RunParameters(ListParameters):
    """Which runs to list."""

    state: RunState | None = None
    """Only those in this state."""


class OutputParameters(Parameters):
    """From where on to read."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """The position of the last line that came; 0: from the beginning."""


class Preview(BaseModel):
    """What a request comes to."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    runs: int
    """How many runs it would be."""
    commands: list[list[str]]
    """The exact command lines of the first 100 of them."""


class Output(BaseModel):
    """Lines of a job's output."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    lines: list[OutputLine]
    """The lines, in the order in which they came."""
    next: int
    """Give it as `after` to get what follows."""
    ended: bool
    """Whether nothing will follow."""


class Tools(BaseModel):
    """What jobs may run."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tools: list[OfferedTool]
    """Every tool that is installed at the hub, and every allowed command."""


class JobRoutes:
    """`/v1/jobs` and what is under it, and `GET /v1/tools`."""

    def __init__(self, *, desk: JobDesk, jobs: Jobs, lists: Lists, gate: Gate) -> None:
        self._desk = desk
        self._jobs = jobs
        self._lists = lists
        self._gate = gate
        self._streams = JobStreams(jobs=jobs)

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        reading = rules.any_of(Scope.READ)
        self._streams.rule = reading
        read, operate = Depends(reading), Depends(rules.any_of(Scope.OPERATE))
        add_list(app, "/v1/jobs", self.list, kind=Job, rule=read)
        asked: dict[str, Any] = {"methods": ["POST"], "dependencies": [operate], "tags": ["jobs"]}
        asked |= {"responses": problems(*_BAD), "openapi_extra": body_of(JobRequest)}
        app.add_api_route("/v1/jobs", self.request, response_model=Job, status_code=201, **asked)
        app.add_api_route("/v1/jobs/preview", self.preview, response_model=Preview, **asked)
        one: dict[str, Any] = {"dependencies": [read], "tags": ["jobs"], "responses": problems(404, 422)}
        app.add_api_route("/v1/jobs/{uuid}", self.get, methods=["GET"], response_model=Job, **one)
        add_list(app, "/v1/jobs/{uuid}/runs", self.runs, kind=Run, rule=read, statuses=[404])
        described = problems(404, 422, 429) | {
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
        }
        app.add_api_route(
            "/v1/jobs/{uuid}/output",
            self.output,
            methods=["GET"],
            response_model=Output,
            **one | {"responses": described},
        )
        app.add_api_route(
            "/v1/jobs/{uuid}/cancel",
            self.cancel,
            methods=["POST"],
            response_model=Job,
            **one | {"dependencies": [operate]},
        )
        tools: dict[str, Any] = {"dependencies": [read], "tags": ["jobs"], "responses": problems(422)}
        app.add_api_route("/v1/tools", self.tools, methods=["GET"], response_model=Tools, **tools)

    async def list(self, request: Request, asked: Annotated[JobParameters, Query()]) -> Response:
        """List jobs, newest first."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._jobs.page(
                state=asked.state, tool=asked.tool, requested_by=asked.requested_by, limit=limit, cursor=cursor
            ),
            kind=Job,
            name="jobs",
        )

    async def request(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Request a job; refused whole where one of its targets is not in scope."""
        wanted = await read_model(request, JobRequest, limit=MAX_BODY)
        job = await self._desk.request(wanted, by=actor_of(request, self._gate))
        return json_answer(job, status=201, headers={"Location": f"/v1/jobs/{job.uuid}"})

    async def preview(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Return the exact command lines that a request comes to; nothing is run."""
        made = await self._desk.preview(await read_model(request, JobRequest, limit=MAX_BODY))
        return json_answer({"runs": len(made.targets), "commands": made.commands[:PREVIEWED]})

    async def get(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return a job and how far it is."""
        try:
            return json_answer(await self._jobs.get(uuid))
        except UnknownJobError as error:
            raise _unknown() from error

    async def runs(self, uuid: Uuid, request: Request, asked: Annotated[RunParameters, Query()]) -> Response:
        """List a job's runs, in the order of its targets."""
        try:
            return await self._lists.answer(
                request,
                asked,
                lambda limit, cursor: self._jobs.runs(uuid, state=asked.state, limit=limit, cursor=cursor),
                kind=Run,
                name="runs",
            )
        except UnknownJobError as error:
            raise _unknown() from error

    async def output(self, uuid: Uuid, request: Request, asked: Annotated[OutputParameters, Query()]) -> Response:
        """Return lines of output after a position, or as server-sent events while they come, where accepted."""
        try:
            # First the state: what came before the end is in the lines that are read after it.
            job = await self._jobs.get(uuid)
            if "text/event-stream" in request.headers.get("accept", ""):
                return self._streams.answer(request, uuid, after=asked.after)
            lines = await self._jobs.output(uuid, after=asked.after)
        except UnknownJobError as error:
            raise _unknown() from error
        position = lines[-1].position if lines else asked.after
        return json_answer({"lines": lines, "next": position, "ended": job.ended_at is not None and not lines})

    async def cancel(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Cancel a job: what waits is not begun, what runs is ended; a job that has ended stays as it is."""
        try:
            return json_answer(await self._jobs.cancel(uuid, by=actor_of(request, self._gate)))
        except UnknownJobError as error:
            raise _unknown() from error

    async def tools(self, _: Annotated[Parameters, Query()]) -> Response:
        """List tools and allowed commands, each with the schema of its arguments."""
        return json_answer({"tools": self._desk.tools()})


def _unknown() -> ProblemError:
    return ProblemError(404, "there is no job of this uuid")
