"""Values in the form in which a MISP server keeps them, or the reason why it would drop them without a word. Pure.

Sources: MISP 2.5, `app/Lib/Tools/AttributeValidationTool.php` (what it changes and refuses), its behaviour `Trim`,
and the width of its columns. What it changes is changed here, so that what comes back is what was sent.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Final
from urllib.parse import quote

from vedette.clock import MICROSECONDS, to_datetime
from vedette.errors import VedetteError
from vedette.extraction.addresses import AddressError, AddressRange
from vedette.extraction.urls import refang
from vedette.graph.canonical import as_asn, as_cpe, as_cve, as_digest, as_domain, as_email, as_url, plain_address

MAX_VALUE: Final = 65_535
"""Bytes of a value."""

_MANY_LINES: Final = frozenset(
    {"comment", "other", "pcre", "sigma", "snort", "stix2-pattern", "suricata", "text", "yara"}
)
"""Types whose values may have several lines."""

_PROSE: Final = frozenset({"comment", "text"})
"""Types whose values are read by people only."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_END = re.compile(r"[\r\n\t\u2028\u2029]")
_WIDE = re.compile(r"[\U00010000-\U0010ffff]")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.){1,126}[a-z0-9-]{2,63}")
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s]{1,65000}", re.IGNORECASE)
_LINK = re.compile(r"https?://[a-z0-9.-]{1,253}(?::\d{1,5})?(?:[/?#][\x21-\x7e]*)?")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,200}\.[^\s@<>\"]{1,63}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_CWE = re.compile(r"CWE-\d{1,9}")
_MAC = re.compile(r"[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-f]+")
_NUMBER = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_SSDEEP = re.compile(r"[0-9]{1,12}:[0-9a-zA-Z/+]{1,200}:[0-9a-zA-Z/+]{1,200}")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._@+-]")

HASHES: Final[Mapping[str, int]] = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "x509-fingerprint-md5": 32,
    "x509-fingerprint-sha1": 40,
    "x509-fingerprint-sha256": 64,
}
"""Types of attributes that are hashes, with their hexadecimal digits."""


class UnfitValueError(VedetteError):
    """A MISP server would not keep a value; says why, without the value."""


def canonical_value(type: str, value: str) -> str:
    """Return a value in the form in which a server keeps it.

    Args:
        type: of the attribute.
        value: as it is known here.

    Raises:
        UnfitValueError: a server would drop it, or keep something else.
    """
    if _CONTROL.search(value):
        raise UnfitValueError("it has control characters")
    text = value.strip()
    if _WIDE.search(text):
        if type not in _PROSE:
            raise UnfitValueError("it has characters beyond U+FFFF, which a server keeps as question marks")
        text = without_wide(text)
    if type not in _MANY_LINES and _LINE_END.search(text):
        raise UnfitValueError("it has several lines")
    made = _FORMS.get(type, _as_it_is)(text)
    if not made:
        raise UnfitValueError("it is empty")
    if len(made.encode()) > MAX_VALUE:
        raise UnfitValueError(f"it is longer than {MAX_VALUE} bytes")
    return made


def networks(text: str) -> list[str]:
    """Return the networks that a range of addresses consists of, in the server's form.

    Raises:
        UnfitValueError: it is no range.
    """
    try:
        found = AddressRange.parse(text)
    except AddressError as error:
        raise UnfitValueError("it is no range of addresses") from error
    blocks = ipaddress.summarize_address_range(found.start, found.end)
    return [_network(str(block)) for block in blocks]


def moment(microseconds: int) -> str:
    """Return a time as attributes of the type `datetime` have it.

    Raises:
        UnfitValueError: it is in no year that a server knows.
    """
    try:
        return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%f}+0000"
    except OverflowError as error:
        raise UnfitValueError("it is no time") from error


@lru_cache(maxsize=10_000)
def seen(microseconds: int) -> str:
    """Return a time as MISP has those at which something was seen."""
    try:
        return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%f}+00:00"
    except OverflowError:
        # No year that a server knows.
        return seen(0)


def seconds(microseconds: int) -> str:
    """Return a time as MISP has its timestamps."""
    return str(max(microseconds, 0) // MICROSECONDS)


def attachment_name(text: str) -> str:
    """Return a name that a server keeps as an attachment's: no folders, and nothing that systems read otherwise."""
    return _UNSAFE_IN_NAME.sub("_", text)[:200].lstrip(".") or "attachment"


def without_wide(text: str) -> str:
    """Return a text with question marks for what is beyond U+FFFF, as a server keeps it."""
    return _WIDE.sub("?", text)


def one_line(text: str) -> str:
    """Return a text on one line and without what a server would change, for titles, tags and comments."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(sign if sign.isprintable() and sign <= "\uffff" else " " for sign in text)
    return " ".join(text.split())


def _as_it_is(text: str) -> str:
    return text


def _address(text: str) -> str:
    if "/" in text:
        return _network(text)
    try:
        found = str(plain_address(refang(text)))
    except AddressError as error:
        raise UnfitValueError("it is no IP address; a range must be one of CIDR") from error
    return _as_servers_write(found)


def _network(text: str) -> str:
    """Return a network without bits of a host; one of a single address is that address."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise UnfitValueError("it is no IP network") from error
    if found.prefixlen == found.max_prefixlen:
        return _address(str(found.network_address))
    return f"{_as_servers_write(str(found.network_address))}/{found.prefixlen}"


def _as_servers_write(text: str) -> str:
    # Old forms of IPv6, with an IPv4 address in them, which PHP writes otherwise than others.
    if ":" in text and socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text)) != text:
        raise UnfitValueError("it is an IPv6 address that servers write in different ways")
    return text


def _hash(length: int, text: str) -> str:
    found = as_digest(text)
    if len(found) != length or not _HEX.fullmatch(found):
        raise UnfitValueError(f"it is not {length} hexadecimal digits")
    return found


def _domain(text: str) -> str:
    found = as_domain(text)
    if "." not in found:
        raise UnfitValueError("it is a single label; a server takes names with a dot in them only")
    if not _DOMAIN.fullmatch(found) or found.rpartition(".")[2].isdigit():
        raise UnfitValueError("it is no DNS name")
    return found


def _url(text: str) -> str:
    found = as_url(text).replace(" ", "%20")
    if not _URL.fullmatch(found):
        raise UnfitValueError("it is no URL with a scheme and ://")
    return found


def _link(text: str) -> str:
    found = quote(_url(text), safe="!#$%&'()*+,/:;=?@[]~")
    if not _LINK.fullmatch(found):
        raise UnfitValueError("it is no http or https URL with a host's name")
    return found


def _matching(form: re.Pattern[str], reason: str, change: Callable[[str], str], text: str) -> str:
    found = change(text)
    if not form.fullmatch(found):
        raise UnfitValueError(reason)
    return found


def _autonomous_system(text: str) -> str:
    found = as_asn(text).removeprefix("AS")
    if not _NUMBER.fullmatch(found) or int(found) > 4_294_967_295:
        raise UnfitValueError("it is no number of an autonomous system")
    return found


def _port(text: str) -> str:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= 65_535:
        raise UnfitValueError("it is no port from 1 to 65535")
    return str(int(text))


def _platform(text: str) -> str:
    found = as_cpe(text)
    if not found.startswith("cpe:2.3:"):
        raise UnfitValueError("it is no CPE name")
    return found


def _boolean(text: str) -> str:
    found = {"0": "0", "1": "1", "false": "0", "true": "1"}.get(text.lower())
    if found is None:
        raise UnfitValueError("it is neither true nor false")
    return found


def _datetime(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
        zoned = found if found.tzinfo else found.replace(tzinfo=UTC)
        return f"{zoned.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}+0000"
    except (ValueError, OverflowError) as error:
        raise UnfitValueError("it is no ISO 8601 time") from error


def _mac(text: str) -> str:
    found = re.sub(r"[.: -]", "", text.lower())
    if not _MAC.fullmatch(found):
        raise UnfitValueError("it is no MAC address")
    return ":".join(found[place : place + 2] for place in range(0, 12, 2))


_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "AS": _autonomous_system,
    "attachment": attachment_name,
    "boolean": _boolean,
    "counter": partial(_matching, _NUMBER, "it is no whole number", str),
    "cpe": _platform,
    "datetime": _datetime,
    "domain": _domain,
    "email": partial(_matching, _EMAIL, "it is no e-mail address", as_email),
    "float": partial(_matching, _DECIMAL, "it is no number", str),
    "hostname": _domain,
    "ip-dst": _address,
    "ip-src": _address,
    "link": _link,
    "mac-address": _mac,
    "port": _port,
    "size-in-bytes": partial(_matching, _NUMBER, "it is no whole number", str),
    "ssdeep": partial(_matching, _SSDEEP, "it is no ssdeep hash", str),
    "url": _url,
    "vulnerability": partial(_matching, _CVE, "it is no CVE number; a server drops others", as_cve),
    "weakness": partial(_matching, _CWE, "it is no CWE number", str.upper),
    **{type: partial(_hash, length) for type, length in HASHES.items()},
}
"""By type of attribute."""
