"""What somebody who is logged in sees and may do with their own account."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field, StrictStr
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Caller, CallerKind, Scope
from vedette.access.rules import MAX_PASSWORD, MIN_PASSWORD
from vedette.errors import RefusedError
from web.api.access import Rules, caller_of
from web.api.credentials import keep_login
from web.api.forms import read_form
from web.api.gate import Gate, csrf_token
from web.api.login import attempt_of, entered
from web.api.logins import LoggedIn, LoginRefusedError, Logins
from web.api.pages import page
from web.api.problems import ProblemError
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems

ACCOUNT = "/account"
"""The page of who is logged in."""

Password = Annotated[StrictStr, Field(max_length=4 * MAX_PASSWORD)]


class CallerView(BaseModel):
    """Who asks."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: CallerKind
    """How the caller showed who it is."""
    id: str
    """Id of the key or the user; empty for anybody."""
    name: str
    """Name of the key or the user; empty for anybody."""
    holder: str
    """As records name the caller."""
    scopes: list[Scope]
    """What the caller may do."""
    csrf: str | None
    """To be sent as `X-CSRF-Token` with whatever changes something; null where it is not needed."""


class PasswordChange(BaseModel):
    """A new password for who is logged in."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    current: Password
    """The password until now."""
    new: Password
    """The password from now on."""


class AccountRoutes:
    """`GET /v1/me`, `POST /v1/password`, `GET /account` and `POST /account/password`."""

    def __init__(self, *, logins: Logins, gate: Gate) -> None:
        self._logins = logins
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        known = Depends(rules.any_of(*Scope))
        by_form = Depends(rules.any_of_by_form(*Scope))
        described: dict[str, Any] = {"tags": ["access"], "dependencies": [known]}
        app.add_api_route("/v1/me", self.me, methods=["GET"], responses=problems(401), **described)
        app.add_api_route(
            "/v1/password",
            self.change,
            openapi_extra=body_of(PasswordChange),
            methods=["POST"],
            status_code=204,
            responses=problems(401, 403, 422, 429, 503),
            **described,
        )
        hidden: dict[str, Any] = {"include_in_schema": False}
        app.add_api_route(ACCOUNT, self.show, methods=["GET"], dependencies=[known], **hidden)
        app.add_api_route(
            f"{ACCOUNT}/password", self.change_by_form, methods=["POST"], dependencies=[by_form], **hidden
        )

    async def me(self, request: Request) -> CallerView:
        """Say who asks, and what they may do."""
        caller = caller_of(request)
        return CallerView(
            kind=caller.kind,
            id=caller.id,
            name=caller.name,
            holder=caller.holder,
            scopes=sorted(caller.scopes),
            csrf=self._csrf(request, caller),
        )

    async def change(self, request: Request) -> Response:
        """Change the password of who is logged in; every other session of theirs ends."""
        wanted = await read_model(request, PasswordChange)
        try:
            done = await self._change(request, current=wanted.current, new=wanted.new)
        except LoginRefusedError as error:
            raise ProblemError(403, "the current password is wrong") from error
        response = Response(status_code=204)
        keep_login(response, session=done.session, device=done.device, secure=self._gate.policy.secure)
        return response

    async def show(self, request: Request, changed: bool = False) -> Response:
        """Show the account."""
        return self._page(request, changed=changed)

    async def change_by_form(self, request: Request) -> Response:
        """Change the password with the page's form."""
        form = await read_form(request)
        current, new = form.get("current", ""), form.get("password", "")
        if new != form.get("repeated"):
            return self._page(request, problem="the two passwords differ", status=422)
        try:
            done = await self._change(request, current=current, new=new)
        except LoginRefusedError:
            return self._page(request, problem="the current password is wrong", status=403)
        except RefusedError as error:
            return self._page(request, problem=str(error), status=422)
        return entered(done, self._gate, path=f"{ACCOUNT}?changed=true")

    async def _change(self, request: Request, *, current: str, new: str) -> LoggedIn:
        caller = caller_of(request)
        if caller.kind is not CallerKind.USER:
            raise ProblemError(403, "only people have a password, in a browser where they are logged in")
        attempt = attempt_of(request, self._gate, name=caller.name, password=current)
        return await self._logins.change_password(attempt, new)

    def _page(self, request: Request, *, problem: str = "", changed: bool = False, status: int = 200) -> Response:
        caller = caller_of(request)
        return page(
            "account.html",
            status=status,
            caller=caller,
            scopes=sorted(caller.scopes),
            csrf=self._csrf(request, caller),
            problem=problem,
            changed=changed,
            least=MIN_PASSWORD,
        )

    def _csrf(self, request: Request, caller: Caller) -> str | None:
        return None if caller.session is None else csrf_token(self._gate.session_of(request) or "")
