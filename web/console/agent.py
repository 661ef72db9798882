"""One agent: its own page, rendered from its state document wherever it runs, else what the directory knows."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import AgentList, UnknownAgentError
from registry.callers import Scope
from registry.directory_rows import LIVE, AgentEntry
from registry.item_list import ItemList, ItemsWanted
from vedette.canonical import parse_json
from web.api.access import Rules
from web.api.hub_view import HubView
from web.api.v1.agents import Jid
from web.console.agent_rows import AgentRows
from web.console.fleet import FLEET
from web.console.frame import Frame, add_page
from web.console.heartbeat import WINDOW
from web.rendering import LISTED

CHANGES = 20
"""Changes of presence that are shown."""

ITEMS = 5
"""Items that are shown, the newest."""


class AgentPageRoutes:
    """`GET /agents/{jid}`."""

    def __init__(self, *, frame: Frame, agents: AgentList, rows: AgentRows, items: ItemList, hub: HubView) -> None:
        self._frame = frame
        self._agents = agents
        self._rows = rows
        self._items = items
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
        contacts = [] if state is None else [contact.jid for contact in state.contacts[:LISTED]]
        known = await self._agents.lines([jid, *contacts])
        (row,) = await self._rows.of([known[jid]])
        items = await self._items.page(wanted=ItemsWanted(agent=jid), limit=ITEMS)
        return self._frame.page(
            request,
            "agent.html",
            current=FLEET,
            live=True,
            entry=entry,
            row=row,
            services=_services(entry),
            state=state,
            known=known,
            changes=changes.rows,
            items=items.rows,
            hours=WINDOW // 3_600_000_000,
        )


def _services(entry: AgentEntry) -> list[str]:
    """Return what an agent's card says it can do."""
    card: Any = {} if entry.card is None else parse_json(entry.card)
    return [str(one) for one in card.get("capabilities", [])]
