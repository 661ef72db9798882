"""Who changes something through `/v1/`, for the audit log."""

from __future__ import annotations

from starlette.requests import Request

from registry.callers import Actor
from web.api.access import caller_of
from web.api.gate import Gate


def actor_of(request: Request, gate: Gate) -> Actor:
    """Return who asks and from which address, on a route that not everybody may use."""
    return Actor(who=caller_of(request).holder, origin=gate.address_of(request))
