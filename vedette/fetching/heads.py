"""Heads of requests and answers: what is said along, and what is believed of what is said."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.typedefs import LooseHeaders

from vedette.fetching.interface import FetchRequest

USER_AGENT = "vedette"
"""What we call ourselves, and the name that robots.txt knows us by (RFC 9309 section 2.2.1)."""

_MAX_WAIT = 86_400.0
_MAX_TYPE = 100
_MAX_VALUE = 500
_WORTH_KEEPING = frozenset(
    {"age", "cache-control", "content-disposition", "content-encoding", "content-language", "content-length", "date"}
    | {"content-location", "content-type", "etag", "expires", "last-modified", "link", "server", "vary", "via"}
    # Where reading a TAXII collection goes on (TAXII 2.1 section 3.4).
    | {"x-taxii-date-added-first", "x-taxii-date-added-last"}
)


def request_headers(request: FetchRequest, *, with_own: bool) -> LooseHeaders:
    """Return what is said along with a request; its own headers only to the origin that they are for."""
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": ", ".join(request.accept) or "*/*",
        "Accept-Encoding": "gzip, deflate" if request.compressed else "identity",
    }
    if request.content_type:
        headers["Content-Type"] = request.content_type
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return {**headers, **request.headers} if with_own else headers


def media_type(response: aiohttp.ClientResponse) -> str:
    """Return the media type in lower case, without parameters; empty where none is named."""
    return printable(response.content_type.lower())[:_MAX_TYPE] if "Content-Type" in response.headers else ""


def content_encoding(response: aiohttp.ClientResponse) -> str:
    """Return how the body is encoded; empty: as it is."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Return the seconds to wait that a server asks for (RFC 9110 section 10.2.3), within reason."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MAX_WAIT)
    try:
        # By the server's own clock: ours may differ.
        moment = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(moment.total_seconds(), 0.0), _MAX_WAIT)


def kept_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers that say something of the body, bounded; cookies and the like are nobody's business."""
    named = ((name.lower(), printable(value)[:_MAX_VALUE]) for name, value in response.headers.items())
    return {name: value for name, value in named if name in _WORTH_KEEPING}


def printable(text: str) -> str:
    """Return a text of a stranger as it may be shown."""
    return "".join(char if char.isprintable() else "�" for char in text)


def charset(response: aiohttp.ClientResponse) -> str:
    """Return the encoding that an answer names; empty: none."""
    return printable(response.charset or "")[:_MAX_TYPE]
