"""What the correlation found, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.finding_list import FindingList, FindingsWanted
from vedette.correlation.finding import FindingKind
from web.api.access import Rules
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

FINDINGS = "/findings"
"""Where the page is."""


class FindingPageParameters(PageParameters):
    """Which findings to show."""

    kind: FindingKind | None = None
    """Of what kind."""
    subject: Text | None = None
    """What they are about."""


class FindingPageRoutes:
    """`GET /findings`."""

    def __init__(self, *, frame: Frame, findings: FindingList) -> None:
        self._frame = frame
        self._findings = findings

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, FINDINGS, self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, request: Request, asked: Annotated[FindingPageParameters, Query()]) -> Response:
        """Show the findings with what exactly differs, and who saw it."""
        wanted = FindingsWanted(kind=asked.kind, subject=asked.subject)
        found = await self._findings.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
        return self._frame.page(
            request,
            "findings.html",
            current=FINDINGS,
            rows=found.rows,
            links=links_of(request, found, api="/v1/findings"),
            asked=asked,
            filtered=wanted != FindingsWanted(),
            kinds=[kind.value for kind in FindingKind],
        )
