"""Where a request comes from: which address, and which site's page."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from web.api.problems import ProblemError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOPS = 10


def changes_something(connection: HTTPConnection) -> bool:
    """Tell whether a request may change something (RFC 9110, 9.2.1); a WebSocket may."""
    return connection.scope["type"] != "http" or connection.scope["method"] not in _SAFE


def refuse_other_sites(connection: HTTPConnection) -> None:
    """Refuse what a page of another site makes a browser send: it adds cookies and remembered credentials.

    Browsers say which site a request comes from in `Sec-Fetch-Site`, older ones and those of a WebSocket in
    `Origin`; programs say nothing.

    Raises:
        ProblemError: 403, it comes from another site's page.
    """
    if not changes_something(connection):
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        good = site in ("none", "same-origin")
    else:
        good = _is_own(connection.headers.get("origin"), connection.headers.get("host", ""))
    if not good:
        raise ProblemError(403, "this was sent by a page of another site")


def client_address(connection: HTTPConnection, *, trusted: Sequence[Network]) -> str:
    """Return the address that a request comes from: the socket's, unless that is a trusted proxy.

    Each proxy appends whom it saw to `X-Forwarded-For`, so it is read from its end, for as long as
    the one who wrote an entry is trusted; what stands before may be made up.
    """
    peer = connection.client.host if connection.client is not None else ""
    forwarded = [hop.strip() for hop in ",".join(connection.headers.getlist("x-forwarded-for")).split(",")]
    for hop in reversed(forwarded[-_HOPS:]):
        if not _is_in(peer, trusted) or _address(hop) is None:
            break
        peer = hop
    address = _address(peer)
    return peer[:64] if address is None else str(address)


def throttled_network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that one IPv6 client has whole."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


def _is_own(origin: str | None, host: str) -> bool:
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


def _is_in(peer: str, networks: Sequence[Network]) -> bool:
    address = _address(peer)
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket that listens on both families shows IPv4 clients as ::ffff:192.0.2.1.
    return getattr(address, "ipv4_mapped", None) or address
