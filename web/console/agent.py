"""One agent: its own page, rendered from its state document wherever it runs, else what the directory knows."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import AgentList, UnknownAgentError
from registry.callers import Scope
from registry.directory_rows import LIVE
from web.api.access import Rules
from web.api.hub_view import HubView
from web.api.v1.agents import Jid
from web.console.fleet import FLEET
from web.console.frame import Frame, add_page

CHANGES = 20
"""Changes of presence that are shown."""


class AgentPageRoutes:
    """`GET /agents/{jid}`."""

    def __init__(self, *, frame: Frame, agents: AgentList, hub: HubView) -> None:
        self._frame = frame
        self._agents = agents
        self._hub = hub

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, "/agents/{jid}", self.show, rule=Depends(rules.any_of(Scope.READ)))

    async def show(self, jid: Jid, request: Request) -> Response:
        """Show the agent."""
        try:
            entry = await self._agents.find(jid)
            changes = await self._agents.presence(jid, limit=CHANGES)
        except UnknownAgentError:
            what = "No agent of this name was ever enrolled."
            return self._frame.missing(request, what, current=FLEET)
        # Who is not there cannot answer: to wait for it would only make the page slow.
        state = await self._hub.state_of(jid) if entry.show in LIVE else None
        return self._frame.page(
            request, "agent.html", current=FLEET, live=True, entry=entry, state=state, changes=changes.rows
        )
