"""Alarms, each with what to do; a person takes note of one, and it stays."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.alarm_list import AlarmList
from registry.alarms import Alarms
from registry.callers import Scope
from web.api.access import Rules
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.operations import Number
from web.console.advice import advice_on
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

ALARMS = "/alarms"
"""Where the page is."""


class AlarmPageParameters(PageParameters):
    """Which alarms to show."""

    acknowledged: bool | None = None
    """Only those that a person took note of, or only the others; all unless said."""


class AlarmPageRoutes:
    """`GET /alarms`, and the form that takes note of one."""

    def __init__(self, *, frame: Frame, list: AlarmList, alarms: Alarms, gate: Gate) -> None:
        self._frame = frame
        self._list = list
        self._alarms = alarms
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, ALARMS, self.show, rule=Depends(rules.any_of(Scope.READ)))
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        add_page(app, f"{ALARMS}/{{number}}/acknowledge", self.acknowledge, rule=operate, method="POST")

    async def show(self, request: Request, asked: Annotated[AlarmPageParameters, Query()]) -> Response:
        """Show the alarms, newest first."""
        found = await self._list.page(kind=None, acknowledged=asked.acknowledged, limit=PAGE, cursor=asked.cursor)
        return self._frame.page(
            request,
            "alarms.html",
            current=ALARMS,
            rows=[(alarm, advice_on(alarm.kind)) for alarm in found.rows],
            links=links_of(request, found, api="/v1/alarms"),
            asked=asked,
        )

    async def acknowledge(self, number: Number, request: Request) -> Response:
        """Take note of one."""
        if not await self._alarms.acknowledge(number, by=actor_of(request, self._gate)):
            return self._frame.missing(request, "There is no alarm of this number.", current=ALARMS)
        return go_to(f"{ALARMS}?said=noted")
