"""Whether somebody is new here: the browser keeps that the tour was seen, and nothing else about it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Caller

COOKIE = "vedette_tour"
"""Its value is the id of who has seen the tour: another person at the same browser is new."""

KEPT = 365 * 86_400
"""Seconds that it is kept."""


def is_new(request: Request, caller: Caller) -> bool:
    """Tell whether a person who is logged in has not ended the tour in this browser; programs are never new."""
    return caller.session is not None and request.cookies.get(COOKIE) != caller.id


def no_longer_new(response: Response, caller: Caller, *, secure: bool) -> None:
    """Let the browser keep that this person has seen the tour."""
    response.set_cookie(COOKIE, caller.id, max_age=KEPT, httponly=True, secure=secure, samesite="lax")
