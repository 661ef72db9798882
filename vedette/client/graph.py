"""The knowledge graph of a hub: what is known of a name, what lies around it, and who says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from vedette.client.address import Query, path_of
from vedette.client.connection import MAX_ANSWER, Connection
from vedette.client.graph_answers import (
    ChangedVertex,
    Edge,
    GraphCounts,
    GraphDecision,
    GraphExplanation,
    GraphPicture,
    Mention,
    Vertex,
)
from vedette.client.listing import rows
from vedette.client.model import Model, parsed

ExportFormat = Literal["stix", "graphml", "stucco"]
"""What a part of the graph is exported as."""


class _Numbered(Model):
    id: int


class _TakenBack(Model):
    subgraphs: int


class Graph:
    """The knowledge graph of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        text: str | None = None,
        name: str | None = None,
        type: str | None = None,
        observable_type: str | None = None,
        property: str | None = None,
        value: str | None = None,
        contains: str | None = None,
        since: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Vertex]:
        """Iterate over vertices, those that fit best and then those seen last first; what is None does not matter.

        Args:
            text: words, or parts of words, in names, aliases, descriptions and other values.
            name: equal to the name or an alias, in whatever spelling.
            type: the vertexType.
            observable_type: the observableType.
            property: the property that `value` and `contains` are about; `description` unless said.
            value: what it is equal to, or holds.
            contains: what it contains, whatever the case.
            since: microseconds since 1970: seen then or later.
            limit: vertices at most.
        """
        query: Query = {
            "text": text,
            "name": name,
            "type": type,
            "observable_type": observable_type,
            "property": property,
            "value": value,
            "contains": contains,
            "since": since,
        }
        return rows(self._connection, "/v1/graph/vertices", Vertex, query=query, limit=limit)

    async def get(self, vertex: str) -> Vertex:
        """Return a vertex; the id of one that was merged into it leads to it, too.

        Raises:
            ApiError: 404, there is none.
        """
        return parsed(Vertex, await self._connection.get(_place(vertex)))

    def edges(
        self, vertex: str, *, direction: str | None = None, relation: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Edge]:
        """Iterate over a vertex' edges: those that leave it (`out`), enter it (`in`), or all."""
        query: Query = {"direction": direction, "relation": relation}
        return rows(self._connection, _place(vertex, "edges"), Edge, query=query, limit=limit)

    async def neighbours(
        self,
        vertex: str,
        *,
        depth: int = 1,
        relations: Sequence[str] = (),
        types: Sequence[str] = (),
        limit: int | None = None,
        fan_out: int | None = None,
    ) -> GraphPicture:
        """Return what lies around a vertex, nearest first.

        Args:
            vertex: its id.
            depth: steps away from it.
            relations: only these are followed; none: all.
            types: only vertices of these types or observable types; none: all.
            limit: vertices at most.
            fan_out: edges of one vertex that are followed at most.

        Raises:
            ApiError: 404 there is no such vertex, 429 too many pictures are in work.
        """
        query = _picture(depth=depth, relations=relations, types=types, limit=limit, fan_out=fan_out)
        return parsed(GraphPicture, await self._connection.get(_place(vertex, "neighbours"), query))

    async def export(
        self,
        vertex: str,
        *,
        format: ExportFormat = "stix",
        depth: int = 1,
        relations: Sequence[str] = (),
        types: Sequence[str] = (),
        limit: int | None = None,
        fan_out: int | None = None,
    ) -> bytes:
        """Return what lies around a vertex as a file; see `neighbours`.

        Raises:
            ApiError: 404 there is no such vertex, 429 too many pictures are in work.
        """
        asked = _picture(depth=depth, relations=relations, types=types, limit=limit, fan_out=fan_out)
        path = _place(vertex, "export")
        async with self._connection.open(
            "GET", path, {**asked, "format": format}, headers={"Accept": "*/*"}
        ) as response:
            return b"".join([piece async for piece in self._connection.pieces(response, most=MAX_ANSWER)])

    async def path(self, start: str, goal: str, *, hops: int | None = None) -> GraphPicture:
        """Return a shortest path between two vertices, its vertices in their order.

        Raises:
            ApiError: 404 there is no path so short or no such vertex, 422 too much lies between them.
        """
        query: Query = {"start": start, "goal": goal, "hops": hops}
        return parsed(GraphPicture, await self._connection.get("/v1/graph/path", query))

    def changes(self, *, since: int | None = None, limit: int | None = None) -> AsyncIterator[ChangedVertex]:
        """Iterate over what became known after an instant, oldest first."""
        return rows(self._connection, "/v1/graph/changes", ChangedVertex, query={"since": since}, limit=limit)

    def mentions(
        self, vertex: str, *, property: str | None = None, value: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Mention]:
        """Iterate over who says that a vertex is there, or that a property of it holds a value; latest first."""
        query: Query = {"property": property, "value": value}
        return rows(self._connection, _place(vertex, "mentions"), Mention, query=query, limit=limit)

    def edge_mentions(
        self, start: str, goal: str, relation: str, *, limit: int | None = None
    ) -> AsyncIterator[Mention]:
        """Iterate over who states an edge; latest first."""
        query: Query = {"start": start, "goal": goal, "relation": relation}
        return rows(self._connection, "/v1/graph/edge-mentions", Mention, query=query, limit=limit)

    def said_by(self, item: str, *, limit: int | None = None) -> AsyncIterator[Vertex]:
        """Iterate over the vertices that an item mentions."""
        return rows(self._connection, path_of("v1", "graph", "items", item), Vertex, limit=limit)

    def reviews(self, *, limit: int | None = None) -> AsyncIterator[GraphDecision]:
        """Iterate over the pairs that wait for a person, most alike first."""
        return rows(self._connection, "/v1/graph/reviews", GraphDecision, limit=limit)

    async def explain(self, first: str, second: str) -> GraphExplanation:
        """Return why two vertices were or were not merged.

        Raises:
            ApiError: 404, there is no such vertex.
        """
        answer = await self._connection.get("/v1/graph/explain", {"first": first, "second": second})
        return parsed(GraphExplanation, answer)

    async def counts(self, *, since: int | None = None) -> GraphCounts:
        """Return how much there is, or was seen since an instant."""
        return parsed(GraphCounts, await self._connection.get("/v1/graph/counts", {"since": since}))

    async def decide(self, first: str, second: str, *, same: bool, why: str) -> int:
        """Say that two vertices are, or are not, the same thing; returns the decision's number.

        Raises:
            ApiError: 404, there is no such vertex.
        """
        body = {"first": first, "second": second, "same": same, "why": why}
        return parsed(_Numbered, await self._connection.send("POST", "/v1/graph/decisions", body)).id

    async def undo(self, decision: int, *, why: str) -> None:
        """Withdraw a decision.

        Raises:
            ApiError: 404, there is none.
        """
        path = path_of("v1", "graph", "decisions", str(decision), "undo")
        parsed(_Numbered, await self._connection.send("POST", path, {"why": why}))

    async def withdraw(self, *, item: str | None = None, source: str | None = None, why: str) -> int:
        """Take back what only an item, or only the items of a routing key, said; returns how many subgraphs.

        Raises:
            ApiError: not one of both was named.
        """
        body = {"item": item, "source": source, "why": why}
        return parsed(_TakenBack, await self._connection.send("POST", "/v1/graph/withdrawals", body)).subgraphs


def _place(vertex: str, *more: str) -> str:
    # The UUID at the end is enough, and no type's name can become a part of the path's form.
    return path_of("v1", "graph", "vertices", vertex[-36:], *more)


def _picture(
    *, depth: int, relations: Sequence[str], types: Sequence[str], limit: int | None, fan_out: int | None
) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    return {
        "depth": depth,
        "relations": tuple(relations) or None,
        "types": tuple(types) or None,
        "limit": limit,
        "fan_out": fan_out,
    }
