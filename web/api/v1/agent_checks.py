"""What agents do again and again by themselves, over HTTP: the checks of each, as the agents tell them now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import AgentLine, AgentList, AgentsWanted
from registry.callers import Scope
from registry.directory_rows import LIVE
from registry.listing import Cursor, Order, Page, read_cursor, write_cursor
from vedette.messages.card import Role
from web.api.access import Rules
from web.api.hub_view import HubView
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import ListParameters, Text

WITH_CHECKS: Final = (Role.PROBE, Role.COLLECTOR)
"""Roles of agents that do something by themselves."""

TOGETHER: Final = 50
"""Agents that one page asks."""

CHECKS: Final = Order(name="agent-checks", columns=(), kinds=(str, str, str), descending=False)
"""A place: the cursor of a page of agents, and the agent and check of it that came last; empty: none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentCheck:
    """Something that an agent does by itself, or an agent that cannot be asked."""

    agent: str
    """Bare JID."""
    name: str
    """What orders call it; empty where the agent cannot be asked."""
    title: str
    """What it does, for people."""
    when: str
    """When, in English."""
    state: Literal["scheduled", "running", "paused", "finished", "unknown"]
    """How it is; `finished`: it was to be done once; `unknown`: its agent does not answer."""
    last_at: int | None
    """Microseconds since 1970: its last run."""
    last_outcome: str
    """What came of that."""
    next_runs: list[int]
    """The next ones, microseconds since 1970."""
    paused_at: int | None
    """Microseconds since 1970; null: it is not paused."""
    paused_by: str
    """By whom; empty: it is not paused."""


class AgentCheckParameters(ListParameters):
    """Whose checks to list."""

    agent: Text | None = None
    """Bare JID of the agent; all unless said."""


class AgentCheckRoutes:
    """`GET /v1/agent-checks`."""

    def __init__(self, *, agents: AgentList, hub: HubView, lists: Lists) -> None:
        self._agents = agents
        self._hub = hub
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_list(app, "/v1/agent-checks", self.list, kind=AgentCheck, rule=Depends(rules.any_of(Scope.READ)))

    async def list(self, request: Request, asked: Annotated[AgentCheckParameters, Query()]) -> Response:
        """List what agents do by themselves, by agent, as they tell it now; who does not answer has one row, too."""

        async def fetch(limit: int, cursor: str | None) -> Page[AgentCheck]:
            return await self._page(asked.agent, limit=limit, cursor=cursor)

        return await self._lists.answer(request, asked, fetch, kind=AgentCheck, name="agent-checks")

    async def _page(self, agent: str | None, *, limit: int, cursor: str | None) -> Page[AgentCheck]:
        begin, jid, name = ("", "", "") if cursor is None else map(str, read_cursor(CHECKS, cursor).key)
        if agent is not None:
            agents = Page(rows=list((await self._agents.lines([agent])).values()))
        else:
            agents = await self._agents.page(wanted=AgentsWanted(), limit=TOGETHER, cursor=begin or None)
        asked = [one for one in agents.rows if one.role in WITH_CHECKS and one.jid >= jid]
        found = [row for rows in await asyncio.gather(*map(self._of, asked)) for row in rows]
        left = [row for row in sorted(found, key=_place) if _place(row) > (jid, name)]
        if len(left) > limit:
            return Page(rows=left[:limit], next=_write(begin, *_place(left[limit - 1])))
        return Page(rows=left, next=None if agents.next is None else _write(agents.next, "", ""))

    async def _of(self, agent: AgentLine) -> Iterator[AgentCheck]:
        # Who is not there cannot answer: to wait for it would only make the list slow.
        state = await self._hub.state_of(agent.jid) if agent.show in LIVE else None
        if state is None:
            return iter([_silent(agent)])
        names = [name for name in AgentCheck.__dataclass_fields__ if name != "agent"]
        return (AgentCheck(agent=agent.jid, **{name: getattr(one, name) for name in names}) for one in state.checks)


def _place(row: AgentCheck) -> tuple[str, str]:
    return row.agent, row.name


def _write(begin: str, jid: str, name: str) -> str:
    return write_cursor(CHECKS, Cursor(following=True, key=(begin, jid, name)))


def _silent(agent: AgentLine) -> AgentCheck:
    return AgentCheck(
        agent=agent.jid,
        name="",
        title="",
        when="",
        state="unknown",
        last_at=None,
        last_outcome="",
        next_runs=[],
        paused_at=None,
        paused_by="",
    )
