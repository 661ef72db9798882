"""What every answer carries so that a browser cannot be turned against its user, and who may ask."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Only our own files, nothing inline, nowhere to send anything."""

PAGE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'"),
        # Without a referrer browsers call the page that sends a form "null", as they call a foreign one.
        "Referrer-Policy": "same-origin",
    }
)
"""Headers of our pages with a form, instead of those below."""

SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        # aiohttp would name itself and Python with their versions.
        "Server": "vedette",
    }
)
"""Headers of every answer, problems included."""


def host_is_ours(host: str | None, *, names: Iterable[str] = ()) -> bool:
    """Tell whether a Host header may be answered (RFC 9110, 7.2).

    DNS rebinding makes a foreign *name* point at us, so any address and `localhost` are safe (which keeps
    a forwarded port working), and a name only when it is one of `names`.
    """
    name = _host_name(host or "")
    return name == "localhost" or name in {known.lower() for known in names} or _is_address(name)


def _host_name(host: str) -> str:
    """Return the name without the port, in lower case; empty where the header is not a host."""
    if any(character in host for character in "/?#@\\ \t"):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
