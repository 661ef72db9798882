"""What people decide about the graph, over HTTP: whether two are the same, and whose word counts no more."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.graph_decisions import GraphDecisions
from vedette.graph.port import UnknownVertexError
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.answers import json_answer
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.graph_places import NO_GRAPH, OneId
from web.api.v1.parameters import UUID, Parameters

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The decision's number.")]

Why = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]

_STRICT: Final = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Decided(BaseModel):
    """That two vertices are, or are not, the same thing."""

    model_config = _STRICT

    first: OneId
    """Id of the one."""
    second: OneId
    """Id of the other."""
    same: bool
    """Whether they are."""
    why: Why
    """Why; kept."""


class Undone(BaseModel):
    """Why a decision is withdrawn."""

    model_config = _STRICT

    why: Why
    """Why; kept."""


class Withdrawn(BaseModel):
    """What is taken back: what only an item said, or only the items of a routing key."""

    model_config = _STRICT

    item: Annotated[str, Field(pattern=UUID)] | None = None
    """The item's uuid."""
    source: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")] | None = None
    """The routing key (`meta.source`), whole."""
    why: Why
    """Why; kept."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.item is None) == (self.source is None):
            raise ValueError("name an item or a source, one of both")
        return self


class Numbered(BaseModel):
    """A decision that was made."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Its number: it can be undone by it."""


class TakenBack(BaseModel):
    """What was taken back."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    subgraphs: int
    """How many subgraphs, one an item and extractor."""


class GraphDecisionRoutes:
    """`POST /v1/graph/decisions`, `…/{number}/undo` and `POST /v1/graph/withdrawals`."""

    def __init__(self, *, decisions: GraphDecisions | None, gate: Gate) -> None:
        self._decisions = decisions
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        post: dict[str, Any] = {
            "methods": ["POST"],
            "dependencies": [Depends(rules.any_of(Scope.OPERATE))],
            "tags": ["graph"],
            "responses": problems(404, 422),
        }
        place = "/v1/graph/decisions"
        made: dict[str, Any] = {"response_model": Numbered, "openapi_extra": body_of(Decided), **post}
        app.add_api_route(place, self.decide, status_code=201, **made)
        undone: dict[str, Any] = {"response_model": Numbered, "openapi_extra": body_of(Undone), **post}
        app.add_api_route(f"{place}/{{number}}/undo", self.undo, **undone)
        taken: dict[str, Any] = {"response_model": TakenBack, "openapi_extra": body_of(Withdrawn), **post}
        app.add_api_route("/v1/graph/withdrawals", self.withdraw, **taken)

    async def decide(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Say that two vertices are, or are not, the same thing; it counts more than the rules."""
        decisions = self._writer()
        decided = await read_model(request, Decided)
        by = actor_of(request, self._gate)
        try:
            number = await decisions.decide(decided.first, decided.second, same=decided.same, why=decided.why, by=by)
        except UnknownVertexError as error:
            raise ProblemError(404, str(error)) from error
        return json_answer({"id": number}, status=201)

    async def undo(self, number: Number, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Withdraw a decision, a person's or a rule's; vertices are again what they would be without it."""
        decisions = self._writer()
        undone = await read_model(request, Undone)
        try:
            await decisions.undo(number, why=undone.why, by=actor_of(request, self._gate))
        except UnknownVertexError as error:
            raise ProblemError(404, str(error)) from error
        return json_answer({"id": number})

    async def withdraw(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Take back what only an item, or only the items of a routing key, said; the mentions stay, marked so."""
        decisions = self._writer()
        asked = await read_model(request, Withdrawn)
        by = actor_of(request, self._gate)
        count = await decisions.withdraw(item=asked.item, source=asked.source, why=asked.why, by=by)
        return json_answer({"subgraphs": count})

    def _writer(self) -> GraphDecisions:
        if self._decisions is None:
            raise ProblemError(503, NO_GRAPH)
        return self._decisions
