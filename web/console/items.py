"""The list of items, filtered by what occurs; its address says the filter, so it can be shared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_facets import Facets
from registry.item_list import ItemList, ItemsWanted
from registry.proof_state import ProofState
from web.api.access import Rules
from web.api.v1.items import ItemParameters
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE

ITEMS = "/items"
"""Where the page is."""


class ItemPageParameters(ItemParameters):
    """Which items to show: as `/v1/items` has it, with the empty fields that a form sends."""

    source: Annotated[str, Field(max_length=255)] | None = None
    """`meta.source`: a routing key, or a pattern in which `*` is one word and `#` any number."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != ""}


class ItemsPageRoutes:
    """`GET /items`."""

    def __init__(self, *, frame: Frame, items: ItemList, facets: Facets) -> None:
        self._frame = frame
        self._items = items
        self._facets = facets

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_page(app, ITEMS, self.show, rule=read, shared=True)

    async def show(self, request: Request, asked: Annotated[ItemPageParameters, Query()]) -> Response:
        """Show the items, newest first."""
        wanted = asked.wanted
        found = await self._items.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
        return self._frame.page(
            request,
            "items.html",
            current=ITEMS,
            rows=found.rows,
            links=links_of(request, found, api="/v1/items"),
            asked=asked,
            filtered=wanted != ItemsWanted(),
            facets=await self._facets.read(),
            states=[state.value for state in ProofState],
        )
