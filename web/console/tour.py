"""The tour: what somebody who is new sees here, and does first. It is on the fleet's page until it is ended."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_list import ItemList, ItemsWanted
from web.api.access import Rules, caller_of
from web.api.gate import Gate
from web.api.pages import go_to
from web.console.fleet import FLEET
from web.console.frame import Frame, add_page
from web.console.items import ITEMS
from web.console.newcomer import no_longer_new

TOUR: Final = "/tour"
"""Where it can be taken again."""

_LOOKED_AT = 50


class TourRoutes:
    """`GET /tour`, `GET /tour/proof`, which leads to an item, and `POST /tour/end`."""

    def __init__(self, *, frame: Frame, items: ItemList, gate: Gate) -> None:
        self._frame = frame
        self._items = items
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_page(app, TOUR, self.show, rule=read)
        add_page(app, f"{TOUR}/proof", self.proof, rule=read)
        add_page(app, f"{TOUR}/end", self.end, rule=Depends(rules.any_of_by_form(*Scope)), method="POST")

    async def show(self, request: Request) -> Response:
        """Show the tour by itself."""
        return self._frame.page(request, "tour.html", current=TOUR)

    async def proof(self) -> Response:
        """Lead to the newest item that has a proof, or to the items where none has."""
        found = await self._items.page(wanted=ItemsWanted(), limit=_LOOKED_AT)
        stamped = next((item.uuid for item in found.rows if item.state.is_stamped), None)
        return go_to(ITEMS if stamped is None else f"{ITEMS}/{stamped}#proof")

    async def end(self, request: Request) -> Response:
        """Show it no more on the fleet's page, to this person in this browser."""
        response = go_to(FLEET)
        no_longer_new(response, caller_of(request), secure=self._gate.policy.secure)
        return response
