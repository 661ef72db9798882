"""The fleet: every agent with its presence as it is now and as it was, kept current by events."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import IDLE, AgentList, AgentsWanted
from registry.alarms import Alarms
from registry.callers import Scope
from registry.queues import Queues
from vedette.messages.card import Role
from web.api.access import Rules, caller_of
from web.api.pages import go_to
from web.api.v1.parameters import Text
from web.console.agent_rows import AgentRows
from web.console.frame import Frame, add_page, links_of
from web.console.heartbeat import WINDOW
from web.console.parameters import PAGE, PageParameters

FLEET = "/"
"""Where the page is."""

_SHOWS = ("available", "away", "dnd", "gone", "unknown")


class FleetParameters(PageParameters):
    """Which agents to show."""

    role: Role | None = None
    """The role that they were enrolled in."""
    show: Literal["available", "away", "dnd", "gone", "unknown"] | None = None
    """Presence; `unknown` is not `gone`."""
    text: Text | None = None
    """What their JID, place, version or reason has in it."""
    waiting: bool = False
    """Only those with something in their outbox, or dead letters, when they last reported."""


class FleetRoutes:
    """`GET /`."""

    def __init__(
        self,
        *,
        frame: Frame,
        agents: AgentList,
        rows: AgentRows,
        alarms: Alarms,
        queues: Queues,
    ) -> None:
        self._frame = frame
        self._agents = agents
        self._rows = rows
        self._alarms = alarms
        self._queues = queues

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, FLEET, self.show, rule=Depends(rules.any_of(*Scope)))

    async def show(self, request: Request, asked: Annotated[FleetParameters, Query()]) -> Response:
        """Show the agents; who may not read is led to the account."""
        if Scope.READ not in caller_of(request).scopes:
            return go_to("/account")
        wanted = AgentsWanted(role=asked.role, show=asked.show, text=asked.text, waiting=asked.waiting)
        found = await self._agents.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
        counts = await self._agents.counts()
        return self._frame.page(
            request,
            "fleet.html",
            current=FLEET,
            live=True,
            rows=await self._rows.of(found.rows),
            links=links_of(request, found, api="/v1/agents"),
            asked=asked,
            filtered=wanted != AgentsWanted(),
            roles=[role.value for role in Role],
            shows=_SHOWS,
            counts=[(show, counts.get(show, 0)) for show in (*_SHOWS, IDLE)],
            total=sum(counts.values()),
            alarms=await self._alarms.count(),
            dead_letters=sum(queue.dead_letters for queue in await self._queues.statuses()),
            hours=WINDOW // 3_600_000_000,
        )
