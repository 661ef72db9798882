"""One edge: who states it, each with the place in the document that says so."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.gone_bytes import GoneBytes
from registry.listing import Page
from vedette.graph.port import GraphReading
from web.api.access import Rules
from web.console.frame import Frame, add_page, links_of
from web.console.graph import GRAPH, OffsetParameters
from web.console.graph_addresses import ID, MAX_ID
from web.console.parameters import PAGE

EDGE: Final = f"{GRAPH}/edge"
"""Where the page is."""

_NO_END: Final = "One of its ends is not in the graph; what was said of it may have been taken back."

_End = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID)]


class EdgePageParameters(OffsetParameters):
    """Which edge to show."""

    out: _End
    """Id of the vertex that it leaves."""
    into: _End
    """Id of the vertex that it enters."""
    relation: Annotated[str, Field(min_length=1, max_length=256, pattern=ID)]
    """What relates the two."""


class EdgePageRoutes:
    """`GET /graph/edge`."""

    def __init__(self, *, frame: Frame, graph: GraphReading, gone: GoneBytes) -> None:
        """Wire them; `gone` tells what became of the documents' bytes."""
        self._frame = frame
        self._graph = graph
        self._gone = gone

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, EDGE, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, request: Request, asked: Annotated[EdgePageParameters, Query()]) -> Response:
        """Show the statements, latest first."""
        out, into = await self._graph.vertex(asked.out), await self._graph.vertex(asked.into)
        if out is None or into is None:
            return self._frame.missing(request, _NO_END, current=GRAPH)
        rows = await self._graph.edge_mentions(out.id, into.id, asked.relation, limit=PAGE + 1, offset=asked.offset)
        page = Page(rows=list(rows[:PAGE]), **asked.beside(more=len(rows) > PAGE))
        return self._frame.page(
            request,
            "graph_edge.html",
            current=GRAPH,
            out=out,
            into=into,
            relation=asked.relation,
            rows=page.rows,
            gone=await self._gone.of({row.origin.item for row in page.rows}),
            links=links_of(request, page, api="/v1/graph/edge-mentions"),
            query=urlencode({"start": out.id, "goal": into.id, "relation": asked.relation}),
        )
