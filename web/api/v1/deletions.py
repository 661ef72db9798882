"""Deleting a payload over HTTP, as `vedette items delete` does it: a tombstone stays, and so does the proof."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_detail import ItemDetails, PayloadDeletion
from registry.items import UnknownItemError
from registry.retention import Retention
from vedette.errors import RefusedError
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.described import problems
from web.api.v1.items import Uuid
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, Parameters


class DeletionParameters(Parameters):
    """Why a payload is deleted."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """The reason; it is in the tombstone and in bundles."""
    unproved: bool = False
    """Even if the item's proof is not there yet."""


class DeletionRoutes:
    """`DELETE /v1/items/{uuid}/payload`."""

    def __init__(self, *, retention: Retention, details: ItemDetails, gate: Gate) -> None:
        self._retention = retention
        self._details = details
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/v1/items/{uuid}/payload",
            self.delete,
            methods=["DELETE"],
            dependencies=[Depends(rules.any_of(Scope.ADMIN))],
            response_model=PayloadDeletion,
            responses=problems(404, 409, 422),
            tags=["items"],
        )

    async def delete(self, uuid: Uuid, request: Request, asked: Annotated[DeletionParameters, Query()]) -> Response:
        """Delete an item's payload for good; refused while it is on hold, or not proved."""
        try:
            await self._details.find(uuid)
        except UnknownItemError as error:
            raise ProblemError(404, "there is no item with this uuid") from error
        deleting = self._retention.delete(
            uuid, actor=actor_of(request, self._gate), reason=asked.reason, unproved=asked.unproved
        )
        try:
            done = await deleting
        except RefusedError as error:
            raise ProblemError(409, error.reason) from error
        body = {"deleted_at": done.at, "deleted_by": done.by, "reason": done.reason, "policy": done.policy}
        return Response(orjson.dumps(body), media_type=MEDIA_TYPES[Form.JSON])
