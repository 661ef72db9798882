"""Who may log in: made, given a role, kept out, let in again; each change in the audit log."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.roles import UserRole
from registry.setup_links import LIFETIME, SetupLinks
from registry.users import Users
from vedette.access.password_hash import no_password
from vedette.errors import RefusedError
from web.api.access import Rules, caller_of
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.setup import SETUP
from web.api.v1.acting import actor_of
from web.api.v1.users import Name
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

USERS: Final = "/users"
"""Where the page is."""

_SAID: Final = {
    "role": "The role is changed, and the person's sessions have ended.",
    "disabled": "The person is kept out from now on, and their sessions have ended.",
    "enabled": "The person may log in again.",
    "sessions": "Every session of the person has ended.",
}


class UserPageRoutes:
    """`GET /users`, and the forms on it."""

    def __init__(self, *, frame: Frame, users: Users, links: SetupLinks, gate: Gate) -> None:
        self._frame = frame
        self._users = users
        self._links = links
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        one, change = f"{USERS}/{{name}}", Depends(rules.any_of_by_form(Scope.ADMIN))
        add_page(app, USERS, self.show, rule=Depends(rules.any_of(Scope.ADMIN)))
        add_page(app, USERS, self.add, rule=change, method="POST")
        add_page(app, f"{one}/role", self.role, rule=change, method="POST")
        add_page(app, f"{one}/disable", self.disable, rule=change, method="POST")
        add_page(app, f"{one}/enable", self.enable, rule=change, method="POST")
        add_page(app, f"{one}/end-sessions", self.end_sessions, rule=change, method="POST")
        add_page(app, f"{one}/setup-link", self.setup_link, rule=change, method="POST")

    async def show(self, request: Request, asked: Annotated[PageParameters, Query()]) -> Response:
        """Show everybody, by name."""
        return await self._show(request, cursor=asked.cursor, said=_SAID.get(asked.said or "", ""))

    async def add(self, request: Request) -> Response:
        """Make an account, and the link with which its person chooses a password."""
        form = await read_form(request)
        name, role = form.get("name", "").strip(), form.get("role", "")
        by = actor_of(request, self._gate)
        try:
            user = await self._users.add(name=name, role=_role(role), password_hash=no_password(), by=by)
            token = await self._links.make_for(user.name, by=by)
        except RefusedError as error:
            return await self._show(request, problem=str(error), status=422, name=name, role=role)
        return await self._show(request, link_for=user.name, link=f"{SETUP}#{token}")

    async def role(self, name: Name, request: Request) -> Response:
        """Change what a person may do."""
        wanted = (await read_form(request)).get("role", "")
        try:
            change = self._users.set_role(name, _role(wanted), by=actor_of(request, self._gate))
        except RefusedError as error:
            return await self._show(request, problem=str(error), status=422)
        return await self._done(request, change, said="role")

    async def disable(self, name: Name, request: Request) -> Response:
        """Keep a person out."""
        return await self._done(request, self._users.disable(name, by=actor_of(request, self._gate)), said="disabled")

    async def enable(self, name: Name, request: Request) -> Response:
        """Let a person log in again."""
        return await self._done(request, self._users.enable(name, by=actor_of(request, self._gate)), said="enabled")

    async def end_sessions(self, name: Name, request: Request) -> Response:
        """Log a person out everywhere."""
        ending = self._users.end_sessions(name, by=actor_of(request, self._gate))
        return await self._done(request, ending, said="sessions")

    async def setup_link(self, name: Name, request: Request) -> Response:
        """Make a link with which a person chooses another password; shown this once."""
        try:
            token = await self._links.make_for(name, by=actor_of(request, self._gate))
        except RefusedError as error:
            return await self._show(request, problem=str(error), status=409)
        return await self._show(request, link_for=name, link=f"{SETUP}#{token}")

    async def _done(self, request: Request, change: Awaitable[object], *, said: str) -> Response:
        try:
            await change
        except RefusedError as error:
            return await self._show(request, problem=str(error), status=409)
        return go_to(f"{USERS}?said={said}")

    async def _show(
        self,
        request: Request,
        *,
        status: int = 200,
        cursor: str | None = None,
        said: str = "",
        problem: str = "",
        **more: Any,
    ) -> Response:
        found = await self._users.page(limit=PAGE, cursor=cursor)
        usual = {"link": "", "link_for": "", "name": "", "role": UserRole.VIEWER.value}
        return self._frame.page(
            request,
            "users.html",
            current=USERS,
            status=status,
            rows=found.rows,
            links=links_of(request, found, api="/v1/users", path=USERS),
            roles=[role.value for role in UserRole],
            itself=caller_of(request).holder,
            minutes=LIFETIME // 60,
            said=said,
            problem=problem,
            **(usual | more),
        )


def _role(text: str) -> UserRole:
    try:
        return UserRole(text)
    except ValueError as error:
        raise RefusedError("role", "choose one of the roles") from error
