"""Who may ask for what: each route has one rule, and a route without one is not served."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from registry.callers import Caller, Scope
from registry.keys import Keys
from registry.sessions import Sessions
from vedette.errors import VedetteError
from web.api.forms import SMALL, FormLimits
from web.api.gate import Gate, GatePolicy

__all__ = ["Guarded", "Rule", "Rules", "UnguardedRouteError", "caller_of", "check_rules"]


class UnguardedRouteError(VedetteError):
    """A route has no access rule: a mistake in the program, found when the application is built."""


class Rule:
    """A route's rule: the caller has one of some scopes; without any scope, everybody may."""

    def __init__(self, *scopes: Scope, gate: Gate | None = None, form: FormLimits | None = None) -> None:
        self.scopes = frozenset(scopes)
        """One of them is enough; none: everybody may."""
        self._gate = gate
        self._form = form

    async def __call__(self, connection: HTTPConnection) -> None:
        """Let a request or a WebSocket pass or refuse it; the caller is known to `caller_of` then.

        Raises:
            ProblemError: 401 for nobody, 403 without the scope or from another site's page; 303 to the
                login for a person's browser.
        """
        if self._gate is not None:
            connection.state.caller = await self._gate.admit(connection, self.scopes, form=self._form)

    async def still_good(self, connection: HTTPConnection) -> bool:
        """Tell whether the caller of a long answer or an open WebSocket may still be here; ask now and then.

        Raises:
            StoreError: the database failed.
        """
        if self._gate is None:
            return True
        return await self._gate.still_admits(connection, caller_of(connection), self.scopes)


class Guarded:
    """An ASGI application behind a rule, for a route that needs none of FastAPI's work."""

    def __init__(self, app: ASGIApp, *, rule: Rule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer, if the rule lets the caller pass."""
        await self._rule(HTTPConnection(scope))
        await self._app(scope, receive, send)


class Rules:
    """Makes the rules of an application's routes."""

    def __init__(self, *, keys: Keys, sessions: Sessions | None = None, policy: GatePolicy | None = None) -> None:
        """Say who is known: the keys, the sessions of people if there are any, and how the gate is kept."""
        self.gate = Gate(keys=keys, sessions=sessions, policy=policy)
        """The gate behind every rule."""

    def any_of(self, *scopes: Scope) -> Rule:
        """Return the rule that lets in who has one of these scopes."""
        return self._rule(*scopes)

    def any_of_by_form(self, *scopes: Scope, limits: FormLimits = SMALL) -> Rule:
        """Return the same for a form on a page of ours, of this size, which brings its token in the field `csrf`."""
        return self._rule(*scopes, form=limits)

    def everybody(self) -> Rule:
        """Return the rule of a route that tells nothing worth protecting."""
        return Rule()

    def _rule(self, *scopes: Scope, form: FormLimits | None = None) -> Rule:
        if not scopes:
            raise UnguardedRouteError("a rule without scopes would let nobody in; use `everybody` if that is meant")
        return Rule(*scopes, gate=self.gate, form=form)


def caller_of(connection: HTTPConnection) -> Caller:
    """Return who asks, on a route that not everybody may use."""
    caller = getattr(connection.state, "caller", None)
    if not isinstance(caller, Caller):
        raise UnguardedRouteError(f"{connection.url.path}: has no caller")
    return caller


def check_rules(app: FastAPI) -> None:
    """Check that every route has exactly one rule.

    Raises:
        UnguardedRouteError: one has none.
    """
    for route in app.routes:
        if _guards(route) != 1:
            raise UnguardedRouteError(f"{getattr(route, 'path', route)}: needs exactly one access rule")


def _guards(route: BaseRoute) -> int:
    """Count a route's rules."""
    if isinstance(route, APIRoute | APIWebSocketRoute):
        return sum(isinstance(dependency.dependency, Rule) for dependency in route.dependencies)
    if isinstance(route, Route | WebSocketRoute):
        return int(isinstance(route.endpoint, Guarded))
    # A mount, a host or a kind to come: nobody looked at what is inside.
    return 0
