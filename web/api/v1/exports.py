"""Exports over HTTP: asked for, listed, decided about and done again; and how the destinations fare."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.exports import UnknownExportError
from registry.listing import Page
from registry.sharing_desk import SharingDesk
from vedette.errors import ConflictError
from vedette.messages.limits import MAX_TEXT
from vedette.sharing.request import DestinationStatus, Export, ExportRequest, ExportState
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.answers import json_answer
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import UUID, ListParameters, Parameters, Text

_BAD = (400, 408, 411, 413, 415, 422)

Uuid = Annotated[str, Path(pattern=UUID, description="The export's uuid.")]


class ExportParameters(ListParameters):
    """Which exports to list."""

    state: ExportState | None = None
    """Only those in this state."""
    destination: Text | None = None
    """Only those to the destination of this name."""
    share: Text | None = None
    """Only those of the share of this name."""


class Approval(BaseModel):
    """Which plan may be carried out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    digest: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
    """Digest of the plan that you have seen; another is not carried out."""


class Rejection(BaseModel):
    """Why an export shall not be carried out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    why: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """The reason; others will read it."""


class ExportRoutes:
    """`/v1/exports`, what is under it, and `/v1/destinations`."""

    def __init__(self, *, desk: SharingDesk, lists: Lists, gate: Gate) -> None:
        self._exports = desk.exports
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = Depends(rules.any_of(Scope.READ)), Depends(rules.any_of(Scope.OPERATE))
        add_list(app, "/v1/destinations", self.destinations, kind=DestinationStatus, rule=read)
        add_list(app, "/v1/exports", self.list, kind=Export, rule=read)
        one = "/v1/exports/{uuid}"
        usual: dict[str, Any] = {"response_model": Export, "tags": ["exports"]}
        app.add_api_route(one, self.get, methods=["GET"], dependencies=[read], responses=problems(404, 422), **usual)
        posted = usual | {"methods": ["POST"], "dependencies": [operate]}
        asked: dict[str, Any] = {"openapi_extra": body_of(ExportRequest), "responses": problems(*_BAD)}
        app.add_api_route("/v1/exports", self.request, status_code=201, **posted, **asked)
        decided = posted | {"responses": problems(404, 409, *_BAD)}
        app.add_api_route(f"{one}/approve", self.approve, openapi_extra=body_of(Approval), **decided)
        app.add_api_route(f"{one}/reject", self.reject, openapi_extra=body_of(Rejection), **decided)
        again = posted | {"responses": problems(404, 409, 422)}
        app.add_api_route(f"{one}/retry", self.retry, **again)

    async def destinations(self, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the destinations and how they fare, in the order of the configuration; former ones at the end."""
        rows = await self._exports.status()
        return await self._lists.answer(
            request, asked, lambda limit, cursor: _all(rows), kind=DestinationStatus, name="destinations"
        )

    async def list(self, request: Request, asked: Annotated[ExportParameters, Query()]) -> Response:
        """List exports, newest first, without their plans and outcomes: each has them under its uuid."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._exports.page(
                state=asked.state,
                destination=asked.destination,
                share=asked.share,
                whole=False,
                limit=limit,
                cursor=cursor,
            ),
            kind=Export,
            name="exports",
        )

    async def request(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Ask for an export; one that waits already for the same is woken and returned, so asking twice is one."""
        wanted = await read_model(request, ExportRequest)
        made = await self._exports.request(wanted, by=actor_of(request, self._gate))
        return json_answer(made, status=201, headers={"Location": f"/v1/exports/{made.uuid}"})

    async def get(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return an export with its plan, or with what was done."""
        return await _decided(self._exports.get(uuid))

    async def approve(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Let the plan of this digest be carried out; 409 where it is another by now, or does not wait for that."""
        wanted = await read_model(request, Approval)
        by = actor_of(request, self._gate)
        return await _decided(self._exports.approve(uuid, by=by, digest=wanted.digest))

    async def reject(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Let an export that waits not be carried out; 409 where it runs or has ended."""
        wanted = await read_model(request, Rejection)
        return await _decided(self._exports.reject(uuid, by=actor_of(request, self._gate), why=wanted.why))

    async def retry(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Do an export that has ended again from its beginning; 409 where it has not."""
        return await _decided(self._exports.retry(uuid, by=actor_of(request, self._gate)))


async def _all(rows: list[DestinationStatus]) -> Page[DestinationStatus]:
    """Return a list that is never longer than a page: a configuration has few destinations."""
    return Page(rows=rows)


async def _decided(doing: Awaitable[Export]) -> Response:
    """Return the export that was asked for or decided about.

    Raises:
        ProblemError: there is none, or it cannot be so.
    """
    try:
        return json_answer(await doing)
    except UnknownExportError as error:
        raise ProblemError(404, "there is no export of this uuid") from error
    except ConflictError as error:
        raise ProblemError(409, str(error)) from error
