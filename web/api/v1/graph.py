"""The knowledge graph over HTTP: its vertices, their edges, what changed, and how much there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.listing import Cursor, Order, Page, read_cursor, write_cursor
from vedette.graph.port import Direction, GraphCounts, GraphReading, VertexFilter
from web.api.access import Rules
from web.api.v1.answers import json_answer
from web.api.v1.described import problems
from web.api.v1.graph_answers import ChangeLine, DayLine, EdgeLine, VertexLine
from web.api.v1.graph_places import VertexId, by_offset, the_graph, the_vertex
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import ListParameters, Moment, Parameters, Text

_EDGES: Final = Order(name="graph edges", columns=(), kinds=(str,), descending=False)
_CHANGES: Final = Order(name="graph changes", columns=(), kinds=(int,), descending=False)

MAX_DAYS: Final = 10_000
"""Days of a timeline."""


class VertexParameters(ListParameters):
    """Which vertices to list; all conditions hold together."""

    text: Text | None = None
    """Words, or parts of words, in names, aliases, descriptions and other values."""
    name: Text | None = None
    """Equal to the name or an alias, in whatever spelling."""
    type: Text | None = None
    """The vertexType."""
    observable_type: Text | None = None
    """The observableType."""
    property: Text | None = None
    """Name of the property that `value` and `contains` are about; `description` unless said."""
    value: Text | None = None
    """What the property is equal to, or holds."""
    contains: Text | None = None
    """What the property contains, whatever the case."""
    since: Moment | None = None
    """Seen then or later."""


class EdgeParameters(ListParameters):
    """Which edges of a vertex to list."""

    direction: Direction = "both"
    """`out` leave it, `in` enter it."""
    relation: Text | None = None
    """Only these."""


class ChangeParameters(ListParameters):
    """Which changes to list."""

    since: Moment = 0
    """What the graph learned after then."""


class CountParameters(Parameters):
    """What to count."""

    since: Moment = 0
    """Only what was seen then or later."""


class TimelineParameters(Parameters):
    """How much of a timeline."""

    limit: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 500
    """The last days on which there was something."""


def _wanted(asked: VertexParameters) -> VertexFilter:
    """Return the vertices that parameters describe."""
    place = asked.property or "description"
    return VertexFilter(
        text=asked.text or "",
        name=asked.name or "",
        type=asked.type or "",
        observable_type=asked.observable_type or "",
        equals={} if asked.value is None else {place: asked.value},
        contains={} if asked.contains is None else {place: asked.contains},
        since=max(0, asked.since or 0),
    )


class GraphRoutes:
    """`/v1/graph/vertices`, what is known of each of them, `/v1/graph/changes` and `/v1/graph/counts`."""

    def __init__(self, *, graph: GraphReading | None, lists: Lists) -> None:
        self._graph = graph
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        rule = Depends(rules.any_of(Scope.READ))
        read: dict[str, Any] = {"methods": ["GET"], "dependencies": [rule], "tags": ["graph"]}
        add_list(app, "/v1/graph/vertices", self.list, kind=VertexLine, rule=rule)
        add_list(app, "/v1/graph/changes", self.changes, kind=ChangeLine, rule=rule)
        app.add_api_route(
            "/v1/graph/counts", self.counts, response_model=GraphCounts, responses=problems(422), **read
        )
        one = "/v1/graph/vertices/{vertex}"
        read["responses"] = problems(404, 422)
        app.add_api_route(one, self.get, response_model=VertexLine, **read)
        app.add_api_route(f"{one}/timeline", self.timeline, response_model=list[DayLine], **read)
        add_list(app, f"{one}/edges", self.edges, kind=EdgeLine, rule=rule, statuses=[404])

    async def list(self, request: Request, asked: Annotated[VertexParameters, Query()]) -> Response:
        """List vertices, those that fit best and then those seen last first."""
        graph, wanted = the_graph(self._graph), _wanted(asked)

        async def read(limit: int, offset: int) -> list[VertexLine]:
            found = await graph.find(wanted, limit=limit, offset=offset)
            return [VertexLine.of(vertex) for vertex in found.vertices]

        async def fetch(limit: int, cursor: str | None) -> Page[VertexLine]:
            return await by_offset("graph vertices", limit, cursor, read)

        return await self._lists.answer(request, asked, fetch, kind=VertexLine, name="vertices")

    async def changes(self, request: Request, asked: Annotated[ChangeParameters, Query()]) -> Response:
        """List what became known or was mentioned again, oldest first."""
        graph = the_graph(self._graph)

        async def fetch(limit: int, cursor: str | None) -> Page[ChangeLine]:
            since = asked.since if cursor is None else int(read_cursor(_CHANGES, cursor).key[0])
            found = await graph.changes(since, limit=limit)
            last = Cursor(following=True, key=(found[-1].changed_at,)) if len(found) == limit else None
            following = None if last is None else write_cursor(_CHANGES, last)
            return Page(rows=[ChangeLine.of_change(one) for one in found], next=following)

        return await self._lists.answer(request, asked, fetch, kind=ChangeLine, name="changes")

    async def counts(self, asked: Annotated[CountParameters, Query()]) -> Response:
        """Return how many vertices, edges, mentions and subgraphs there are, and pairs that wait for a person."""
        return json_answer(asdict(await the_graph(self._graph).counts(since=max(0, asked.since))))

    async def get(self, vertex: VertexId, _: Annotated[Parameters, Query()]) -> Response:
        """Return a vertex as it is now; the id of one that was merged into it leads to it, too."""
        return json_answer(VertexLine.of(await the_vertex(the_graph(self._graph), vertex)))

    async def timeline(self, vertex: VertexId, asked: Annotated[TimelineParameters, Query()]) -> Response:
        """Return on which days a vertex was mentioned, and how often; oldest first."""
        graph = the_graph(self._graph)
        await the_vertex(graph, vertex)
        days = await graph.timeline(vertex, limit=asked.limit)
        return json_answer([DayLine(day=day, mentions=mentions) for day, mentions in days])

    async def edges(self, vertex: VertexId, request: Request, asked: Annotated[EdgeParameters, Query()]) -> Response:
        """List a vertex' edges, those that leave it first."""
        graph = the_graph(self._graph)
        await the_vertex(graph, vertex)

        async def fetch(limit: int, cursor: str | None) -> Page[EdgeLine]:
            after = "" if cursor is None else str(read_cursor(_EDGES, cursor).key[0])
            found = await graph.edges(
                vertex, direction=asked.direction, relation=asked.relation or "", limit=limit, after=after
            )
            following = write_cursor(_EDGES, Cursor(following=True, key=(found.after,))) if found.after else None
            return Page(rows=[EdgeLine.of(edge, found.vertices) for edge in found.edges], next=following)

        return await self._lists.answer(request, asked, fetch, kind=EdgeLine, name="edges")
