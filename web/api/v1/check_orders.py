"""Agents' own checks over HTTP: paused, resumed, run now."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette.messages.control import CheckAction
from web.api.access import Rules
from web.api.check_orders import CheckOrders
from web.api.gate import Gate
from web.api.v1.acting import actor_of
from web.api.v1.agents import Jid
from web.api.v1.described import problems
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, Parameters

CheckName = Annotated[
    str,
    Path(
        min_length=1, max_length=128, pattern=r"^[^\x00/]+$", description="The check, as the agent's state names it."
    ),
]
"""A check of an agent."""

Action = Annotated[CheckAction, Path(description="What the check shall do.")]
"""An order."""


class Obeyed(BaseModel):
    """An order that was obeyed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    reason: str
    """What one must know about it; empty: nothing."""


class CheckOrderRoutes:
    """`POST /v1/agents/{jid}/checks/{check}/{action}`."""

    def __init__(self, *, orders: CheckOrders, gate: Gate) -> None:
        self._orders = orders
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/v1/agents/{jid}/checks/{check}/{action}",
            self.order,
            methods=["POST"],
            dependencies=[Depends(rules.any_of(Scope.OPERATE))],
            response_model=Obeyed,
            responses=problems(404, 422, 503),
            tags=["agents"],
        )

    async def order(
        self, jid: Jid, check: CheckName, action: Action, request: Request, _: Annotated[Parameters, Query()]
    ) -> Response:
        """Have an agent pause, resume or run one of its own checks; a pause survives the agent's restart."""
        said = await self._orders.give(jid, check, action, by=actor_of(request, self._gate))
        return Response(orjson.dumps({"reason": said}), media_type=MEDIA_TYPES[Form.JSON])
