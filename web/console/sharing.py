"""Sharing: where things go and how that fares, what waits for a person, the shares, and the exports, newest first."""

from __future__ import annotations

from typing import Annotated, Final, get_args

from fastapi import Depends, FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.sharing_desk import SharingDesk
from vedette.errors import RefusedError
from vedette.sharing.request import ExportState
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters
from web.console.sharing_addresses import SHARING

ASKED_FIRST: Final = 20
"""Exports that wait for a person and are shown on top; the filter finds all."""

ShareName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="The share's name.")]


class SharingPageParameters(PageParameters):
    """Which exports to show."""

    state: ExportState | None = None
    """Only those in this state."""
    destination: Text | None = None
    """Only those to this one."""


class SharingListRoutes:
    """`GET /sharing`, and the form that asks for a share now."""

    def __init__(self, *, frame: Frame, desk: SharingDesk, gate: Gate) -> None:
        self._frame = frame
        self._desk = desk
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, SHARING, self.show, rule=Depends(rules.any_of(Scope.READ)))
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        add_page(app, f"{SHARING}/shares/{{name}}", self.share, rule=operate, method="POST")

    async def show(self, request: Request, asked: Annotated[SharingPageParameters, Query()]) -> Response:
        """Show the page."""
        return await self._show(request, asked)

    async def share(self, name: ShareName, request: Request) -> Response:
        """Ask for a share now, or for one part of it."""
        part = (await read_form(request)).get("part", "").strip()
        try:
            share = self._desk.sharing.share(name)
            if share.per != "all":
                part = part if part.startswith(f"{share.per}=") else f"{share.per}={part}"
            await self._desk.waking.ask(share, part=part, by=actor_of(request, self._gate))
        except RefusedError as error:
            return await self._show(request, SharingPageParameters(), problem=str(error), status=422)
        return go_to(f"{SHARING}?said=asked")

    async def _show(
        self, request: Request, asked: SharingPageParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        exports, sharing = self._desk.exports, self._desk.sharing
        destinations = await exports.status()
        waiting = await exports.page(state="approval", whole=False, limit=ASKED_FIRST)
        found = await exports.page(
            state=asked.state, destination=asked.destination, whole=False, limit=PAGE, cursor=asked.cursor
        )
        return self._frame.page(
            request,
            "sharing.html",
            current=SHARING,
            live=not problem,
            status=status,
            destinations=destinations,
            shares=sharing.shares,
            approvals=waiting.rows,
            more_approvals=waiting.next is not None,
            rows=found.rows,
            links=links_of(request, found, api="/v1/exports", path=SHARING),
            asked=asked,
            filtered=any((asked.state, asked.destination)),
            states=get_args(ExportState),
            problem=problem,
        )
