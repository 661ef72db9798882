"""Schedules over HTTP: jobs that are requested again and again, with what they mean in English and the next runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.schedule_desk import ScheduleDesk, StillRunningError
from registry.schedules import Schedule, ScheduleRun, UnknownScheduleError
from vedette.clock import Clock
from vedette.jobs.request import JobRequest
from vedette.scheduling.request import ScheduleRequest, When
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.answers import json_answer
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.jobs import MAX_BODY
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import UUID, ListParameters, Parameters, Text

_BAD = (400, 408, 411, 413, 415, 422)

Uuid = Annotated[str, Path(pattern=UUID, description="The schedule's uuid.")]

ScheduleState = Literal["scheduled", "waiting", "paused", "ended"]
"""States of a schedule."""


class ScheduleParameters(ListParameters):
    """Which schedules to list."""

    state: ScheduleState | None = None
    """Only those in this state."""
    tool: Text | None = None
    """Only those that run this tool or command."""


class Meaning(BaseModel):
    """What a timetable means."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    english: str
    """In English."""
    zone: str
    """The time zone of its expression."""
    next_runs: list[int]
    """The next five, microseconds since 1970; fewer where there are no more."""


class Requested(BaseModel):
    """A job that was requested."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    job: str
    """Its uuid."""


class ScheduleRoutes:
    """`/v1/schedules` and what is under it."""

    def __init__(self, *, desk: ScheduleDesk, lists: Lists, gate: Gate, clock: Clock) -> None:
        self._desk = desk
        self._schedules = desk.schedules
        self._lists = lists
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = Depends(rules.any_of(Scope.READ)), Depends(rules.any_of(Scope.OPERATE))
        add_list(app, "/v1/schedules", self.list, kind=Schedule, rule=read)
        written: dict[str, Any] = {"dependencies": [operate], "tags": ["schedules"], "responses": problems(*_BAD)}
        asked = written | {"openapi_extra": _request_body()}
        app.add_api_route(
            "/v1/schedules", self.create, methods=["POST"], response_model=Schedule, status_code=201, **asked
        )
        told = written | {"openapi_extra": body_of(When)}
        app.add_api_route("/v1/schedules/preview", self.preview, methods=["POST"], response_model=Meaning, **told)
        one, found = "/v1/schedules/{uuid}", {"responses": problems(404, 422)}
        reading: dict[str, Any] = {"dependencies": [read], "tags": ["schedules"]} | found
        app.add_api_route(one, self.get, methods=["GET"], response_model=Schedule, **reading)
        changing = asked | {"responses": problems(404, *_BAD)}
        app.add_api_route(one, self.change, methods=["PUT"], response_model=Schedule, **changing)
        app.add_api_route(one, self.remove, methods=["DELETE"], status_code=204, **written | found)
        add_list(app, f"{one}/runs", self.runs, kind=ScheduleRun, rule=read, statuses=[404])
        for name, action in (("pause", self.pause), ("resume", self.resume)):
            app.add_api_route(f"{one}/{name}", action, methods=["POST"], response_model=Schedule, **written | found)
        running = written | {"responses": problems(404, 409, 422)}
        app.add_api_route(
            f"{one}/run", self.run, methods=["POST"], response_model=Requested, status_code=201, **running
        )

    async def list(self, request: Request, asked: Annotated[ScheduleParameters, Query()]) -> Response:
        """List schedules, newest first."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._schedules.page(
                state=asked.state, tool=asked.tool, limit=limit, cursor=cursor
            ),
            kind=Schedule,
            name="schedules",
        )

    async def create(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Schedule a job; refused whole where one of its targets is not in scope now."""
        wanted = await read_model(request, ScheduleRequest, limit=MAX_BODY)
        made = await self._desk.add(wanted, by=actor_of(request, self._gate))
        return json_answer(made, status=201, headers={"Location": f"/v1/schedules/{made.uuid}"})

    async def preview(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Return what a timetable means in English and its next five runs; nothing is scheduled."""
        now = self._clock.now()
        timetable = (await read_model(request, When)).timetable(anchor=now)
        runs = timetable.next_runs(now)
        return json_answer({"english": timetable.english, "zone": timetable.zone, "next_runs": runs})

    async def get(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return a schedule."""
        try:
            return json_answer(await self._schedules.get(uuid))
        except UnknownScheduleError as error:
            raise _unknown() from error

    async def change(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Replace what a schedule says; who does answers for its jobs from now on. It stays paused if it was."""
        wanted = await read_model(request, ScheduleRequest, limit=MAX_BODY)
        try:
            return json_answer(await self._desk.change(uuid, wanted, by=actor_of(request, self._gate)))
        except UnknownScheduleError as error:
            raise _unknown() from error

    async def remove(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Remove a schedule; the jobs that it brought stay."""
        try:
            await self._schedules.remove(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError as error:
            raise _unknown() from error
        return Response(status_code=204)

    async def runs(self, uuid: Uuid, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List what became of the last 100 planned times, newest first."""
        try:
            return await self._lists.answer(
                request,
                asked,
                lambda limit, cursor: self._schedules.runs(uuid, limit=limit, cursor=cursor),
                kind=ScheduleRun,
                name="schedule-runs",
            )
        except UnknownScheduleError as error:
            raise _unknown() from error

    async def pause(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Let nothing be due until it is resumed."""
        try:
            return json_answer(await self._schedules.pause(uuid, by=actor_of(request, self._gate)))
        except UnknownScheduleError as error:
            raise _unknown() from error

    async def resume(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Go on with the next planned time; what was planned meanwhile is left out."""
        try:
            return json_answer(await self._schedules.resume(uuid, by=actor_of(request, self._gate)))
        except UnknownScheduleError as error:
            raise _unknown() from error

    async def run(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Request its job now, besides the plan, in the name of who asks; 409 while the job before goes on."""
        try:
            job = await self._desk.run_now(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError as error:
            raise _unknown() from error
        except StillRunningError as error:
            raise ProblemError(409, str(error)) from error
        return json_answer({"job": job}, status=201, headers={"Location": f"/v1/jobs/{job}"})


def _request_body() -> dict[str, Any]:
    """Return what the OpenAPI document says of a schedule, with the job's schema in its place: it knows no others."""
    body = body_of(ScheduleRequest)
    schema = body["requestBody"]["content"]["application/json"]["schema"]
    del schema["$defs"]
    schema["properties"]["job"] = JobRequest.model_json_schema() | {"description": "What is requested each time."}
    return body


def _unknown() -> ProblemError:
    return ProblemError(404, "there is no schedule of this uuid")
