"""Repairs over HTTP: what is wrong now and was, and taking note of one with a reason."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.repairs import RepairLine, Repairs, RepairState, RepairsWanted, UnknownRepairError
from vedette.messages.limits import MAX_TEXT
from vedette.repairs.repair import RepairKind, Severity
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters

LONGEST = 365 * 86_400
"""Seconds for which somebody may take note."""

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The repair's number.")]


class RepairParameters(ListParameters):
    """Which repairs to list."""

    kind: RepairKind | None = None
    """What kind of thing."""
    severity: Severity | None = None
    """How much they matter."""
    state: RepairState | None = None
    """open: nobody took note; noted: somebody did; ended: it is right again. All unless said."""
    ended: bool | None = None
    """Only those that are right again, or only those that are wrong now; all unless said."""


class Noted(BaseModel):
    """Why a person takes note of a repair, and for how long."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """What the person says about it; kept."""
    seconds: Annotated[int, Field(ge=60, le=LONGEST)] | None = None
    """For how long it is left alone; null: until it ends."""


class RepairRoutes:
    """`GET /v1/repairs`, and taking note of one."""

    def __init__(self, *, repairs: Repairs, lists: Lists, gate: Gate) -> None:
        self._repairs = repairs
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_list(app, "/v1/repairs", self.list, kind=RepairLine, rule=Depends(rules.any_of(Scope.READ)))
        app.add_api_route(
            "/v1/repairs/{number}/acknowledge",
            self.acknowledge,
            methods=["POST"],
            dependencies=[Depends(rules.any_of(Scope.OPERATE))],
            response_model=RepairLine,
            responses=problems(404, 422),
            openapi_extra=body_of(Noted),
            tags=["repairs"],
        )

    async def list(self, request: Request, asked: Annotated[RepairParameters, Query()]) -> Response:
        """List what is or was wrong, what was seen last first."""
        wanted = RepairsWanted(kind=asked.kind, severity=asked.severity, state=asked.state, ended=asked.ended)
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._repairs.page(wanted=wanted, limit=limit, cursor=cursor),
            kind=RepairLine,
            name="repairs",
        )

    async def acknowledge(self, number: Number, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Take note of a repair; it stays in the list until it ends, and is not counted as open meanwhile."""
        noted, by = await read_model(request, Noted), actor_of(request, self._gate)
        try:
            line = await self._repairs.acknowledge(number, reason=noted.reason, seconds=noted.seconds, by=by)
        except UnknownRepairError as error:
            raise ProblemError(404, str(error)) from error
        return Response(orjson.dumps(asdict(line)), media_type=MEDIA_TYPES[Form.JSON])
