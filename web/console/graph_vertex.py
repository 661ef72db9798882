"""One vertex: what is said of it and by whom, its edges, what was merged into it and why, when it was seen."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.gone_bytes import GoneBytes
from registry.listing import Page
from vedette.graph.port import Decision, Direction, GraphReading, Mention, VertexView
from web.api.access import Rules
from web.api.v1.parameters import Text
from web.console.address import Address
from web.console.frame import Frame, add_page, links_of
from web.console.graph import GRAPH, OffsetParameters
from web.console.graph_addresses import ID, MAX_ID, vertex_segment
from web.console.graph_days import draw_days
from web.console.graph_properties import PropertyRow, property_rows
from web.console.parameters import PAGE, PageParameters

VertexId = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=ID, description="The vertex' id.")]
"""A vertex in the path of a page."""

VERTEX: Final = f"{GRAPH}/vertex/{{vertex}}"
"""Where a vertex' page is."""

MEMBERS: Final = 20
"""Members whose merging is explained on the page."""

SAYINGS: Final = 100
"""Statements that are looked through for who says a value, the latest."""

ASKED: Final = 20
"""Values of which nothing was found among them and that are asked for one by one."""

_NO_VERTEX: Final = "There is no vertex with this id; what was said of it may have been taken back."


class VertexPageParameters(PageParameters):
    """Which edges of a vertex to show."""

    direction: Direction = "both"
    """Those that leave it, those that enter it, or both."""
    relation: Text | None = None
    """Only those of this relation."""


class MentionPageParameters(OffsetParameters):
    """Which statements about a vertex to show."""

    property: Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$")] | None = None
    """Only those that say this property."""
    value: Text | None = None
    """Only those that give it this value."""


class VertexPageRoutes:
    """`GET /graph/vertex/{vertex}`, and its statements one by one."""

    def __init__(self, *, frame: Frame, graph: GraphReading, gone: GoneBytes) -> None:
        """Wire them; `gone` tells what became of the documents' bytes."""
        self._frame = frame
        self._graph = graph
        self._gone = gone

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_page(app, VERTEX, self.show, rule=read)
        add_page(app, f"{VERTEX}/mentions", self.mentions, rule=read)

    async def show(
        self, vertex: VertexId, request: Request, asked: Annotated[VertexPageParameters, Query()]
    ) -> Response:
        """Show the vertex."""
        found = await self._graph.vertex(vertex)
        if found is None:
            return self._frame.missing(request, _NO_VERTEX, current=GRAPH)
        edges = await self._graph.edges(
            found.id,
            direction=asked.direction,
            relation=asked.relation or "",
            limit=PAGE,
            after=asked.cursor or "",
        )
        return self._frame.page(
            request,
            "graph_vertex.html",
            current=GRAPH,
            vertex=found,
            properties=await self._properties(found),
            explained=MEMBERS,
            asked=asked,
            edges=edges.edges,
            others=edges.vertices,
            relations=sorted({edge.relation for edge in edges.edges} | {asked.relation or ""} - {""}),
            more=str(Address.of(request).with_(cursor=edges.after)) if edges.after else None,
            days=draw_days(await self._graph.timeline(found.id)),
            **await self._merging(found),
        )

    async def mentions(
        self, vertex: VertexId, request: Request, asked: Annotated[MentionPageParameters, Query()]
    ) -> Response:
        """Show who says that the vertex is there, or that a property of it has a value."""
        found = await self._graph.vertex(vertex)
        if found is None:
            return self._frame.missing(request, _NO_VERTEX, current=GRAPH)
        rows = await self._graph.mentions(
            found.id, property=asked.property or "", value=asked.value or "", limit=PAGE + 1, offset=asked.offset
        )
        page = Page(rows=list(rows[:PAGE]), **asked.beside(more=len(rows) > PAGE))
        return self._frame.page(
            request,
            "graph_mentions.html",
            current=GRAPH,
            vertex=found,
            rows=page.rows,
            gone=await self._gone.of({row.origin.item for row in page.rows}),
            links=links_of(request, page, api=f"/v1/graph/vertices/{vertex_segment(found.id)}/mentions"),
            asked=asked,
        )

    async def _properties(self, vertex: VertexView) -> list[PropertyRow]:
        """Return the properties, each value with who says it."""
        latest = await self._graph.mentions(vertex.id, limit=SAYINGS)
        rows = property_rows(vertex, latest)
        left = ASKED
        for row in rows:
            for value in row.values:
                if value.said_by is None and left:
                    left -= 1
                    value.said_by = await self._who_says(vertex, row.name, value.text)
        return rows

    async def _who_says(self, vertex: VertexView, name: str, value: str) -> Mention | None:
        found = await self._graph.mentions(vertex.id, property=name, value=value, limit=1)
        return found[0] if found else None

    async def _merging(self, vertex: VertexView) -> dict[str, Any]:
        """Return the decisions that made one vertex of several, and the reasons in words."""
        others = [member for member in vertex.members if member != vertex.id]
        decisions: dict[int, Decision] = {}
        reasons: dict[str, None] = {}
        for member in others[:MEMBERS]:
            explained = await self._graph.explain(vertex.id, member)
            decisions |= {decision.id: decision for decision in explained.decisions}
            reasons |= dict.fromkeys(explained.reasons)
        return {"members": others, "decisions": list(decisions.values()), "reasons": list(reasons)}
