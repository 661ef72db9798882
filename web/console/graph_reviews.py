"""Pairs that may be the same thing: a person decides, with a reason, and takes decisions back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.graph_decisions import GraphDecisions
from registry.listing import Page
from vedette.graph.port import Decision, GraphReading, UnknownVertexError, VertexView
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.console.frame import Frame, add_page, links_of
from web.console.graph import GRAPH, OffsetParameters
from web.console.graph_addresses import MAX_ID, vertex_address
from web.console.parameters import PAGE

REVIEWS: Final = f"{GRAPH}/reviews"
"""Where the page is."""

DECIDE: Final = f"{GRAPH}/decide"
"""Where its form goes."""

UNDO: Final = f"{GRAPH}/decisions/{{number}}/undo"
"""Where the form goes that takes a decision back."""

_WHY: Final = "Say why: the reason is kept."


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two vertices of which somebody has to say whether they are the same thing."""

    decision: Decision
    """What the rules found."""
    first: VertexView | None
    """The one; None where it is not there any more."""
    second: VertexView | None
    """The other."""


class GraphReviewRoutes:
    """`GET /graph/reviews`, `POST /graph/decide` and `POST /graph/decisions/{number}/undo`."""

    def __init__(self, *, frame: Frame, graph: GraphReading, decisions: GraphDecisions, gate: Gate) -> None:
        self._frame = frame
        self._graph = graph
        self._decisions = decisions
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        add_page(app, REVIEWS, self.show, rule=Depends(rules.any_of(Scope.READ)))
        add_page(app, DECIDE, self.decide, rule=operate, method="POST")
        add_page(app, UNDO, self.undo, rule=operate, method="POST")

    async def show(self, request: Request, asked: Annotated[OffsetParameters, Query()]) -> Response:
        """Show the pairs, most alike first."""
        return await self._show(request, asked)

    async def decide(self, request: Request) -> Response:
        """Say that two are, or are not, the same."""
        form = await read_form(request)
        first, second, same = (form.get(name, "").strip() for name in ("first", "second", "same"))
        why = _reason(form)
        if why is None or same not in ("yes", "no") or not _is_pair(first, second):
            problem = _WHY if why is None else "Name two vertices by their ids, and say whether they are the same."
            return await self._show(request, OffsetParameters(), problem=problem, status=422)
        by = actor_of(request, self._gate)
        try:
            await self._decisions.decide(first, second, same=same == "yes", why=why, by=by)
        except UnknownVertexError:
            return self._frame.missing(request, "One of the two is not in the graph.", current=GRAPH)
        back = vertex_address(first) if form.get("back") == "vertex" else REVIEWS
        return go_to(f"{back}?said=decided")

    async def undo(
        self, number: Annotated[int, Path(ge=1, le=2**53, description="The decision's number.")], request: Request
    ) -> Response:
        """Take a decision back, a person's or one of the rules'."""
        form = await read_form(request)
        why, vertex = _reason(form), form.get("vertex", "")
        if why is None:
            return await self._show(request, OffsetParameters(), problem=_WHY, status=422)
        try:
            await self._decisions.undo(number, why=why, by=actor_of(request, self._gate))
        except UnknownVertexError:
            return self._frame.missing(request, "There is no such decision, or no more.", current=GRAPH)
        return go_to(f"{vertex_address(vertex) if _is_id(vertex) else REVIEWS}?said=undone")

    async def _show(
        self, request: Request, asked: OffsetParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        found = await self._graph.reviews(limit=PAGE + 1, offset=asked.offset)
        rows = [await self._pair(decision) for decision in found[:PAGE]]
        page = Page(rows=rows, **asked.beside(more=len(found) > PAGE))
        return self._frame.page(
            request,
            "graph_reviews.html",
            current=GRAPH,
            status=status,
            rows=rows,
            links=links_of(request, page, api="/v1/graph/reviews", path=REVIEWS),
            asked=asked,
            problem=problem,
        )

    async def _pair(self, decision: Decision) -> Pair:
        first, second = await self._graph.vertex(decision.first), await self._graph.vertex(decision.second)
        return Pair(decision=decision, first=first, second=second)


def _reason(form: Mapping[str, str]) -> str | None:
    why = form.get("why", "").strip()
    return why if why and "\0" not in why and len(why) <= MAX_TEXT else None


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID and "\0" not in text


def _is_pair(first: str, second: str) -> bool:
    return _is_id(first) and _is_id(second) and first != second
