"""The pages of the knowledge graph, wired from it; where there is none, each of them says so."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.corrections import Corrections
from registry.gone_bytes import GoneBytes
from registry.graph_decisions import GraphDecisions
from registry.item_detail import ItemDetails
from vedette.clock import Clock
from vedette.graph.port import GraphReading
from web.api.access import Rules
from web.api.application import Routes
from web.api.gate import Gate
from web.console.annotation import TextPageRoutes, Texts
from web.console.annotation_addresses import SENTENCE, TEXT
from web.console.annotation_addresses import UNDO as UNDO_CORRECTION
from web.console.annotation_addresses import VERTEX as TO_VERTEX
from web.console.annotation_editing import CorrectingRoutes
from web.console.frame import Frame, add_page
from web.console.graph import GRAPH, GraphPageRoutes
from web.console.graph_edge import EDGE, EdgePageRoutes
from web.console.graph_picture import PICTURE, PicturePageRoutes
from web.console.graph_reviews import DECIDE, REVIEWS, UNDO, GraphReviewRoutes
from web.console.graph_vertex import VERTEX, VertexPageRoutes


class NoGraphRoutes:
    """The same addresses where there is no graph."""

    PAGES: Final = (GRAPH, REVIEWS, EDGE, PICTURE, VERTEX, f"{VERTEX}/mentions", TEXT, TO_VERTEX, SENTENCE)
    FORMS: Final = (DECIDE, UNDO, SENTENCE, UNDO_CORRECTION)

    def __init__(self, *, frame: Frame) -> None:
        self._frame = frame

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        for path in self.PAGES:
            add_page(app, path, self.show, rule=Depends(rules.any_of(Scope.READ)))
        for path in self.FORMS:
            add_page(app, path, self.show, rule=Depends(rules.any_of_by_form(Scope.OPERATE)), method="POST")

    async def show(self, request: Request) -> Response:
        """Say that there is none, and how to get one."""
        return self._frame.page(request, "graph_none.html", current=GRAPH, status=503)


def graph_pages(
    *,
    frame: Frame,
    graph: GraphReading | None,
    decisions: GraphDecisions | None,
    corrections: Corrections | None,
    details: ItemDetails,
    gone: GoneBytes,
    gate: Gate,
    clock: Clock,
) -> list[Routes]:
    """Return the groups of pages; without a graph, and somebody who decides in it, the one that says so."""
    if graph is None or decisions is None or corrections is None:
        return [NoGraphRoutes(frame=frame)]
    texts = Texts(frame=frame, details=details, corrections=corrections)
    return [
        GraphPageRoutes(frame=frame, graph=graph, clock=clock),
        GraphReviewRoutes(frame=frame, graph=graph, decisions=decisions, gate=gate),
        VertexPageRoutes(frame=frame, graph=graph, gone=gone),
        EdgePageRoutes(frame=frame, graph=graph, gone=gone),
        PicturePageRoutes(frame=frame, graph=graph),
        TextPageRoutes(texts=texts, graph=graph),
        CorrectingRoutes(texts=texts, corrections=corrections, gate=gate),
    ]
