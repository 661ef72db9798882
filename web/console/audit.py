"""The audit log: who did what, when and from where, with how far each entry is proved."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from registry.listing import Page
from web.api.access import Rules
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

AUDIT = "/audit"
"""Where the page is."""


class AuditPageParameters(PageParameters):
    """Which entries to show."""

    who: Text | None = None
    """Who did it, such as `user anna`."""
    action: Text | None = None
    """What was done; `agent.`, with the dot at the end, means all that begin so."""
    object: Text | None = None
    """What it was done to."""


class AuditPageRoutes:
    """`GET /audit`."""

    def __init__(self, *, frame: Frame, audit: Audit) -> None:
        self._frame = frame
        self._audit = audit

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, AUDIT, self.show, rule=Depends(rules.any_of(Scope.ADMIN)))

    async def show(self, request: Request, asked: Annotated[AuditPageParameters, Query()]) -> Response:
        """Show the entries, newest first."""
        wanted = AuditFilter(who=asked.who, action=asked.action, object=asked.object)
        found = await self._audit.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
        return self._frame.page(
            request,
            "audit.html",
            current=AUDIT,
            rows=found.entries,
            links=links_of(request, Page(rows=found.entries, next=found.cursor), api="/v1/audit"),
            asked=asked,
            filtered=wanted != AuditFilter(),
        )
