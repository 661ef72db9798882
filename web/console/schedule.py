"""One schedule: what it does, when, its next runs, what became of the last ones, and what can be done about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.schedule_desk import ScheduleDesk
from registry.schedules import UnknownScheduleError
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.schedules import Uuid
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters
from web.console.schedule_rows import local_times, work_of
from web.console.schedules import SCHEDULES, WORDS
from web.console.tool_fields import written

_GONE = "There is no schedule with this uuid."


class SchedulePageRoutes:
    """`GET /schedules/{uuid}` and the forms on it."""

    def __init__(self, *, frame: Frame, desk: ScheduleDesk, gate: Gate) -> None:
        self._frame = frame
        self._desk = desk
        self._schedules = desk.schedules
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        one = f"{SCHEDULES}/{{uuid}}"
        add_page(app, one, self.show, rule=Depends(rules.any_of(Scope.READ)))
        for name, action in (
            ("pause", self.pause),
            ("resume", self.resume),
            ("run", self.run),
            ("remove", self.remove),
        ):
            add_page(app, f"{one}/{name}", action, rule=operate, method="POST")

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[PageParameters, Query()]) -> Response:
        """Show the schedule."""
        return await self._show(request, uuid, asked)

    async def pause(self, uuid: Uuid, request: Request) -> Response:
        """Let nothing be due until it is resumed."""
        try:
            await self._schedules.pause(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        return go_to(f"{SCHEDULES}/{uuid}?said={WORDS['pause']}")

    async def resume(self, uuid: Uuid, request: Request) -> Response:
        """Go on with the next planned time."""
        try:
            await self._schedules.resume(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        except RefusedError as error:
            return await self._show(request, uuid, PageParameters(), problem=str(error), status=422)
        return go_to(f"{SCHEDULES}/{uuid}?said={WORDS['resume']}")

    async def run(self, uuid: Uuid, request: Request) -> Response:
        """Request its job now; leads to the job."""
        try:
            job = await self._desk.run_now(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        except RefusedError as error:
            return await self._show(request, uuid, PageParameters(), problem=str(error), status=422)
        return go_to(f"/jobs/{job}")

    async def remove(self, uuid: Uuid, request: Request) -> Response:
        """Forget it; its jobs stay."""
        try:
            await self._schedules.remove(uuid, by=actor_of(request, self._gate))
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        return go_to(f"{SCHEDULES}?said=removed")

    async def _show(
        self, request: Request, uuid: str, asked: PageParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        try:
            one = await self._schedules.get(uuid)
            runs = await self._schedules.runs(uuid, limit=PAGE, cursor=asked.cursor)
        except UnknownScheduleError:
            return self._frame.missing(request, _GONE, current=SCHEDULES)
        return self._frame.page(
            request,
            "schedule.html",
            current=SCHEDULES,
            status=status,
            one=one,
            does=work_of(one),
            arguments={name: written(value) for name, value in one.job.get("arguments", {}).items()},
            next_runs=local_times(one.next_runs, one.zone),
            rows=runs.rows,
            links=links_of(request, runs, api=f"/v1/schedules/{uuid}/runs"),
            asked=asked,
            problem=problem,
        )
