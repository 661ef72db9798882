"""The list of items, filtered by what occurs; its address says the filter, so it can be shared."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.check_names import CheckNames
from registry.item_list import ItemList, ItemsWanted
from registry.item_overview import ItemOverviews
from web.api.access import Rules
from web.api.pages import go_to
from web.api.v1.items import ItemParameters
from web.api.v1.parameters import UUID, Text
from web.console.address import Address
from web.console.frame import Frame, add_page, links_of
from web.console.item_filters import CHECK, LABELS, PARAMETERS, checks_in, chips_of, choices_of
from web.console.parameters import PAGE
from web.console.sharing_addresses import selection_address
from web.console.timeline import draw

ITEMS = "/items"
"""Where the page is."""

LEAST_BETWEEN = 1000
"""Milliseconds between two looks at a list that grows all the time."""


class ItemPageParameters(ItemParameters):
    """Which items to show: as `/v1/items` has it, with the empty fields that a form sends."""

    source: Annotated[str, Field(max_length=255)] | None = None
    """`meta.source`: a routing key, or a pattern in which `*` is one word and `#` any number."""
    text: Text | None = None
    """Looks for something else: a uuid, or what targets, checks and agents are called."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != ""}


class ItemsPageRoutes:
    """`GET /items`."""

    def __init__(self, *, frame: Frame, items: ItemList, overviews: ItemOverviews, names: CheckNames) -> None:
        self._frame = frame
        self._items = items
        self._overviews = overviews
        self._names = names

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_page(app, ITEMS, self.show, rule=read, shared=True)

    async def show(self, request: Request, asked: Annotated[ItemPageParameters, Query()]) -> Response:
        """Show the items, newest first."""
        if asked.text is not None:
            return await self._look_for(request, asked.text.strip())
        wanted, address = asked.wanted, Address.of(request)
        found = await self._items.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
        overview = await self._overviews.read(wanted)
        names = await self._names.of(checks_in(overview.facets, address))
        return self._frame.page(
            request,
            "items.html",
            current=ITEMS,
            # A list that goes on from somewhere stays as it is; one that ends before now has nothing to wait for.
            live=asked.cursor is None and wanted.until is None,
            first=asked.cursor is None,
            rows=found.rows,
            links=links_of(request, found, api="/v1/items"),
            address=address,
            filtered=wanted != ItemsWanted(),
            overview=overview,
            choices=choices_of(overview.facets, address, names),
            chips=chips_of(address, names),
            share=selection_address(wanted),
            timeline=None if overview.timeline is None else draw(overview.timeline, address),
            least_between=LEAST_BETWEEN,
        )

    async def _look_for(self, request: Request, text: str) -> Response:
        """Show what has this in its name, or lead to the item that is called so."""
        if re.match(UUID, text.lower()):
            return go_to(f"{ITEMS}/{text.lower()}")
        here = Address(path=ITEMS, filter={})
        targets = [(one, str(here.with_(target=one))) for one in await self._overviews.targets(text)]
        named = dict(await self._overviews.named(text))
        names = await self._names.of([*named[CHECK], *await self._overviews.checks()])
        called = [check for check, name in names.items() if text.casefold() in name.casefold()]
        named[CHECK] = list(dict.fromkeys([*named[CHECK], *called]))
        others = [
            (
                LABELS[kind],
                [
                    (
                        names.get(one, one) if kind == CHECK else one,
                        str(here.with_(**{PARAMETERS.get(kind, kind): one})),
                    )
                    for one in values
                ],
            )
            for kind, values in named.items()
            if values
        ]
        return self._frame.page(
            request, "item_search.html", current=ITEMS, text=text, found=[("Target", targets), *others]
        )
