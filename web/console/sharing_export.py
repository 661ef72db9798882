"""One export: what it is, what would be sent, what was left out and why, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.exports import UnknownExportError
from registry.sharing_desk import SharingDesk
from vedette.errors import RefusedError
from vedette.sharing.request import Export
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.exports import Uuid
from web.console.dead_letters import is_reason
from web.console.frame import Frame, add_page
from web.console.parameters import PageParameters
from web.console.sharing_addresses import SHARING, look_address
from web.console.sharing_rows import SHOWN, diff_lines, is_same_origin, reasons_of

_GONE = "There is no export with this uuid. Those that ended are forgotten after a while."


class SharingExportRoutes:
    """`GET /sharing/exports/{uuid}` and the forms on it."""

    def __init__(self, *, frame: Frame, desk: SharingDesk, gate: Gate) -> None:
        self._frame = frame
        self._exports = desk.exports
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate, one = Depends(rules.any_of_by_form(Scope.OPERATE)), f"{SHARING}/exports/{{uuid}}"
        add_page(app, one, self.show, rule=Depends(rules.any_of(Scope.READ)))
        for name, action in (("approve", self.approve), ("reject", self.reject), ("retry", self.retry)):
            add_page(app, f"{one}/{name}", action, rule=operate, method="POST")

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[PageParameters, Query()]) -> Response:
        """Show the export."""
        return await self._show(request, uuid, said=asked.said)

    async def approve(self, uuid: Uuid, request: Request) -> Response:
        """Let the plan be carried out that the form was beside."""
        digest = (await read_form(request)).get("digest", "")[:128]
        by = actor_of(request, self._gate)
        return await self._decide(request, uuid, self._exports.approve(uuid, by=by, digest=digest), said="approved")

    async def reject(self, uuid: Uuid, request: Request) -> Response:
        """Let it not be carried out, with a reason."""
        why = (await read_form(request)).get("why", "").strip()
        if not is_reason(why):
            return await self._show(request, uuid, problem="Say why: others will read it.", status=422)
        by = actor_of(request, self._gate)
        return await self._decide(request, uuid, self._exports.reject(uuid, by=by, why=why), said="rejected")

    async def retry(self, uuid: Uuid, request: Request) -> Response:
        """Do it again from its beginning."""
        by = actor_of(request, self._gate)
        return await self._decide(request, uuid, self._exports.retry(uuid, by=by), said="again")

    async def _decide(self, request: Request, uuid: str, doing: Awaitable[Export], *, said: str) -> Response:
        """Return to the export with what was decided, or with why it could not be."""
        try:
            await doing
        except UnknownExportError:
            return self._frame.missing(request, _GONE, current=SHARING)
        except RefusedError as error:
            return await self._show(request, uuid, problem=str(error), status=409)
        return go_to(f"{SHARING}/exports/{uuid}?said={said}")

    async def _show(
        self, request: Request, uuid: str, *, said: str | None = None, problem: str = "", status: int = 200
    ) -> Response:
        try:
            one = await self._exports.get(uuid)
        except UnknownExportError:
            return self._frame.missing(request, _GONE, current=SHARING)
        plan, done = one.plan, one.exported
        left_out = done.withheld if done is not None else plan.withheld if plan is not None else ()
        return self._frame.page(
            request,
            "sharing_export.html",
            current=SHARING,
            # The page of an answer to a form cannot be asked for again.
            live=not problem,
            status=status,
            one=one,
            plan=plan,
            done=done,
            changes=diff_lines(plan.changes[:SHOWN]) if plan is not None else [],
            reasons=reasons_of(left_out),
            notes=done.notes if done is not None else plan.notes if plan is not None else (),
            linked=done is not None and self._is_there(one.destination, done.address),
            look=look_address(one.select, one.destination),
            said=said,
            problem=problem,
        )

    def _is_there(self, destination: str, address: str) -> bool:
        """Tell whether an address is at the server that the configuration names: only there a link may lead."""
        known = [one for one in self._exports.sharing.destinations if one.name == destination]
        return any(is_same_origin(address, str(one.settings.get("url", ""))) for one in known)
