"""Stucco's query service: search, a vertex, its edges and counts, in the form that Stucco's clients read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette import __version__
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.graph.port import Direction, EdgeView, GraphReading, VertexFilter, VertexView
from vedette.graph.stucco_question import MAX_QUESTION, reference_of, search_of
from web.api.access import Rules
from web.api.problems import ProblemError
from web.api.v1.described import problems
from web.api.v1.graph_places import the_graph
from web.api.v1.parameters import Parameters

_INSTEAD: Final = {"in": "inEdges", "out": "outEdges"}


class QuestionParameters(Parameters):
    """What is looked for."""

    q: Annotated[str, Field(max_length=MAX_QUESTION)] = ""
    """JSON of property -> text: `description` and `sourceDocument` contain it, `text` is looked for as words in
    names, aliases and descriptions, all others are equal to it; `days` means seen in so many days."""
    page: Annotated[str, Field(pattern=r"^[0-9]{0,9}$")] = ""
    """Number of the page, the first is 0; may stand in `q`, too."""
    pageSize: Annotated[str, Field(pattern=r"^[0-9]{0,9}$")] = ""
    """Results in a page, 20 unless said; may stand in `q`, too."""


class StuccoAnswer(BaseModel):
    """What every answer has."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """How many results are in this answer; of a count, how many there are."""
    success: bool
    """Always true: what fails is answered with its status."""
    version: str
    """Of Vedette."""
    queryTime: float
    """Milliseconds that it took."""


class FoundAnswer(StuccoAnswer):
    """Vertices, each its properties and `_id`."""

    results: list[dict[str, Any]]
    """The vertices of this page."""
    total: int
    """How many there are in all, as far as was counted; Stucco did not say."""


class VertexAnswer(StuccoAnswer):
    """One vertex."""

    results: dict[str, Any]
    """Its properties and `_id`."""


class EdgesAnswer(StuccoAnswer):
    """Edges."""

    results: list[Annotated[list[dict[str, Any]], Field(min_length=3, max_length=3)]]
    """Of each edge the vertex that is near in this direction's sense, the edge, and the other vertex."""


class StuccoGraphRoutes:
    """`/api/search`, `/api/vertex/…`, `/api/inEdges/…`, `/api/outEdges/…` and `/api/count/…`."""

    def __init__(self, *, graph: GraphReading | None, clock: Clock) -> None:
        self._graph = graph
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read: dict[str, Any] = {
            "methods": ["GET"],
            "dependencies": [Depends(rules.any_of(Scope.READ))],
            "tags": ["Stucco's"],
        }
        asked, one = problems(400, 422), problems(400, 404, 422)
        app.add_api_route("/api/search", self.search, response_model=FoundAnswer, responses=asked, **read)
        app.add_api_route("/api/count/vertices", self.vertices, response_model=StuccoAnswer, responses=asked, **read)
        app.add_api_route("/api/count/edges", self.edges, response_model=StuccoAnswer, responses=asked, **read)
        # A name may hold slashes.
        end = "{reference:path}"
        app.add_api_route(f"/api/vertex/{end}", self.vertex, response_model=VertexAnswer, responses=one, **read)
        app.add_api_route(f"/api/inEdges/{end}", self.in_edges, response_model=EdgesAnswer, responses=one, **read)
        app.add_api_route(f"/api/outEdges/{end}", self.out_edges, response_model=EdgesAnswer, responses=one, **read)

    async def search(self, asked: Annotated[QuestionParameters, Query()]) -> Response:
        """Search vertices."""
        graph, began = the_graph(self._graph), time.perf_counter()
        search = self._asked(asked)
        found = await graph.find(search.wanted, limit=search.page.size, offset=search.page.offset)
        return _answer(began, [_vertex(one) for one in found.vertices], total=found.count)

    async def vertices(self, asked: Annotated[QuestionParameters, Query()]) -> Response:
        """Count vertices: all, those that a search finds, or those seen in so many days."""
        graph, began = the_graph(self._graph), time.perf_counter()
        wanted = self._asked(asked).wanted
        if wanted == VertexFilter(since=wanted.since):
            count = (await graph.counts(since=wanted.since)).vertices
        else:
            count = (await graph.find(wanted, limit=1)).count
        return _answer(began, None, count=count)

    async def edges(self, asked: Annotated[QuestionParameters, Query()]) -> Response:
        """Count edges: all, or those stated in so many days."""
        graph, began = the_graph(self._graph), time.perf_counter()
        counts = await graph.counts(since=self._asked(asked).wanted.since)
        return _answer(began, None, count=counts.edges)

    async def vertex(self, reference: str, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Return a vertex, by its id or by `vertexType=…&name=…&id=…`."""
        began = time.perf_counter()
        found = await _find(the_graph(self._graph), request, reference)
        return _answer(began, _vertex(found), count=1)

    async def in_edges(
        self, reference: str, request: Request, asked: Annotated[QuestionParameters, Query()]
    ) -> Response:
        """Return the edges that enter a vertex: `[in-vertex, edge, out-vertex]` each."""
        return await self._edges(reference, request, asked, "in")

    async def out_edges(
        self, reference: str, request: Request, asked: Annotated[QuestionParameters, Query()]
    ) -> Response:
        """Return the edges that leave a vertex: `[out-vertex, edge, in-vertex]` each."""
        return await self._edges(reference, request, asked, "out")

    async def _edges(
        self, reference: str, request: Request, asked: QuestionParameters, direction: Direction
    ) -> Response:
        graph, began = the_graph(self._graph), time.perf_counter()
        page = self._asked(asked).page
        vertex = await _find(graph, request, reference)
        found = await graph.edges(vertex.id, direction=direction, limit=page.size, offset=page.offset)
        known = {**found.vertices, vertex.id: vertex}
        return _answer(began, [_edge(edge, known, direction) for edge in found.edges])

    def _asked(self, asked: QuestionParameters) -> Any:
        try:
            return search_of(asked.q, page=asked.page, size=asked.pageSize, now=self._clock.now())
        except RefusedError as error:
            raise ProblemError(400, str(error)) from error


async def _find(graph: GraphReading, request: Request, reference: str) -> VertexView:
    try:
        asked = reference_of(_raw(request, reference))
    except RefusedError as error:
        raise ProblemError(400, str(error)) from error
    found = await graph.vertex(asked.id) if asked.id else None
    if found is None and asked.name:
        wanted = VertexFilter(type=asked.type, observable_type=asked.observable_type, name=asked.name)
        page = await graph.find(wanted, limit=1)
        found = page.vertices[0] if page.vertices else None
    if found is None:
        raise ProblemError(404, "there is no such vertex")
    return found


def _raw(request: Request, reference: str) -> str:
    """Return the end of the path as it was sent: decoded, the `&` between parts and one in a name look the same."""
    raw = bytes(request.scope.get("raw_path") or b"").decode("latin-1")
    # `/api/KIND/` and the rest.
    parts = raw.split("/", 3)
    return parts[3] if len(parts) == 4 else reference


def _answer(began: float, results: Any, *, count: int | None = None, **more: int) -> Response:
    body: dict[str, Any] = {} if results is None else {"results": results}
    body["count"] = len(results) if count is None else count
    body |= {"success": True, "version": __version__, "queryTime": round((time.perf_counter() - began) * 1000, 3)}
    return Response(orjson.dumps(body | more), media_type="application/json")


def _vertex(vertex: VertexView) -> dict[str, Any]:
    return {**vertex.as_stucco(), "_id": vertex.id}


def _edge(edge: EdgeView, known: Mapping[str, VertexView], direction: Direction) -> Sequence[dict[str, object]]:
    ends = (edge.in_id, edge.out_id)
    entered, left = ({**(_vertex(known[one]) if one in known else {}), "_id": one} for one in ends)
    described = {
        "_inV": edge.in_id,
        "inVType": entered.get("vertexType", ""),
        "_outV": edge.out_id,
        "outVType": left.get("vertexType", ""),
        "label": edge.relation,
        "description": f"{edge.out_id} : {edge.relation} : {edge.in_id}",
        "count": edge.count,
    }
    return [entered, described, left] if direction == "in" else [left, described, entered]
