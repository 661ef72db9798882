"""Where the hub is and with which key one comes to it: checked before anything is sent. Pure, no I/O."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from vedette.errors import ConfigurationError

MAX_KEY = 256
"""Characters of a key."""

_URL = re.compile(r"https?://[^\s/@?#\\]{1,300}/?\Z", re.IGNORECASE)
_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY}}}\Z")

Query = Mapping[str, str | int | bool | tuple[str, ...] | None]
"""Parameters of a request; None means that one is not given, several texts that it is given so often."""


def check_url(url: str) -> str:
    """Return the hub's address without a slash at its end.

    Raises:
        ConfigurationError: it is none, or the key would cross a network in clear.
    """
    try:
        parts = urlsplit(url)
        good = _URL.match(url) is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigurationError(
            "the hub", "url", f"{url[:100]!r} is not http(s)://HOST[:PORT]; it has no path or user"
        )
    if parts.scheme.lower() == "http" and not _is_here(parts.hostname or ""):
        raise ConfigurationError("the hub", "url", "use https: over http the key would cross the network in clear")
    return url.rstrip("/")


def check_key(key: str) -> str:
    """Return an API key that may stand in a header.

    Raises:
        ConfigurationError: it cannot be one; the message does not repeat it.
    """
    if not _KEY.match(key):
        raise ConfigurationError(
            "the hub", "api_key", f"is not a key: 1 to {MAX_KEY} characters, no space or line end"
        )
    return key


def path_of(*segments: str) -> str:
    """Return a path; what a segment holds never becomes a part of the path's form.

    Raises:
        ConfigurationError: a segment is one of those that URLs resolve away.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ConfigurationError("the request", "name", f"{segment!r} names nothing on the hub")
    return "/" + "/".join(quote(segment, safe="@:") for segment in segments)


def query_of(query: Query) -> str:
    """Return parameters as they stand in a URL, `?` included; empty where there are none."""
    given = {name: _text(value) for name, value in query.items() if value is not None}
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _text(value: str | int | bool | tuple[str, ...] | None) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
