"""Dead letters over HTTP: seen, replayed or discarded by a person, as `vedette dead-letters` does."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.dead_letter_list import DeadLetterLine, DeadLetters, UnknownPlaceError
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import UUID, Form, ListParameters, Parameters

PLACE = r"^(queue|outbox):[^\x00]{1,128}$"

Place = Annotated[str, Path(pattern=PLACE, description="`queue:NAME` or `outbox:NAME`.")]
Uuid = Annotated[str, Path(pattern=UUID, description="The item's uuid.")]


class DeadLetterParameters(ListParameters):
    """Which dead letters to list."""

    place: Annotated[str, Field(pattern=PLACE)] | None = None
    """Only those there: `queue:NAME` or `outbox:NAME`."""
    discarded: bool = False
    """Also those that a person gave up for good, with the reason."""


class Why(BaseModel):
    """Why a person decides so."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """The reason; it is kept with the tombstone."""


class Decided(BaseModel):
    """What was done."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    place: str
    """Where."""
    uuid: str
    """With which item."""
    done: str
    """`replayed` or `discarded`."""


class DeadLetterRoutes:
    """`GET /v1/dead-letters`, and the decisions about one."""

    def __init__(self, *, letters: DeadLetters, lists: Lists, gate: Gate) -> None:
        self._letters = letters
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = (Depends(rules.any_of(scope)) for scope in (Scope.READ, Scope.OPERATE))
        add_list(app, "/v1/dead-letters", self.list, kind=DeadLetterLine, rule=read, statuses=[404, 503])
        decided: dict[str, Any] = {"methods": ["POST"], "dependencies": [operate], "response_model": Decided}
        decided |= {"responses": problems(404, 422, 503), "tags": ["dead letters"]}
        one = "/v1/dead-letters/{place}/{uuid}"
        app.add_api_route(f"{one}/replay", self.replay, **decided)
        app.add_api_route(f"{one}/discard", self.discard, openapi_extra=body_of(Why), **decided)

    async def list(self, request: Request, asked: Annotated[DeadLetterParameters, Query()]) -> Response:
        """List dead letters of the queues and of this machine's outboxes, newest first."""
        try:
            return await self._lists.answer(
                request,
                asked,
                lambda limit, cursor: self._letters.page(
                    place=asked.place, discarded=asked.discarded, limit=limit, cursor=cursor
                ),
                kind=DeadLetterLine,
                name="dead-letters",
            )
        except UnknownPlaceError as error:
            raise ProblemError(404, str(error)) from error

    async def replay(self, place: Place, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Let a dead letter be tried again, with all its attempts."""
        return await self._decide(place, uuid, request, None)

    async def discard(
        self, place: Place, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]
    ) -> Response:
        """Give a dead letter up for good; a tombstone with the reason stays."""
        return await self._decide(place, uuid, request, (await read_model(request, Why)).reason)

    async def _decide(self, place: str, uuid: str, request: Request, reason: str | None) -> Response:
        try:
            await self._letters.decide(place, uuid, reason=reason, by=actor_of(request, self._gate))
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError) as error:
            raise ProblemError(404, "there is no such dead letter; somebody may have decided about it") from error
        body = {"place": place, "uuid": uuid, "done": "replayed" if reason is None else "discarded"}
        return Response(orjson.dumps(body), media_type=MEDIA_TYPES[Form.JSON])
