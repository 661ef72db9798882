"""Agents over HTTP: the list, one with its card and state, and the history of its presence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from registry.agent_list import AgentLine, AgentList, AgentsWanted, PresenceLine, UnknownAgentError
from registry.callers import Scope
from vedette.canonical import parse_json
from vedette.messages.card import Role
from web.api.access import Rules
from web.api.hub_view import HubView
from web.api.problems import ProblemError
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters, Text

Jid = Annotated[str, Path(max_length=512, pattern=r"^[^\x00]+$", description="Bare JID.")]


class AgentParameters(ListParameters):
    """Which agents to list."""

    role: Role | None = None
    """The role that they were enrolled in."""
    show: Literal["available", "away", "dnd", "gone", "unknown"] | None = None
    """Presence; `unknown` is not `gone`."""
    revoked: bool = False
    """Also those that were revoked."""
    text: Text | None = None
    """What their JID, place, version or reason has in it, whatever the case."""
    waiting: bool = False
    """Only those with something in their outbox, or dead letters, when they last reported."""


class AgentDetail(BaseModel):
    """An agent with its card."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    jid: str
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    show: str
    """Presence: available, away, dnd, gone or unknown."""
    status: str
    """Why."""
    since: int | None
    """Microseconds since 1970: since when the presence is what it is."""
    last_seen_at: int | None
    """Microseconds since 1970: when anything of it was last heard."""
    enrolled_at: int
    """Microseconds since 1970."""
    revoked_at: int | None
    """Microseconds since 1970; null while it is enrolled."""
    registered_at: int | None
    """Microseconds since 1970: when its last card came."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key."""
    card: dict[str, Any] | None
    """What it says of itself, as it signed it; null before it registered."""
    state: dict[str, Any] | None
    """What its page shows, where it runs in the hub's process; null for others, which have pages of their own."""


class AgentRoutes:
    """`GET /v1/agents`, and what is under one of them."""

    def __init__(self, *, agents: AgentList, hub: HubView, lists: Lists) -> None:
        self._agents = agents
        self._hub = hub
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/agents", self.list, kind=AgentLine, rule=read)
        app.add_api_route(
            "/v1/agents/{jid}",
            self.get,
            methods=["GET"],
            dependencies=[read],
            response_model=AgentDetail,
            responses=problems(404, 422),
            tags=["agents"],
        )
        add_list(app, "/v1/agents/{jid}/presence", self.presence, kind=PresenceLine, rule=read, statuses=[404])

    async def list(self, request: Request, asked: Annotated[AgentParameters, Query()]) -> Response:
        """List agents, by JID."""
        names = ("role", "show", "revoked", "text", "waiting")
        wanted = AgentsWanted(**{name: getattr(asked, name) for name in names})
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._agents.page(wanted=wanted, limit=limit, cursor=cursor),
            kind=AgentLine,
            name="agents",
        )

    async def get(self, jid: Jid, _: Annotated[Parameters, Query()]) -> Response:
        """Return an agent's card, presence and state."""
        try:
            entry = await self._agents.find(jid)
        except UnknownAgentError as error:
            raise ProblemError(404, "no agent of this name was ever enrolled") from error
        names = AgentDetail.model_fields.keys() - {"card", "state"}
        body = {name: getattr(entry, name) for name in names}
        body["card"] = None if entry.card is None else parse_json(entry.card)
        state = next((one for one in self._hub.states() if one.jid == jid), None)
        body["state"] = None if state is None else state.model_dump(mode="json")
        return Response(orjson.dumps(body), media_type=MEDIA_TYPES[Form.JSON])

    async def presence(self, jid: Jid, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List the changes of an agent's presence, newest first."""
        try:
            return await self._lists.answer(
                request,
                asked,
                lambda limit, cursor: self._agents.presence(jid, limit=limit, cursor=cursor),
                kind=PresenceLine,
                name="presence",
            )
        except UnknownAgentError as error:
            raise ProblemError(404, "no agent of this name was ever enrolled") from error
