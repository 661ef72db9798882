"""People over HTTP: who may log in, as `vedette users` does it; passwords never pass through here."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.listing import Page
from registry.roles import UserRole
from registry.setup_links import LIFETIME, SetupLinks
from registry.users import User, Users
from vedette.access.password_hash import no_password
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters

T = TypeVar("T")

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"

Name = Annotated[str, Path(pattern=NAME, description="The name that the person types.")]


class NewUser(BaseModel):
    """A person who shall be able to log in."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=NAME)]
    """What the person types."""
    role: UserRole = UserRole.VIEWER
    """What the person may do."""


class NewRole(BaseModel):
    """What a person may do from now on."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    role: UserRole
    """The role."""


class ChangedUser(BaseModel):
    """A person, after what was done."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Random; stays when everything else changes."""
    name: str
    """What the person types."""
    role: str
    """What the person may do."""
    created_at: int
    """Microseconds since 1970."""
    password_changed_at: int
    """Microseconds since 1970."""
    disabled_at: int | None
    """Microseconds since 1970; null: may log in."""
    last_login_at: int | None
    """Microseconds since 1970."""


class SetupLinkView(BaseModel):
    """How a person chooses a password."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """What the person types."""
    path: str
    """What follows the hub's address in the link; good once. Whoever has it can log in as the person."""
    seconds: int
    """How long it is good."""


class UserRoutes:
    """`GET` and `POST /v1/users`, and what an administrator does to one of them."""

    def __init__(self, *, users: Users, links: SetupLinks, lists: Lists, gate: Gate) -> None:
        self._users = users
        self._links = links
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        admin = Depends(rules.any_of(Scope.ADMIN))
        add_list(app, "/v1/users", self.list, kind=User, rule=admin)
        change: dict[str, Any] = {"methods": ["POST"], "dependencies": [admin], "tags": ["users"]}
        new: dict[str, Any] = {"status_code": 201, "response_model": ChangedUser, "responses": problems(409, 422)}
        app.add_api_route("/v1/users", self.add, openapi_extra=body_of(NewUser), **new, **change)
        change["responses"] = problems(404, 409, 422)
        one = "/v1/users/{name}"
        changed = change | {"response_model": ChangedUser}
        app.add_api_route(f"{one}/role", self.role, openapi_extra=body_of(NewRole), **changed)
        app.add_api_route(f"{one}/disable", self.disable, **changed)
        app.add_api_route(f"{one}/enable", self.enable, **changed)
        app.add_api_route(f"{one}/end-sessions", self.end_sessions, **changed)
        app.add_api_route(f"{one}/setup-link", self.setup_link, response_model=SetupLinkView, **change)

    async def list(self, request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        """List everybody who may log in, or might once, by name."""

        async def fetch(limit: int, cursor: str | None) -> Page[User]:
            return await self._users.page(limit=limit, cursor=cursor)

        return await self._lists.answer(request, asked, fetch, kind=User, name="users")

    async def add(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Make an account without a password; its set-up link lets the person choose one."""
        wanted, by = await read_model(request, NewUser), actor_of(request, self._gate)
        if await self._users.find(wanted.name) is not None:
            raise ProblemError(409, f"{wanted.name} is taken; choose another, or make a set-up link for it")
        adding = self._users.add(name=wanted.name, role=wanted.role, password_hash=no_password(), by=by)
        return _json(asdict(await _allowed(adding)), status=201)

    async def role(self, name: Name, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Change what a person may do. Their sessions end."""
        wanted = await read_model(request, NewRole)
        await self._find(name)
        await _allowed(self._users.set_role(name, wanted.role, by=actor_of(request, self._gate)))
        return _json(asdict(await self._find(name)))

    async def disable(self, name: Name, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Keep a person out from now on. Their sessions end; what they did stays theirs."""
        await self._find(name)
        await _allowed(self._users.disable(name, by=actor_of(request, self._gate)))
        return _json(asdict(await self._find(name)))

    async def enable(self, name: Name, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Let a person who was disabled log in again."""
        await self._find(name)
        await _allowed(self._users.enable(name, by=actor_of(request, self._gate)))
        return _json(asdict(await self._find(name)))

    async def end_sessions(self, name: Name, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Log a person out everywhere. Their password stays."""
        await self._find(name)
        await _allowed(self._users.end_sessions(name, by=actor_of(request, self._gate)))
        return _json(asdict(await self._find(name)))

    async def setup_link(self, name: Name, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Make a link with which the person chooses a password, good once; the older one ends."""
        await self._find(name)
        token = await _allowed(self._links.make_for(name, by=actor_of(request, self._gate)))
        # The hub's address is the client's: the Host header of a request is what anybody writes there.
        return _json({"name": name, "path": f"/setup#{token}", "seconds": LIFETIME})

    async def _find(self, name: str) -> User:
        found = await self._users.find(name)
        if found is None:
            raise ProblemError(404, f"there is nobody called {name}")
        return found[0]


async def _allowed(change: Awaitable[T]) -> T:
    try:
        return await change
    except RefusedError as error:
        raise ProblemError(409, error.reason) from error


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPES[Form.JSON], headers=headers)
