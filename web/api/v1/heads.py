"""Where the logs stood, as the registry signed it, over HTTP: for who keeps it out of the store's reach."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.heads import SignedHeads, StoredHeads
from web.api.access import Rules
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import ListParameters


class HeadRoutes:
    """`GET /v1/heads`."""

    def __init__(self, *, heads: SignedHeads, lists: Lists) -> None:
        self._heads = heads
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_list(app, "/v1/heads", self.heads, kind=StoredHeads, rule=Depends(rules.any_of(Scope.READ)))

    async def heads(self, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the signed heads of the logs, the newest first; a page has at most 100."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._heads.page(limit=limit, cursor=cursor),
            kind=StoredHeads,
            name="heads",
        )
