"""What was read of an item's text: the document as it reads, what it names and what it says, by sentences."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.corrections import CorrectedItem, Corrections, NoAnnotationError
from registry.item_detail import ItemDetail, ItemDetails
from registry.items import UnknownItemError
from vedette.extraction.prose.graph.subgraph import vertices_of
from vedette.graph.identity import vertex_id, vertex_uid
from vedette.graph.ontology import ontology
from vedette.graph.port import GraphReading
from web.api.access import Rules
from web.api.pages import go_to
from web.api.v1.items import Uuid
from web.api.v1.parameters import Parameters
from web.console.annotation_addresses import TEXT, VERTEX, Sentence, text_address
from web.console.annotation_view import legend_of, page_of, relation_totals, sentences_of, text_page
from web.console.entity_kinds import LABEL_WORDS, ORIGIN_WORDS, RELATION_WORDS
from web.console.frame import Frame, Links, add_page
from web.console.graph_addresses import search_address, vertex_address
from web.console.items import ITEMS
from web.console.parameters import PageParameters

SHOWN: Final = 100
"""Corrections that are shown."""

UNREAD: Final = 8_000
"""Characters that are shown of a text that was not read."""

WORDS: Final[dict[str, Any]] = {
    "label_words": LABEL_WORDS,
    "relation_words": RELATION_WORDS,
    "origin_words": ORIGIN_WORDS,
}
"""What pages of texts call things."""

_NO_ITEM: Final = "There is no item with this uuid."

_NOT_READ: Final = "Its text was not read: it is no prose, nobody reads its kind, or it waits to be read."

_GONE: Final = "Its payload was deleted, and what was read of it goes, too. Statement and proof stay."


class TextParameters(PageParameters):
    """Which part of the text to show."""

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Number of the page."""
    sentence: Sentence | None = None
    """The sentence that is meant: its page is shown, and it is marked."""


class EntityParameters(Parameters):
    """Which entity."""

    entity: Annotated[int, Field(ge=0, le=10_000_000)]
    """Its id in the document."""


class Texts:
    """Finds the texts of items, for the pages that show them; says on a page why there is none."""

    def __init__(self, *, frame: Frame, details: ItemDetails, corrections: Corrections) -> None:
        self.frame = frame
        self._details = details
        self._corrections = corrections

    async def find(self, uuid: str, request: Request) -> tuple[ItemDetail, CorrectedItem] | Response:
        """Return an item and what was read of it, or the page that says why it cannot be shown."""
        try:
            item = await self._details.find(uuid)
        except UnknownItemError:
            return self.frame.missing(request, _NO_ITEM, current=ITEMS)
        if item.deleted is not None:
            return self.frame.missing(request, _GONE, current=ITEMS)
        try:
            return item, await self._corrections.of_item(uuid, tokens=False)
        except NoAnnotationError:
            return self.frame.missing(request, _NOT_READ, current=ITEMS)


class TextPageRoutes:
    """`GET /items/{uuid}/text`, and what leads from there to vertices."""

    def __init__(self, *, texts: Texts, graph: GraphReading) -> None:
        self._texts = texts
        self._frame = texts.frame
        self._graph = graph

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        rule = Depends(rules.any_of(Scope.READ))
        add_page(app, TEXT, self.show, rule=rule)
        add_page(app, VERTEX, self.lead, rule=rule)

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[TextParameters, Query()]) -> Response:
        """Show a page of the text."""
        found = await self._texts.find(uuid, request)
        if isinstance(found, Response):
            return found
        item, annotated = found
        page = asked.page if asked.sentence is None else page_of(asked.sentence)
        return self._frame.page(
            request,
            "text.html",
            current=ITEMS,
            item=item,
            asked=asked,
            **await asyncio.to_thread(_shown, uuid, annotated, page),
        )

    async def lead(self, uuid: Uuid, request: Request, asked: Annotated[EntityParameters, Query()]) -> Response:
        """Lead to the vertex of an entity; where it is none, to all that is called so."""
        found = await self._texts.find(uuid, request)
        if isinstance(found, Response):
            return found
        document = found[1].corrected.document
        if asked.entity >= len(document.entities):
            return self._frame.missing(request, "The text names no such thing any more.", current=ITEMS)
        names = await asyncio.to_thread(vertices_of, document)
        if asked.entity in names:
            type, observable_type, name = names[asked.entity]
            kind = ontology().resolve(type, observable_type)
            canonical = ontology().canonical(type, observable_type, name)
            id = vertex_id(kind.type, vertex_uid(kind.type, kind.observable_type, canonical))
            vertex = await self._graph.vertex(id)
            if vertex is not None:
                return go_to(vertex_address(vertex.id))
        return go_to(search_address(document.entities[asked.entity].name))


def _shown(uuid: str, annotated: CorrectedItem, number: int) -> dict[str, Any]:
    """Return what a page of a text shows."""
    document = annotated.corrected.document
    page = text_page(annotated, page=number)
    lines = list(reversed(annotated.lines))[:SHOWN]
    return {
        "document": document,
        "page": page,
        "links": Links(
            previous=text_address(uuid, page=page.number - 1) if page.number > 1 else None,
            next=text_address(uuid, page=page.number + 1) if page.number < page.pages else None,
            json=f"/v1/items/{uuid}/annotation",
            csv="",
        ),
        "legend": legend_of(document),
        "totals": relation_totals(document),
        "beginning": [document.text[at : at + 900] for at in range(0, min(UNREAD, len(document.text)), 900)],
        "lines": [(line, sentences_of(line, document), annotated.unfit.get(line.id, "")) for line in lines],
        "lines_more": max(0, len(annotated.lines) - SHOWN),
        **WORDS,
    }
