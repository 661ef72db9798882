"""Logging in and out with a browser."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.sessions import Sessions
from vedette.access.local_path import local_path
from web.api.access import Rules
from web.api.credentials import device_in, drop_session, keep_login
from web.api.forms import read_form
from web.api.gate import LOGIN, Gate
from web.api.logins import Attempt, LoggedIn, LoginRefusedError, Logins
from web.api.origins import refuse_other_sites
from web.api.pages import go_to, page
from web.api.problems import ProblemError

HOME = "/"
"""Where people come after a login who wanted nowhere else."""

_SHOWN = (429, 503)
# A 401 has to name a scheme (RFC 9110, 11.6.1); for this one browsers open no window of their own.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="vedette"'}


class LoginRoutes:
    """`GET` and `POST /login`, `POST /logout`."""

    def __init__(self, *, logins: Logins, sessions: Sessions, gate: Gate) -> None:
        self._logins = logins
        self._sessions = sessions
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        everybody, people = Depends(rules.everybody()), Depends(rules.any_of_by_form(*Scope))
        app.add_api_route(LOGIN, self.show, methods=["GET"], dependencies=[everybody], include_in_schema=False)
        app.add_api_route(LOGIN, self.log_in, methods=["POST"], dependencies=[everybody], include_in_schema=False)
        app.add_api_route("/logout", self.log_out, methods=["POST"], dependencies=[people], include_in_schema=False)

    async def show(self, next: str = HOME) -> Response:
        """Show the form."""
        return _form(next=next)

    async def log_in(self, request: Request) -> Response:
        """Log somebody in and send them where they wanted to go."""
        refuse_other_sites(request)
        form = await read_form(request)
        attempt = attempt_of(request, self._gate, name=form.get("name", ""), password=form.get("password", ""))
        target = form.get("next", HOME)
        try:
            done = await self._logins.log_in(attempt)
        except LoginRefusedError as error:
            return _form(next=target, name=attempt.name, problem=str(error), status=401, headers=_CHALLENGE)
        except ProblemError as error:
            if error.status not in _SHOWN:
                raise
            return _form(
                next=target, name=attempt.name, problem=error.detail, status=error.status, headers=error.headers
            )
        return entered(done, self._gate, path=local_path(target, otherwise=HOME))

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        token = self._gate.session_of(request)
        if token is not None:
            await self._sessions.end(token, origin=self._gate.address_of(request))
        response = go_to(LOGIN)
        drop_session(response, secure=self._gate.policy.secure)
        return response


def attempt_of(request: Request, gate: Gate, *, name: str, password: str) -> Attempt:
    """Return the attempt that a browser makes."""
    return Attempt(
        name=name,
        password=password,
        origin=gate.address_of(request),
        device=device_in(request, secure=gate.policy.secure),
        session=gate.session_of(request),
    )


def entered(done: LoggedIn, gate: Gate, *, path: str) -> Response:
    """Send somebody who logged in to a page of ours; the browser keeps the session."""
    response = go_to(path)
    keep_login(response, session=done.session, device=done.device, secure=gate.policy.secure)
    return response


def _form(
    *, next: str, name: str = "", problem: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    target = local_path(next, otherwise=HOME)
    return page("login.html", status=status, headers=headers, next=target, name=name[:64], problem=problem)
