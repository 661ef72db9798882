"""The knowledge graph: how much there is, what is looked for in it, and what was seen last."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.listing import Page
from vedette.clock import MICROSECONDS, Clock
from vedette.graph.port import GraphReading, VertexFilter
from web.api.access import Rules
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page, links_of
from web.console.graph_style import known_types
from web.console.parameters import PAGE, PageParameters

GRAPH: Final = "/graph"
"""Where the page is."""

FARTHEST: Final = 9_999
"""Rows after which a list of the graph does not go on: who reads so far wants a narrower question."""

_DAY = 86_400 * MICROSECONDS


class OffsetParameters(PageParameters):
    """What the lists of the graph take: their pages are counted."""

    cursor: Annotated[str, Field(max_length=4, pattern=r"^[0-9]*$")] | None = None
    """How many rows come before the page."""

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return int(self.cursor or 0)

    def beside(self, *, more: bool) -> dict[str, str | None]:
        """Return the cursors of the pages before and after."""
        before, after = self.offset - PAGE, self.offset + PAGE
        return {
            "previous": str(max(0, before)) if self.offset else None,
            "next": str(after) if more and after <= FARTHEST else None,
        }


class GraphPageParameters(OffsetParameters):
    """Which vertices to show."""

    text: Text | None = None
    """Words in names, aliases and descriptions, or a whole name."""
    type: Text | None = None
    """`vertexType`."""
    observable_type: Text | None = None
    """`observableType`."""
    name: Text | None = None
    """The name, or an alias."""

    @property
    def wanted(self) -> VertexFilter:
        """What is asked for."""
        return VertexFilter(
            text=self.text or "",
            type=self.type or "",
            observable_type=self.observable_type or "",
            name=self.name or "",
        )


class GraphPageRoutes:
    """`GET /graph`."""

    def __init__(self, *, frame: Frame, graph: GraphReading, clock: Clock) -> None:
        self._frame = frame
        self._graph = graph
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, GRAPH, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, request: Request, asked: Annotated[GraphPageParameters, Query()]) -> Response:
        """Show what is found, best first; without a question what was seen last."""
        found = await self._graph.find(asked.wanted, limit=PAGE, offset=asked.offset)
        page = Page(rows=list(found.vertices), **asked.beside(more=found.more))
        return self._frame.page(
            request,
            "graph.html",
            current=GRAPH,
            rows=page.rows,
            links=links_of(request, page, api="/v1/graph/vertices"),
            asked=asked,
            filtered=asked.wanted != VertexFilter(),
            types=known_types(),
            counts=await self._graph.counts(),
            # Only vertices: to count statements of a day would read all edges of a large graph.
            recent=(await self._graph.find(VertexFilter(since=self._clock.now() - _DAY), limit=1)).count,
        )
