"""Dead letters over HTTP: seen, replayed or discarded by a person, as `vedette dead-letters` does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.dead_letter_bulk import DeadLetterBulk, LetterName
from registry.dead_letter_lines import QUEUE, DeadLetterLine, LettersWanted
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.items import Items, UnknownItemError
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.canonical import parse_json
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import UUID, Form, ListParameters, Moment, Parameters, Text

PLACE = r"^(queue|outbox):[^\x00]{1,128}$"

Place = Annotated[str, Path(pattern=PLACE, description="`queue:NAME` or `outbox:NAME`.")]
Uuid = Annotated[str, Path(pattern=UUID, description="The item's uuid.")]


BodyText = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]

_LETTER: dict[int | str, dict[str, Any]] = {
    200: {"description": "The letter's fields as the list has them, and `item`: the item in SCANDALE's form."},
    **problems(404, 422, 503),
}


class DeadLetterParameters(ListParameters):
    """Which dead letters to list."""

    place: Annotated[str, Field(pattern=PLACE)] | None = None
    """Only those there: `queue:NAME` or `outbox:NAME`."""
    discarded: bool = False
    """Also those that a person gave up for good, with the reason."""
    sender: Text | None = None
    """Bare JID of the agent that made the items."""
    reason: Text | None = None
    """What the reason, or the field that it names, has in it, whatever the case."""
    since: Moment | None = None
    """Given up then or later: microseconds since 1970, or a time such as 2026-11-22T06:00:00Z."""
    until: Moment | None = None
    """Given up before then."""


class Why(BaseModel):
    """Why a person decides so."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """The reason; it is kept with the tombstone."""


class ChosenLetter(BaseModel):
    """Which dead letter."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    place: Annotated[str, Field(pattern=PLACE)]
    """`queue:NAME` or `outbox:NAME`."""
    uuid: Annotated[str, Field(pattern=UUID)]
    """The item's uuid."""


class Decision(BaseModel):
    """What shall become of many dead letters: of those that are listed, or of all that fit."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Literal["replay", "discard"]
    """Try them again, or give them up for good."""
    why: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")] | None = (
        None
    )
    """The reason to discard them; kept with the tombstones."""
    letters: Annotated[list[ChosenLetter], Field(min_length=1, max_length=100)] | None = None
    """Those; null: all that fit."""
    place: Annotated[str, Field(pattern=PLACE)] | None = None
    """Fit: only those there."""
    sender: BodyText | None = None
    """Fit: only those of this agent."""
    reason: BodyText | None = None
    """Fit: only those whose reason has this in it."""
    until: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    """Fit: only those given up before, microseconds since 1970."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Decision:
        if (self.decision == "discard") != (self.why is not None):
            raise ValueError("why: is needed to discard, and only then")
        fits = (self.place, self.sender, self.reason, self.until)
        if self.letters is not None and any(value is not None for value in fits):
            raise ValueError("letters: give these, or what they must fit, not both")
        return self


class DecidedMany(BaseModel):
    """What was done."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    done: int
    """Letters that were replayed or discarded."""
    missing: int
    """Letters that were not there any more: somebody else decided about them."""
    left: int
    """Letters that fit and are still there: ask again."""


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

    def __init__(self, *, letters: DeadLetters, bulk: DeadLetterBulk, items: Items, lists: Lists, gate: Gate) -> None:
        self._letters = letters
        self._bulk = bulk
        self._items = items
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = (Depends(rules.any_of(scope)) for scope in (Scope.READ, Scope.OPERATE))
        add_list(app, "/v1/dead-letters", self.list, kind=DeadLetterLine, rule=read, statuses=[404, 503])
        decided: dict[str, Any] = {"methods": ["POST"], "dependencies": [operate], "response_model": Decided}
        decided |= {"responses": problems(404, 422, 503), "tags": ["dead letters"]}
        one = "/v1/dead-letters/{place}/{uuid}"
        app.add_api_route(
            one, self.show, methods=["GET"], dependencies=[read], responses=_LETTER, tags=["dead letters"]
        )
        many = decided | {"response_model": DecidedMany, "responses": problems(404, 413, 415, 422, 503)}
        app.add_api_route("/v1/dead-letters/decisions", self.decide, openapi_extra=body_of(Decision), **many)
        app.add_api_route(f"{one}/replay", self.replay, **decided)
        app.add_api_route(f"{one}/discard", self.discard, openapi_extra=body_of(Why), **decided)

    async def list(self, request: Request, asked: Annotated[DeadLetterParameters, Query()]) -> Response:
        """List dead letters of the queues and of this machine's outboxes, newest first."""
        wanted = LettersWanted(
            place=asked.place,
            discarded=asked.discarded,
            sender=asked.sender,
            reason=asked.reason,
            since=asked.since,
            until=asked.until,
        )
        try:
            return await self._lists.answer(
                request,
                asked,
                lambda limit, cursor: self._letters.page(wanted=wanted, limit=limit, cursor=cursor),
                kind=DeadLetterLine,
                name="dead-letters",
            )
        except UnknownPlaceError as error:
            raise ProblemError(404, str(error)) from error

    async def show(self, place: Place, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Return a dead letter with its whole item; `item` is null where that was deleted with a reason."""
        try:
            letter, data = await self._letters.find(place, uuid)
            in_store = data is None and place.startswith(QUEUE)
            item = await self._items.get(uuid) if in_store else None if data is None else parse_json(data)
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError, UnknownItemError) as error:
            raise ProblemError(404, "there is no such dead letter") from error
        return Response(orjson.dumps({**asdict(letter), "item": item}), media_type=MEDIA_TYPES[Form.JSON])

    async def decide(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Replay or discard many dead letters; each has its entry in the audit log."""
        asked, by = await read_model(request, Decision), actor_of(request, self._gate)
        try:
            if asked.letters is not None:
                names = [LetterName(place=one.place, uuid=one.uuid) for one in asked.letters]
                done = await self._bulk.decide(names, reason=asked.why, by=by)
            else:
                wanted = LettersWanted(place=asked.place, sender=asked.sender, reason=asked.reason, until=asked.until)
                done = await self._bulk.decide_all(wanted, reason=asked.why, by=by)
        except UnknownPlaceError as error:
            raise ProblemError(404, str(error)) from error
        return Response(orjson.dumps(done), media_type=MEDIA_TYPES[Form.JSON])

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
