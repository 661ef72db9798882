"""What is done again and again: scheduled jobs and the agents' own checks in one list, paused, resumed, run now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args
from urllib.parse import quote

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import AgentLine, AgentList, AgentsWanted
from registry.callers import Scope
from registry.directory_rows import LIVE
from registry.listing import Page
from registry.schedules import Schedule, Schedules
from vedette.errors import RefusedError
from vedette.messages.card import Role
from vedette.messages.control import CheckAction
from web.api.access import Rules
from web.api.check_orders import CheckOrders
from web.api.gate import Gate
from web.api.hub_view import HubView
from web.api.pages import go_to
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.agents import Jid
from web.api.v1.check_orders import CheckName
from web.api.v1.parameters import Text
from web.console.frame import Frame, Links, add_page
from web.console.parameters import PAGE, PageParameters
from web.console.schedule_rows import Line, LineState, line_of_schedule, line_of_silent, lines_of_agent

SCHEDULES: Final = "/schedules"
"""Where the page is."""

WORDS: Final[Mapping[str, str]] = {"pause": "paused", "resume": "resumed", "run": "running"}
"""What was done, for the word about it."""

_WITH_CHECKS = (Role.PROBE, Role.COLLECTOR)


class SchedulePageParameters(PageParameters):
    """What of it to show."""

    kind: Literal["job", "check"] | None = None
    """Only scheduled jobs, or only agents' own checks."""
    state: LineState | None = None
    """Only those in this state."""
    agent: Text | None = None
    """Only the checks of this agent, a bare JID."""
    agents: Annotated[str, Field(max_length=8192)] | None = None
    """Where to go on in the list of agents."""


class ScheduleListRoutes:
    """`GET /schedules`, and the forms that give orders to agents."""

    def __init__(
        self,
        *,
        frame: Frame,
        schedules: Schedules,
        agents: AgentList,
        hub: HubView,
        orders: CheckOrders,
        gate: Gate,
    ) -> None:
        self._frame = frame
        self._schedules = schedules
        self._agents = agents
        self._hub = hub
        self._orders = orders
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, SCHEDULES, self.show, rule=Depends(rules.any_of(Scope.READ)))
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        add_page(app, "/agents/{jid}/checks/{check}/{action}", self.order, rule=operate, method="POST")

    async def show(self, request: Request, asked: Annotated[SchedulePageParameters, Query()]) -> Response:
        """Show the list."""
        return await self._show(request, asked)

    async def order(self, jid: Jid, check: CheckName, action: CheckAction, request: Request) -> Response:
        """Have an agent pause, resume or run one of its checks."""
        try:
            said = await self._orders.give(jid, check, action, by=actor_of(request, self._gate))
        except RefusedError as error:
            return await self._show(request, SchedulePageParameters(agent=jid), problem=str(error), status=422)
        except ProblemError as error:
            return await self._show(
                request, SchedulePageParameters(agent=jid), problem=error.detail, status=error.status
            )
        return go_to(f"{SCHEDULES}?agent={quote(jid, safe='')}&said={'forgotten' if said else WORDS[action]}")

    async def _show(
        self, request: Request, asked: SchedulePageParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        schedules, agents = await self._jobs(asked), await self._live(asked)
        lines = [line_of_schedule(one) for one in schedules.rows]
        for found in await asyncio.gather(*(self._of_agent(agent) for agent in agents.rows)):
            lines += found
        return self._frame.page(
            request,
            "schedules.html",
            current=SCHEDULES,
            status=status,
            lines=[line for line in lines if asked.state in (None, line.state)],
            asked=asked,
            filtered=any((asked.kind, asked.state, asked.agent)),
            states=get_args(LineState),
            links=_links(request, schedules, asked),
            check_links=_check_links(asked),
            more_agents=_beside(request, agents.next, "agents"),
            fewer_agents=_beside(request, agents.previous, "agents"),
            problem=problem,
        )

    async def _jobs(self, asked: SchedulePageParameters) -> Page[Schedule]:
        if asked.kind == "check" or asked.agent is not None or asked.agents is not None:
            return Page(rows=[])
        return await self._schedules.page(state=asked.state, limit=PAGE, cursor=asked.cursor)

    async def _live(self, asked: SchedulePageParameters) -> Page[AgentLine]:
        if asked.kind == "job" or asked.cursor is not None:
            return Page(rows=[])
        if asked.agent is not None:
            return Page(rows=list((await self._agents.lines([asked.agent])).values()))
        found = await self._agents.page(wanted=AgentsWanted(), limit=PAGE, cursor=asked.agents)
        rows = [agent for agent in found.rows if agent.role in _WITH_CHECKS]
        return Page(rows=rows, next=found.next, previous=found.previous)

    async def _of_agent(self, agent: AgentLine) -> list[Line]:
        # Who is not there cannot answer: to wait for it would only make the page slow.
        state = await self._hub.state_of(agent.jid) if agent.show in LIVE else None
        if state is None:
            return [line_of_silent(agent.jid, agent.show)] if agent.role in _WITH_CHECKS else []
        return lines_of_agent(state)


def _links(request: Request, found: Page[Schedule], asked: SchedulePageParameters) -> Links:
    """Return the links of the scheduled jobs: their list for programs knows of no agents."""
    query = "" if asked.state is None else f"?state={asked.state}"
    return Links(
        previous=_beside(request, found.previous, "cursor"),
        next=_beside(request, found.next, "cursor"),
        json=f"/v1/schedules{query}",
        csv=f"/v1/schedules.csv{query}",
    )


def _check_links(asked: SchedulePageParameters) -> Links:
    query = "" if asked.agent is None else f"?agent={quote(asked.agent, safe='')}"
    path = "/v1/agent-checks"
    return Links(previous=None, next=None, json=f"{path}{query}", csv=f"{path}.csv{query}")


def _beside(request: Request, cursor: str | None, name: str) -> str | None:
    if cursor is None:
        return None
    plain = request.url.remove_query_params(["cursor", "agents", "said"])
    return f"{SCHEDULES}?{plain.include_query_params(**{name: cursor}).query}"
