"""What the correlation found, and what it remembers of each check."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.finding_list import FindingList, FindingsWanted, RecordedFinding, RememberedCheck
from vedette.correlation.finding import FindingKind
from web.api.access import Rules
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import ListParameters, Text


class FindingParameters(ListParameters):
    """Which findings to list."""

    kind: FindingKind | None = None
    """Of what kind."""
    subject: Text | None = None
    """What they are about."""
    item: Text | None = None
    """Uuid of an item that shows them."""


class CheckParameters(ListParameters):
    """Which checks to list."""

    subject: Text | None = None
    """What they look at."""


class FindingRoutes:
    """`GET /v1/findings` and `GET /v1/checks`."""

    def __init__(self, *, findings: FindingList, lists: Lists) -> None:
        self._findings = findings
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/findings", self.findings, kind=RecordedFinding, rule=read)
        add_list(app, "/v1/checks", self.checks, kind=RememberedCheck, rule=read)

    async def findings(self, request: Request, asked: Annotated[FindingParameters, Query()]) -> Response:
        """List findings, the newest first."""
        wanted = FindingsWanted(kind=asked.kind, subject=asked.subject, item=asked.item)
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._findings.page(wanted=wanted, limit=limit, cursor=cursor),
            kind=RecordedFinding,
            name="findings",
        )

    async def checks(self, request: Request, asked: Annotated[CheckParameters, Query()]) -> Response:
        """List checks, those that looked last first."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._findings.checks(subject=asked.subject, limit=limit, cursor=cursor),
            kind=RememberedCheck,
            name="checks",
        )
