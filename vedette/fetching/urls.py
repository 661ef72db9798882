"""A URL, read strictly: one that two programs could read differently is refused (RFC 3986, WHATWG URL section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from yarl import URL

from vedette.fetching.addresses import IpAddress, parse_address

MAX_URL = 2_048
"""Characters of a URL."""

PORTS = {"http": 80, "https": 443}
"""The usual port of each scheme that is spoken."""

_AUTHORITY = re.compile(r"\A(?:[^:/?#]*:)?//([^/?#]*)")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_NAME = 253
_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchUrl:
    """A URL that can be asked, in its one form."""

    url: URL
    """What is handed to the client: read again by the same parser, so nothing differs."""
    scheme: str
    """`http` or `https`."""
    host: str
    """Name in ASCII and lower case, without a trailing dot, or an address in its usual form."""
    port: int
    """Port, the usual one where none stands there."""
    address: IpAddress | None
    """The host, where it is an address."""

    @property
    def shown(self) -> str:
        """The URL for messages: without what may be a secret."""
        return shown_url(str(self.url))

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: whose headers may be sent along (RFC 6454 section 4)."""
        return self.scheme, self.host, self.port


def read_url(text: str) -> FetchUrl:
    """Return the URL that a text is.

    Raises:
        ValueError: it is none that is asked; says why, and does not repeat it.
    """
    _check_text(text)
    authority = _AUTHORITY.match(text)
    if authority is not None and "@" in authority[1]:
        raise ValueError("holds a name or password, which would be sent and logged")
    try:
        url = URL(text)
        scheme, host, port = url.scheme, url.raw_host or "", url.port
    except ValueError as error:
        raise ValueError("is not a URL") from error
    if scheme not in PORTS or not host or authority is None or url.user is not None:
        raise ValueError("is not an http or https URL with a host")
    name, address = _read_host(host)
    if "[" in authority[1] and (address is None or address.version != 6):
        raise ValueError("has brackets around what is no IPv6 address")
    if not port:
        raise ValueError("has no usable port")
    url = url.with_fragment(None).with_host(name)
    return FetchUrl(url=url, scheme=scheme, host=name, port=port, address=address)


def read_redirect(source: FetchUrl, location: str) -> FetchUrl:
    """Return the URL that an answer's Location names (RFC 9110 section 10.2.2).

    Raises:
        ValueError: it is none that is asked; says why.
    """
    if not location:
        raise ValueError("is no place at all")
    _check_text(location)
    authority = _AUTHORITY.match(location)
    if authority is not None and not authority[1]:
        raise ValueError("is not an http or https URL with a host")
    try:
        joined = source.url.join(URL(location))
    except ValueError as error:
        raise ValueError("is not a URL") from error
    return read_url(str(joined))


def _check_text(text: str) -> None:
    if len(text) > MAX_URL:
        raise ValueError(f"is longer than {MAX_URL} characters")
    # Of what counts as space, the plain one alone is printable.
    if "\\" in text or " " in text or not text.isprintable():
        raise ValueError("holds a space, a backslash or a control character")


def _read_host(host: str) -> tuple[str, IpAddress | None]:
    """Return a host in its one form, and as an address where it is one."""
    name = host.lower().removesuffix(".")
    address = parse_address(name)
    if address is not None:
        if "%" in name:
            raise ValueError("names an interface of this machine")
        return str(address), address
    # 127.1, 0x7f.0.0.1, 017700000001 and 2130706433 are loopback to some programs and names to others.
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise ValueError("writes an address in a form that programs read differently")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError("has no host that can be looked up")
    return name, None


def split_login(text: str) -> tuple[str, str]:
    """Return a URL without the name and password that an operator wrote into it, and these as `name:password`."""
    authority = _AUTHORITY.match(text)
    login, mark, host = authority[1].rpartition("@") if authority is not None else ("", "", "")
    if authority is None or not mark:
        return text, ""
    return f"{text[: authority.start(1)]}{host}{text[authority.end(1) :]}", unquote(login)


def shown_url(text: str) -> str:
    """Return a URL for messages: without name, password, query and fragment, printable and of bounded length."""
    head, mark, _ = re.sub(r"#.*", "", text, flags=re.DOTALL).partition("?")
    scheme, slashes, rest = head.partition("://")
    if not slashes:
        # No URL, but what somebody meant as one, login and all.
        scheme, rest = "", head
    authority, slash, path = rest.partition("/")
    shown = f"{scheme}{slashes}{authority.rpartition('@')[2]}{slash}{path}{mark and '?…'}"
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else "�" for char in shown)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
