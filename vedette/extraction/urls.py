"""URLs and hosts as lists of threats write them: defanged, without a scheme, with an address instead of a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from vedette.errors import VedetteError
from vedette.extraction.addresses import AddressError, address
from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.defanging import PlainText, is_plain
from vedette.extraction.drafting import Given
from vedette.extraction.subgraph import MAX_NAME, WHOLE, Position

MAX_HOST = 253
"""Characters of a name in DNS (RFC 1035, section 3.1), without the last dot."""

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://")
_HOST = re.compile(r"[\w*](?:[\w.*-]{0,251}[\w*])?\.?")


class UrlError(VedetteError):
    """A text is no URL and no host; says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Url:
    """A URL, or a host with what may follow it."""

    text: str
    """As it is written, but no longer defanged."""
    host: str
    """A name in lower case, or an address in its usual form."""
    is_address: bool
    """Whether the host is an IP address."""
    port: int | None
    """That it names, else its scheme's; None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A URL in a subgraph."""

    uri: str
    """Id of the URI; empty where the text is none."""
    host: str
    """Id of the domain name, host name or IP address that it leads to."""
    is_address: bool
    """Whether that is an IP address."""


NOWHERE = Placed(uri="", host="", is_address=False)
"""What is not placed."""


@lru_cache(maxsize=16)
def refang(text: str) -> str:
    """Return a text with `hxxp`, `[.]`, `(dot)`, `[:]` and the like as they were before someone made them harmless.

    The brackets around an IPv6 address stay.
    """
    stripped = text.strip()
    return stripped if is_plain(stripped) else PlainText(stripped).text


def read_url(text: str) -> Url:
    """Return a URL, defanged or not; one without a scheme is one of the web's.

    Raises:
        UrlError: it has no host, or one that no host is called.
    """
    plain = refang(text[: 2 * MAX_NAME])
    absolute = plain if _SCHEME.match(plain) else f"http://{plain}"
    try:
        parts = urlsplit(absolute)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError as error:
        raise UrlError(f"{text[:60]!r} is no URL: {error}") from error
    name = _address(host)
    if name is None and not is_host(host):
        raise UrlError(f"{text[:60]!r} is no URL: it names no host")
    return Url(text=plain, host=name or host, is_address=name is not None, port=port or _PORTS.get(parts.scheme))


def is_host(text: str) -> bool:
    """Tell whether a text can be a host's name, underscores and a first `*` included (RFC 1123, section 2.1)."""
    return len(text) <= MAX_HOST and ".." not in text and _HOST.fullmatch(text) is not None


def place_host(building: Building, text: str, position: Position = WHOLE) -> str:
    """Return the id of what a host is called: its address, a domain name, or a name of one word.

    Empty where it is none of them, which is said as a problem.
    """
    name = refang(text[: 2 * MAX_NAME])
    found = _address(name.strip("[]"))
    if found is not None:
        return building.ip(found, position)
    if not is_host(name):
        building.skip(position, f"{text[:60]!r} is no host")
        return ""
    plain = name.removesuffix(".")
    return building.domain(plain, position) if "." in plain else building.hostname(plain, position)


def place_url(building: Building, text: str, position: Position = WHOLE, **properties: Given) -> Placed:
    """Make a URI and the host that it leads to; a text that is no URL is said as a problem."""
    try:
        url = read_url(text)
    except UrlError as error:
        building.skip(position, str(error))
        return NOWHERE
    uri = building.uri(url.text, position, **properties)
    host = place_host(building, url.host, position)
    building.edge(uri, host, SUB_OBSERVABLE, position)
    return Placed(uri=uri, host=host, is_address=url.is_address)


def _address(text: str) -> str | None:
    try:
        return str(address(text))
    except AddressError:
        return None
