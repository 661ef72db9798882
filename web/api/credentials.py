"""What a request brings to show who asks: an API key, or the cookie of a session."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from starlette.requests import HTTPConnection
from starlette.responses import Response

from registry.keys import MAX_KEY
from web.api.origins import changes_something

COOKIE = "vedette_session"
"""The session's cookie where there is no TLS, which is loopback only."""

SECURE_COOKIE = "__Host-vedette_session"
"""The same with TLS: browsers keep it to this host, whole, and never send it in clear (RFC 6265bis, 4.1.3.2)."""

DEVICE_COOKIE = "vedette_device"
"""What a browser keeps, so that strangers who guess its person's password do not make it wait."""

DEVICE_KEPT = 180 * 86_400
"""Seconds that it keeps it."""

_TOKEN = b"token="
_HEADER = "x-csrf-token"


def key_in(connection: HTTPConnection) -> str | None:
    """Return the key that a request brings, None if it brings none.

    Basic (RFC 7617) has it as password, with any name. `?token=` is for browsers, which cannot add a
    header to a WebSocket or an event stream; it is taken out of the address, so that nothing logs it.
    """
    in_query = _token_in_query(connection)
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        return _authorized(scheme.lower(), value.strip())
    return connection.headers.get("x-api-key", in_query)


def session_in(connection: HTTPConnection, *, secure: bool) -> str | None:
    """Return the token of the session that a request belongs to, None if it belongs to none."""
    return connection.cookies.get(SECURE_COOKIE if secure else COOKIE)


def device_in(connection: HTTPConnection, *, secure: bool) -> str | None:
    """Return what the browser kept from an earlier login, None if it kept nothing."""
    return connection.cookies.get(_device_cookie(secure=secure))


def keep_login(response: Response, *, session: str, device: str, secure: bool) -> None:
    """Let the browser keep its session, until it is closed, and what it is known by."""
    # Lax and not strict: a link in a mail to an alarm must find its reader logged in. Forms need a token anyway.
    name = SECURE_COOKIE if secure else COOKIE
    response.set_cookie(name, session, httponly=True, secure=secure, samesite="lax")
    name = _device_cookie(secure=secure)
    response.set_cookie(name, device, max_age=DEVICE_KEPT, httponly=True, secure=secure, samesite="strict")


def drop_session(response: Response, *, secure: bool) -> None:
    """Let the browser forget its session."""
    name = SECURE_COOKIE if secure else COOKIE
    response.delete_cookie(name, httponly=True, secure=secure, samesite="lax")


def _device_cookie(*, secure: bool) -> str:
    return f"__Host-{DEVICE_COOKIE}" if secure else DEVICE_COOKIE


def csrf_in(connection: HTTPConnection) -> str | None:
    """Return the token against forged requests that a script of ours sent along."""
    return connection.headers.get(_HEADER)


def _authorized(scheme: str, value: str) -> str:
    if scheme == "bearer":
        return value
    # Another scheme's credentials are somebody's wrong idea of a key, not the lack of one.
    return _basic_password(value) if scheme == "basic" else ""


def _basic_password(value: str) -> str:
    """Return the password of Basic credentials, empty where they are none."""
    if len(value) > 8 * MAX_KEY:
        return ""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


def _token_in_query(connection: HTTPConnection) -> str | None:
    query: bytes = connection.scope.get("query_string", b"")
    if b"token=" not in query or _may_not_have_it(connection):
        return None
    parts = query.split(b"&")
    tokens = [part for part in parts if part.startswith(_TOKEN)]
    if not tokens:
        return None
    connection.scope["query_string"] = b"&".join(part for part in parts if not part.startswith(_TOKEN))
    return unquote_to_bytes(tokens[0].removeprefix(_TOKEN)).decode("utf-8", "replace")


def _may_not_have_it(connection: HTTPConnection) -> bool:
    # An address is passed on, kept and clicked: what changes something must not be in one.
    return connection.scope["type"] == "http" and changes_something(connection)
