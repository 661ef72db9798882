"""What an operator watches, over HTTP: the queues, what was refused, and the alarms."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from registry.alarm_list import AlarmList
from registry.alarms import Alarm, Alarms
from registry.callers import Scope
from registry.listing import Page
from registry.queues import Queues, QueueStatus
from registry.refusal_list import RefusalLine, RefusalList
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters, Text

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The alarm's number.")]


class RefusalParameters(ListParameters):
    """Which refusals to list."""

    sender: Text | None = None
    """Bare JID of who was refused."""


class AlarmParameters(ListParameters):
    """Which alarms to list."""

    kind: Text | None = None
    """What is wrong, one word."""
    acknowledged: bool | None = None
    """Only those that a person took note of, or only the others; all unless said."""


class Acknowledged(BaseModel):
    """That a person took note."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """The alarm's number."""
    acknowledged: bool
    """Always true."""


class OperationRoutes:
    """`GET /v1/queues`, `/v1/refusals` and `/v1/alarms`, and taking note of an alarm."""

    def __init__(
        self,
        *,
        queues: Queues,
        refusals: RefusalList,
        alarm_list: AlarmList,
        alarms: Alarms,
        lists: Lists,
        gate: Gate,
    ) -> None:
        self._queues = queues
        self._refusals = refusals
        self._alarm_list = alarm_list
        self._alarms = alarms
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/queues", self.queues, kind=QueueStatus, rule=read)
        add_list(app, "/v1/refusals", self.refusals, kind=RefusalLine, rule=read)
        add_list(app, "/v1/alarms", self.alarms, kind=Alarm, rule=read)
        app.add_api_route(
            "/v1/alarms/{number}/acknowledge",
            self.acknowledge,
            methods=["POST"],
            dependencies=[Depends(rules.any_of(Scope.OPERATE))],
            response_model=Acknowledged,
            responses=problems(404, 422),
            tags=["alarms"],
        )

    async def queues(self, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the queues by name, how much they hold and how long it has waited; there are few, so one page."""
        return await self._lists.answer(
            request, asked, lambda _limit, _cursor: self._all_queues(), kind=QueueStatus, name="queues"
        )

    async def refusals(self, request: Request, asked: Annotated[RefusalParameters, Query()]) -> Response:
        """List what was refused, newest first; the oldest are pruned."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._refusals.page(sender=asked.sender, limit=limit, cursor=cursor),
            kind=RefusalLine,
            name="refusals",
        )

    async def alarms(self, request: Request, asked: Annotated[AlarmParameters, Query()]) -> Response:
        """List alarms, newest first."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._alarm_list.page(
                kind=asked.kind, acknowledged=asked.acknowledged, limit=limit, cursor=cursor
            ),
            kind=Alarm,
            name="alarms",
        )

    async def acknowledge(self, number: Number, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Say that a person took note of an alarm; it stays in the list."""
        if not await self._alarms.acknowledge(number, by=actor_of(request, self._gate)):
            raise ProblemError(404, "there is no alarm of this number")
        return Response(orjson.dumps({"id": number, "acknowledged": True}), media_type=MEDIA_TYPES[Form.JSON])

    async def _all_queues(self) -> Page[QueueStatus]:
        return Page(rows=await self._queues.statuses())
