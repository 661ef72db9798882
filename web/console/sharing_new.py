"""Sharing something: which, where to, what would leave of it and what not; as a file, or asked for as an export."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette.errors import RefusedError
from vedette.sharing.investigation import Investigation
from vedette.sharing.request import ExportRequest
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.problems import ProblemError
from web.api.sharing_view import SharingView
from web.api.v1.acting import actor_of
from web.api.v1.parameters import Text
from web.console.frame import Frame, add_page
from web.console.parameters import PageParameters
from web.console.sharing_addresses import NEW, SHARING, file_address
from web.console.sharing_rows import SHOWN, contents_of, reasons_of

FORMS: Final = (("misp", "MISP"), ("stix", "STIX 2.1"), ("csv", "CSV"), ("ndjson", "NDJSON"))
"""Files that are offered, and what they are called."""

EXAMPLES: Final = (
    ("target=192.0.2.7", "what was found about a target"),
    ("type=scan verdict=changed since=2d", "scans of two days that differ from the run before"),
    ("source=*.in.structured.nmap.#", "what a kind of source brought"),
    ("since=2026-11-22 until=2026-11-23", "all of a day"),
    ("vertex=192.0.2.7 depth=2", "what lies around a vertex of the graph"),
    ('text="a name"', "vertices that a search finds"),
)
"""Selections to begin with, and what they mean."""


class NewExportParameters(PageParameters):
    """What is looked at."""

    select: Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")] | None = None
    """Which."""
    destination: Text | None = None
    """Towards which destination."""


class NewExportRoutes:
    """`GET` and `POST /sharing/new`."""

    def __init__(self, *, frame: Frame, view: SharingView, gate: Gate) -> None:
        self._frame = frame
        self._view = view
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, NEW, self.look, rule=Depends(rules.any_of(Scope.READ)))
        add_page(app, NEW, self.ask, rule=Depends(rules.any_of_by_form(Scope.OPERATE)), method="POST")

    async def look(self, request: Request, asked: Annotated[NewExportParameters, Query()]) -> Response:
        """Show what would leave."""
        return await self._show(request, asked)

    async def ask(self, request: Request) -> Response:
        """Ask for the export; leads to it."""
        form = await read_form(request)
        try:
            wanted = ExportRequest(
                select=form.get("select", "").strip(),
                destination=form.get("destination", ""),
                dry_run=form.get("how") == "dry",
                approval=form.get("how") == "approval",
            )
            made = await self._view.desk.exports.request(wanted, by=actor_of(request, self._gate))
        except ValidationError:
            return await self._show(
                request, NewExportParameters(), problem="say what, and choose a destination", status=422
            )
        except RefusedError as error:
            return await self._show(request, NewExportParameters(), problem=str(error), status=422)
        return go_to(f"{SHARING}/exports/{made.uuid}?said=asked")

    async def _show(
        self, request: Request, asked: NewExportParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        found: Investigation | None = None
        if asked.select:
            try:
                found = await self._view.look(asked.select, destination=asked.destination)
            except RefusedError as error:
                problem, status = str(error), 422
            except ProblemError as error:
                problem, status = error.detail, error.status
        select = self._canonical(asked.select) if found is not None else ""
        return self._frame.page(
            request,
            "sharing_new.html",
            current=SHARING,
            status=status,
            asked=asked,
            select=select,
            found=found,
            contents=None if found is None else contents_of(found),
            facts=() if found is None else _first(found),
            shown=SHOWN,
            reasons=() if found is None else reasons_of(found.withheld),
            files=[(name, file_address(select, asked.destination, form)) for form, name in FORMS],
            json=file_address(select, asked.destination, "json"),
            destinations=[one.name for one in self._view.desk.sharing.destinations],
            examples=EXAMPLES,
            problem=problem,
        )

    def _canonical(self, text: str | None) -> str:
        return self._view.desk.selection(text or "").text


def _first(found: Investigation) -> list[object]:
    """Return the facts to show: those that raise alarms elsewhere before all others."""
    return [*sorted(found.facts, key=lambda fact: (not fact.alarming, not fact.malicious))[:SHOWN]]
