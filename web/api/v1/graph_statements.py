"""Where the knowledge graph has it from, over HTTP: who says what where, and why two vertices are one or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.gone_bytes import GoneBytes
from registry.listing import Page
from vedette.graph.port import Decision, Explanation, GraphReading, Mention, UnknownVertexError
from web.api.access import Rules
from web.api.problems import ProblemError
from web.api.v1.answers import json_answer
from web.api.v1.described import problems
from web.api.v1.graph_answers import MentionLine, VertexLine
from web.api.v1.graph_places import OneId, VertexId, by_offset, the_graph, the_vertex
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import UUID, ListParameters, Parameters, Text

Item = Annotated[str, Path(pattern=UUID, description="An item's uuid, in lower case.")]


class MentionParameters(ListParameters):
    """Which mentions of a vertex to list."""

    property: Text | None = None
    """Only those that say something of this property."""
    value: Text | None = None
    """Only those that say that it has, or holds, this value."""


class EdgeMentionParameters(ListParameters):
    """Which edge's mentions to list."""

    start: OneId
    """Id of the vertex that it leaves."""
    goal: OneId
    """Id of the vertex that it enters."""
    relation: Text
    """Its relation."""


class PairParameters(Parameters):
    """Which two vertices."""

    first: OneId
    """Id of the one."""
    second: OneId
    """Id of the other."""


class GraphStatementRoutes:
    """Mentions of vertices and edges, what an item says, `/v1/graph/explain` and `/v1/graph/reviews`."""

    def __init__(self, *, graph: GraphReading | None, gone: GoneBytes, lists: Lists) -> None:
        """Wire them; `gone` tells what became of the documents' bytes."""
        self._graph = graph
        self._gone = gone
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        rule = Depends(rules.any_of(Scope.READ))
        mentions = "/v1/graph/vertices/{vertex}/mentions"
        add_list(app, mentions, self.mentions, kind=MentionLine, rule=rule, statuses=[404])
        add_list(app, "/v1/graph/edge-mentions", self.edge_mentions, kind=MentionLine, rule=rule)
        add_list(app, "/v1/graph/items/{uuid}", self.said_by, kind=VertexLine, rule=rule)
        add_list(app, "/v1/graph/reviews", self.reviews, kind=Decision, rule=rule)
        read: dict[str, Any] = {"methods": ["GET"], "dependencies": [rule], "tags": ["graph"]}
        app.add_api_route(
            "/v1/graph/explain", self.explain, response_model=Explanation, responses=problems(404, 422), **read
        )

    async def mentions(
        self, vertex: VertexId, request: Request, asked: Annotated[MentionParameters, Query()]
    ) -> Response:
        """List who says that a vertex is there, or that a property of it holds a value: item, place, and proof."""
        graph = the_graph(self._graph)
        await the_vertex(graph, vertex)

        async def read(limit: int, offset: int) -> Sequence[Mention]:
            of, value = asked.property or "", asked.value or ""
            return await graph.mentions(vertex, property=of, value=value, limit=limit, offset=offset)

        return await self._mentions(request, asked, read)

    async def edge_mentions(self, request: Request, asked: Annotated[EdgeMentionParameters, Query()]) -> Response:
        """List who states an edge: item, place in its document, and proof."""
        graph = the_graph(self._graph)

        async def read(limit: int, offset: int) -> Sequence[Mention]:
            return await graph.edge_mentions(asked.start, asked.goal, asked.relation, limit=limit, offset=offset)

        return await self._mentions(request, asked, read)

    async def _mentions(self, request: Request, asked: ListParameters, read: Any) -> Response:
        async def lines(limit: int, offset: int) -> Sequence[MentionLine]:
            found = await read(limit, offset)
            gone = await self._gone.of({one.origin.item for one in found})
            return [MentionLine.of(one, gone=gone) for one in found]

        async def fetch(limit: int, cursor: str | None) -> Page[MentionLine]:
            return await by_offset("graph mentions", limit, cursor, lines)

        return await self._lists.answer(request, asked, fetch, kind=MentionLine, name="mentions")

    async def said_by(self, uuid: Item, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the vertices that an item mentions, in the order of its document."""
        graph = the_graph(self._graph)

        async def read(limit: int, offset: int) -> Sequence[VertexLine]:
            found = await graph.said_by(uuid, limit=limit, offset=offset)
            return [VertexLine.of(vertex) for vertex in found.vertices]

        async def fetch(limit: int, cursor: str | None) -> Page[VertexLine]:
            return await by_offset("graph item", limit, cursor, read)

        return await self._lists.answer(request, asked, fetch, kind=VertexLine, name="vertices")

    async def reviews(self, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the pairs that may be the same and wait for a person, most alike first."""
        graph = the_graph(self._graph)

        async def read(limit: int, offset: int) -> Sequence[Decision]:
            return await graph.reviews(limit=limit, offset=offset)

        async def fetch(limit: int, cursor: str | None) -> Page[Decision]:
            return await by_offset("graph reviews", limit, cursor, read)

        return await self._lists.answer(request, asked, fetch, kind=Decision, name="reviews")

    async def explain(self, asked: Annotated[PairParameters, Query()]) -> Response:
        """Return why two vertices were or were not merged."""
        try:
            found = await the_graph(self._graph).explain(asked.first, asked.second)
        except UnknownVertexError as error:
            raise ProblemError(404, str(error)) from error
        return json_answer(asdict(found))
