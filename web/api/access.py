"""Who may ask for what: each route has one rule, and a route without one is not served."""

from __future__ import annotations

import base64
import binascii

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request

from registry.keys import MAX_KEY, ApiKey, KeyRefusedError, Keys, Scope
from vedette.errors import VedetteError
from web.api.problems import ProblemError

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="vedette", charset="UTF-8"'}
_SAFE = frozenset({"GET", "HEAD"})


class UnguardedRouteError(VedetteError):
    """A route has no access rule: a mistake in the program, found when the application is built."""


class Rule:
    """A route's rule: the caller holds a key with one of some scopes; without any scope, everybody may."""

    def __init__(self, *scopes: Scope, keys: Keys | None = None) -> None:
        self._scopes = frozenset(scopes)
        self._keys = keys

    async def __call__(self, request: Request) -> None:
        """Let a request pass or refuse it; the caller is known to `caller_of` then.

        Raises:
            ProblemError: 401 without a good key, 403 without the scope or from another site's page.
        """
        if self._keys is None:
            return
        _refuse_other_sites(request)
        request.state.caller = await self._caller(request, self._keys)

    async def _caller(self, request: Request, keys: Keys) -> ApiKey:
        given = _key_in(request)
        if given is None:
            detail = "an API key is required: as Basic password, bearer token or X-API-Key"
            raise ProblemError(401, detail, headers=_CHALLENGE)
        try:
            caller = await keys.check(given)
        except KeyRefusedError as error:
            raise ProblemError(401, "the API key is not good here", headers=_CHALLENGE) from error
        if not caller.scopes & self._scopes:
            wanted = " or ".join(sorted(self._scopes))
            raise ProblemError(403, f"the API key does not allow this; it needs the scope {wanted}")
        return caller


class Rules:
    """Makes the rules of an application's routes."""

    def __init__(self, *, keys: Keys) -> None:
        self._keys = keys

    def any_of(self, *scopes: Scope) -> Rule:
        """Return the rule that lets in who has one of these scopes."""
        if not scopes:
            raise UnguardedRouteError("a rule without scopes would let nobody in; use `everybody` if that is meant")
        return Rule(*scopes, keys=self._keys)

    def everybody(self) -> Rule:
        """Return the rule of a route that tells nothing worth protecting."""
        return Rule()


def caller_of(request: Request) -> ApiKey:
    """Return who asks, on a route that not everybody may use."""
    caller = request.state.caller
    if not isinstance(caller, ApiKey):
        raise UnguardedRouteError(f"{request.url.path}: has no caller")
    return caller


def check_rules(app: FastAPI) -> None:
    """Check that every route has exactly one rule.

    Raises:
        UnguardedRouteError: one has none.
    """
    for route in app.routes:
        dependencies = route.dependencies if isinstance(route, APIRoute) else []
        guards = [dependency for dependency in dependencies if isinstance(dependency.dependency, Rule)]
        if len(guards) != 1:
            raise UnguardedRouteError(f"{getattr(route, 'path', route)}: needs exactly one access rule")


def _key_in(request: Request) -> str | None:
    """Return the key that a request brings, None if it brings none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_password(value.strip())
    return request.headers.get("x-api-key")


def _basic_password(value: str) -> str:
    """Return the password of Basic credentials (RFC 7617), empty where they are none."""
    if len(value) > 8 * MAX_KEY:
        return ""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


def _refuse_other_sites(request: Request) -> None:
    # Browsers send remembered Basic credentials with what other sites' pages post, too.
    site = request.headers.get("sec-fetch-site", "none")
    if request.method not in _SAFE and site not in ("none", "same-origin"):
        raise ProblemError(403, "this was sent by a page of another site")
