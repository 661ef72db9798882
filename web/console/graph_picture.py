"""The picture of what lies around vertices, or between two of them; a table beside it says the same."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette.graph.port import MAX_DEPTH, MAX_FAN_OUT, MAX_PICTURE, GraphReading, Picture, TooWideError
from web.api.access import Rules
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page
from web.console.graph import GRAPH
from web.console.graph_addresses import ID, MAX_ID
from web.console.graph_drawing import draw_graph
from web.console.graph_style import known_types
from web.console.parameters import PageParameters

PICTURE: Final = f"{GRAPH}/picture"
"""Where the page is."""

ROWS: Final = 100
"""Edges on a page of the table."""

CUT: Final = 12
"""Vertices of which it is said how many edges are not shown; of the others, how many there are."""

DEPTHS: Final = (1, 2, 3, 4)
"""How far the form lets one choose to look."""

FAN_OUTS: Final = (10, 50, 200, MAX_FAN_OUT)
"""How many edges of one vertex it lets one choose."""

LIMITS: Final = (100, 300, 1000, MAX_PICTURE)
"""How many vertices it lets one choose."""

_Vertex = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID)]


class PicturePageParameters(PageParameters):
    """What to draw."""

    seed: Annotated[list[_Vertex], Field(min_length=1, max_length=10)]
    """Ids of the vertices in the middle."""
    goal: _Vertex | None = None
    """A shortest path from the first of them to this one, instead of what lies around."""
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] = 1
    """How many hops away."""
    fan_out: Annotated[int, Field(ge=1, le=MAX_FAN_OUT)] = 50
    """Edges of one vertex that are followed at most."""
    limit: Annotated[int, Field(ge=1, le=MAX_PICTURE)] = 300
    """Vertices at most."""
    relation: Text | None = None
    """Only edges of this relation."""
    type: Text | None = None
    """Only vertices of this type."""
    cursor: Annotated[str, Field(max_length=6, pattern=r"^[0-9]*$")] | None = None
    """How many edges come before the page of the table."""


class PicturePageRoutes:
    """`GET /graph/picture`."""

    def __init__(self, *, frame: Frame, graph: GraphReading) -> None:
        self._frame = frame
        self._graph = graph

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, PICTURE, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, request: Request, asked: Annotated[PicturePageParameters, Query()]) -> Response:
        """Show the picture."""
        problem = ""
        try:
            picture = await self._picture(asked)
        except TooWideError as error:
            picture, problem = None, str(error)
        if picture is None or not picture.vertices:
            return self._frame.page(
                request, "graph_no_picture.html", current=GRAPH, asked=asked, problem=problem, hops=MAX_DEPTH
            )
        drawing = draw_graph(picture, seeds={*asked.seed, *((asked.goal,) if asked.goal else ())})
        first = int(asked.cursor or 0)
        return self._frame.page(
            request,
            "graph_picture.html",
            current=GRAPH,
            asked=asked,
            drawing=drawing,
            named=CUT,
            rows=drawing.edges[first : first + ROWS],
            first=first,
            on=_further(request, first + ROWS) if first + ROWS < len(drawing.edges) else None,
            back=_further(request, max(0, first - ROWS)) if first else None,
            types=known_types(),
            depths=sorted({*DEPTHS, asked.depth}),
            fan_outs=sorted({*FAN_OUTS, asked.fan_out}),
            limits=sorted({*LIMITS, asked.limit}),
        )

    async def _picture(self, asked: PicturePageParameters) -> Picture | None:
        if asked.goal is not None:
            return await self._graph.path(asked.seed[0], asked.goal)
        return await self._graph.neighbourhood(
            asked.seed,
            depth=asked.depth,
            relations=(asked.relation,) if asked.relation else (),
            types=(asked.type,) if asked.type else (),
            limit=asked.limit,
            fan_out=asked.fan_out,
        )


def _further(request: Request, first: int) -> str:
    """Return the address of another page of the table; there may be several seeds, so it is made of the request's."""
    url = request.url.include_query_params(cursor=first)
    return f"{url.path}?{url.query}#table"
