"""Repairs: everything that is wrong now, why, and what to do; a person takes note of one with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.listing import Page
from registry.repairs import RepairLine, Repairs, RepairsWanted, UnknownRepairError
from vedette.clock import MICROSECONDS, Clock
from vedette.messages.limits import MAX_TEXT
from vedette.repairs.repair import RepairKind, Severity
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.repairs import Number
from web.console.frame import COUNT_REPAIRS, Frame, Links, add_page, links_of
from web.console.parameters import PAGE, PageParameters

REPAIRS: Final = "/repairs"
"""Where the page is."""

ALARMS: Final = "/alarms"
"""Where the page was of which this one is more; its address is in old mails."""

LENGTHS: Final[Mapping[str, int | None]] = {
    "until it ends": None,
    "an hour": 3_600,
    "a day": 86_400,
    "a week": 7 * 86_400,
    "a month": 30 * 86_400,
}
"""For how long one may take note."""

STALE: Final = 300 * MICROSECONDS
"""Microseconds after which the last look is too old to believe that nothing is wrong."""


class RepairPageParameters(PageParameters):
    """Which repairs to show."""

    kind: RepairKind | None = None
    """What kind of thing."""
    severity: Severity | None = None
    """How much they matter."""
    ended: bool = False
    """Those that are right again, instead of those that are wrong now."""


class RepairPageRoutes:
    """`GET /repairs`, and the form that takes note of one."""

    def __init__(self, *, frame: Frame, repairs: Repairs, gate: Gate, clock: Clock) -> None:
        self._frame = frame
        self._repairs = repairs
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = Depends(rules.any_of(Scope.READ)), Depends(rules.any_of_by_form(Scope.OPERATE))
        # The bar of every page says how many there are.
        setattr(app.state, COUNT_REPAIRS, self._repairs.count)
        add_page(app, REPAIRS, self.show, rule=read)
        add_page(app, f"{REPAIRS}/{{number}}/acknowledge", self.acknowledge, rule=operate, method="POST")
        add_page(app, ALARMS, self.move, rule=read)

    async def show(self, request: Request, asked: Annotated[RepairPageParameters, Query()]) -> Response:
        """Show what is wrong now, or what was."""
        return await self._show(request, asked)

    async def move(self) -> Response:
        """Lead from the page of alarms to theirs here."""
        return go_to(f"{REPAIRS}?kind={RepairKind.EVIDENCE}")

    async def acknowledge(self, number: Number, request: Request) -> Response:
        """Take note of one."""
        form = await read_form(request)
        reason, length = form.get("reason", "").strip(), form.get("length", "until it ends")
        if not reason or "\0" in reason or len(reason) > MAX_TEXT or length not in LENGTHS:
            problem = "Say why you take note, and for how long: the reason is kept."
            return await self._show(request, RepairPageParameters(), problem=problem, status=422)
        by = actor_of(request, self._gate)
        try:
            await self._repairs.acknowledge(number, reason=reason, seconds=LENGTHS[length], by=by)
        except UnknownRepairError:
            return self._frame.missing(request, "It is right again, or never was wrong.", current=REPAIRS)
        return go_to(f"{REPAIRS}?said=noted")

    async def _show(
        self, request: Request, asked: RepairPageParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        found = await self._found(asked)
        looks = await self._repairs.looks()
        latest = max((look.at for look in looks), default=None)
        return self._frame.page(
            request,
            "repairs.html",
            current=REPAIRS,
            live=True,
            status=status,
            rows=found.rows,
            links=_links(request, found, asked),
            asked=asked,
            filtered=asked.kind is not None or asked.severity is not None,
            kinds=[kind.value for kind in RepairKind],
            severities=[severity.value for severity in Severity],
            lengths=list(LENGTHS),
            looks=looks,
            latest=latest,
            stale=latest is None or self._clock.now() - latest > STALE,
            problem=problem,
        )

    async def _found(self, asked: RepairPageParameters) -> Page[RepairLine]:
        if not asked.ended:
            wanted = RepairsWanted(kind=asked.kind, severity=asked.severity)
            return Page(rows=await self._repairs.waiting(wanted))
        wanted = RepairsWanted(kind=asked.kind, severity=asked.severity, ended=True)
        return await self._repairs.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)


def _links(request: Request, found: Page[RepairLine], asked: RepairPageParameters) -> Links:
    """Return the links of the list; for programs, which get all of it unless they say what they want."""
    links = links_of(request, found, api="/v1/repairs")
    chosen = {"kind": asked.kind, "severity": asked.severity, "ended": str(asked.ended).lower()}
    query = urlencode({name: value for name, value in chosen.items() if value is not None})
    return replace(links, json=f"/v1/repairs?{query}", csv=f"/v1/repairs.csv?{query}")
