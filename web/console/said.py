"""Where an item says something: the row or sentence that a statement of the graph comes from, in its document."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_detail import ItemDetail, ItemDetails
from registry.items import UnknownItemError
from vedette.extraction.interface import ExtractionError
from vedette.extraction.serving import is_packed, undo
from vedette.extraction.subgraph import Position
from web.api.access import Rules
from web.api.v1.items import Uuid
from web.console.frame import Frame, add_page
from web.console.items import ITEMS
from web.console.parameters import PageParameters
from web.console.payload_window import PayloadWindow, payload_window, span_of
from web.console.payloads import MAX_READ, PayloadReader

SAID: Final = "/items/{uuid}/said"
"""Where the page is."""


UNPACKED: Final = 16 * 1024 * 1024
"""Bytes to which a packed document is unpacked for a page."""

_HEAD: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What is shown of a place."""

    view: PayloadWindow | None
    """The bytes; None where they are deleted, or not here."""
    is_packed: bool = False
    """Whether the document came packed, and is shown unpacked: positions are those of what was packed."""
    problem: str = ""
    """Why it could not be unpacked, and is shown as it came."""


class SaidParameters(PageParameters):
    """Which place to show."""

    at: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] | None = None
    """The place, as a statement has it: `row 3 [120-180]`; the whole document unless said."""


class SaidPageRoutes:
    """`GET /items/{uuid}/said`."""

    def __init__(self, *, frame: Frame, details: ItemDetails, payloads: PayloadReader) -> None:
        self._frame = frame
        self._details = details
        self._payloads = payloads

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, SAID, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[SaidParameters, Query()]) -> Response:
        """Show the place, and what stands around it."""
        try:
            item = await self._details.find(uuid)
        except UnknownItemError:
            return self._frame.missing(request, "There is no item with this uuid.", current=ITEMS)
        position = Position.parse(asked.at or "")
        return self._frame.page(
            request,
            "said.html",
            current=ITEMS,
            item=item,
            position=position,
            place=await self._place(item, position),
        )

    async def _place(self, item: ItemDetail, position: Position) -> Place:
        """Return what stands there; of a document that is not packed no more than that is read."""
        head = await self._part(item, 0, _HEAD)
        if head is None:
            return Place(view=None)
        encoding = str(item.meta.get("content_encoding") or "")
        if not is_packed(head, encoding):
            return Place(view=await self._window(item, position))
        try:
            plain = await self._unpacked(item, encoding)
        except ExtractionError as error:
            # A place in what was packed is none in what came.
            view = await self._window(item, Position(position.label))
            return Place(view=view, is_packed=True, problem=str(error))
        span = span_of(position, len(plain))
        view = payload_window(plain[span.first : span.last], span=span, size=len(plain))
        return Place(view=view, is_packed=True)

    async def _window(self, item: ItemDetail, position: Position) -> PayloadWindow | None:
        span = span_of(position, item.size)
        data = await self._part(item, span.first, span.last)
        return None if data is None else payload_window(data, span=span, size=item.size)

    async def _unpacked(self, item: ItemDetail, encoding: str) -> bytes:
        data = None if item.size > MAX_READ else await self._part(item, 0, item.size)
        if data is None:
            raise ExtractionError("is too large to be unpacked for a page")
        return await asyncio.to_thread(undo, data, encoding, limit=UNPACKED)

    async def _part(self, item: ItemDetail, first: int, last: int) -> bytes | None:
        return await self._payloads.part(item.uuid, sha256=item.payload_sha256, first=first, last=last)
