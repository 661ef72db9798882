"""The gate: who asks, by key or by session, and whether that may be."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request

from registry.callers import ANYBODY, Caller, Scope
from registry.keys import KeyRefusedError, Keys
from registry.sessions import SessionRefusedError, Sessions
from vedette.access.local_path import MAX_PATH
from web.api.credentials import csrf_in, key_in, session_in
from web.api.forms import FormLimits, read_form
from web.api.origins import Network, changes_something, client_address, refuse_other_sites
from web.api.problems import ProblemError
from web.security import host_is_ours

LOGIN: Final = "/login"
"""The page where people log in."""

_BASIC = {"WWW-Authenticate": 'Basic realm="vedette", charset="UTF-8"'}
# For this one a browser opens no window of its own.
_BEARER = {"WWW-Authenticate": 'Bearer realm="vedette"'}


@dataclass(frozen=True, kw_only=True, slots=True)
class GatePolicy:
    """How a gate is kept."""

    open_reading: bool = False
    """Whether anybody may do what READ allows."""
    secure: bool = False
    """Whether browsers come by TLS, so that cookies need it."""
    trusted_proxies: Sequence[Network] = ()
    """Peers whose `X-Forwarded-For` is believed."""
    names: Sequence[str] = ()
    """Host names of ours, besides addresses and localhost."""


class Gate:
    """Lets callers in who may do what they ask for."""

    def __init__(self, *, keys: Keys, sessions: Sessions | None = None, policy: GatePolicy | None = None) -> None:
        self._keys = keys
        self._sessions = sessions
        self.policy = policy or GatePolicy()
        """How it is kept."""

    async def admit(
        self, connection: HTTPConnection, scopes: Set[Scope], *, form: FormLimits | None = None
    ) -> Caller:
        """Return who asks, if they may do what one of `scopes` allows.

        Args:
            connection: the request, or the WebSocket before it is accepted.
            scopes: one of them is enough.
            form: limits of the posted form in which the token against forged requests may come; None: in none.

        Raises:
            ProblemError: 401 for nobody, 403 without the scope, without that token or from another site's
                page; 303 to the login for a person's browser.
        """
        refuse_other_sites(connection)
        caller = await self._caller(connection)
        if caller is None or (caller == ANYBODY and not caller.scopes & scopes):
            raise _nobody(connection)
        if not caller.scopes & scopes:
            wanted = " or ".join(sorted(scopes))
            raise ProblemError(403, f"{caller.holder} may not do this; it needs the scope {wanted}")
        if caller.session is not None and connection.scope["type"] == "http" and changes_something(connection):
            await self._check_forgery(connection, form=form)
        return caller

    async def still_admits(self, connection: HTTPConnection, caller: Caller, scopes: Set[Scope]) -> bool:
        """Tell whether the caller of a long answer or a WebSocket may still be here.

        Raises:
            StoreError: the database failed.
        """
        given = connection.scope.get(_GIVEN)
        now = await self._of_key(given) if given is not None else await self._of_session(connection)
        if now is None and self.policy.open_reading and caller == ANYBODY:
            now = ANYBODY
        return now is not None and bool(now.scopes & scopes)

    def address_of(self, connection: HTTPConnection) -> str:
        """Return the address that a request comes from."""
        return client_address(connection, trusted=self.policy.trusted_proxies)

    def session_of(self, connection: HTTPConnection) -> str | None:
        """Return the token of the request's session, good or not."""
        return session_in(connection, secure=self.policy.secure)

    async def _caller(self, connection: HTTPConnection) -> Caller | None:
        given = key_in(connection)
        if given is not None:
            # Kept for `still_admits`, since a key in the address was taken out of it.
            connection.scope[_GIVEN] = given
            caller = await self._of_key(given)
            if caller is None:
                raise ProblemError(401, "the API key is not good here", headers=_challenge(connection))
            return caller
        return await self._of_session(connection) or self._anybody(connection)

    async def _of_key(self, given: str) -> Caller | None:
        try:
            return (await self._keys.check(given)).caller
        except KeyRefusedError:
            return None

    async def _of_session(self, connection: HTTPConnection) -> Caller | None:
        token = self.session_of(connection)
        if token is None or self._sessions is None:
            return None
        try:
            return await self._sessions.check(token)
        except SessionRefusedError:
            return None

    def _anybody(self, connection: HTTPConnection) -> Caller | None:
        if not self.policy.open_reading:
            return None
        if not host_is_ours(connection.headers.get("host"), names=self.policy.names):
            # A foreign name that points here is how another site's page reads what only we can reach.
            raise ProblemError(421, "this name is not the hub's; use its address, or set api.url to the name")
        return ANYBODY

    async def _check_forgery(self, connection: HTTPConnection, *, form: FormLimits | None) -> None:
        token = csrf_in(connection)
        if token is None and form is not None and isinstance(connection, Request):
            token = (await read_form(connection, limits=form)).get("csrf")
        if not hmac.compare_digest((token or "").encode("utf-8", "replace"), self._csrf_of(connection).encode()):
            raise ProblemError(403, "the token against forged requests is missing or old; load the page again")

    def _csrf_of(self, connection: HTTPConnection) -> str:
        return csrf_token(self.session_of(connection) or "")


_GIVEN = "vedette.key"


def csrf_token(session: str) -> str:
    """Return a session's token against forged requests: only who can read our pages knows it.

    It is derived from the session's own token, so there is nothing to keep and both end together.
    """
    digest = hmac.digest(session.encode("utf-8", "replace"), b"vedette csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _nobody(connection: HTTPConnection) -> ProblemError:
    if _is_navigation(connection):
        if changes_something(connection):
            # What was posted is lost with the session; the page it came from can be opened again.
            return ProblemError(303, "log in first", headers={"Location": LOGIN})
        query = connection.scope.get("query_string", b"").decode("latin-1")
        target = quote(connection.scope["path"], safe="/") + (f"?{query}" if query else "")
        where = f"{LOGIN}?next={quote(target, safe='/')}" if len(target) <= MAX_PATH else LOGIN
        return ProblemError(303, "log in first", headers={"Location": where})
    detail = "an API key is required: as Basic password, bearer token or X-API-Key; or log in"
    return ProblemError(401, detail, headers=_challenge(connection))


def _is_navigation(connection: HTTPConnection) -> bool:
    """Tell whether a person opens a page in a browser."""
    headers = connection.headers
    opens = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return opens and connection.scope["type"] == "http"


def _challenge(connection: HTTPConnection) -> dict[str, str]:
    """Return how to come back: RFC 9110, 11.6.1, wants a 401 to say so."""
    return _BEARER if "sec-fetch-mode" in connection.headers else _BASIC
