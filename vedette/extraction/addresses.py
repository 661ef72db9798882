"""IP addresses and ranges of them as documents write them: v4 and v6, single, as CIDR or from start to end."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache

from vedette.errors import VedetteError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_ADDRESS = 100
"""Characters of the longest text that may be an address or a range."""


_REMEMBERED = 4_096
"""Texts whose address is known without parsing them again: it takes 10 µs."""


class AddressError(VedetteError):
    """A text is no IP address, or no range of them; says which."""


def address(text: str) -> Address:
    """Return the address that a text is; brackets and the zone of a link-local one are left out.

    Raises:
        AddressError: it is none, or a v4 address with leading zeros, which some read as octal.
    """
    found = _address(text[:_MAX_ADDRESS])
    if found is None:
        raise AddressError(f"{text[:60]!r} is no IP address")
    return found


@lru_cache(maxsize=_REMEMBERED)
def _address(text: str) -> Address | None:
    # Documents name an address often, and each time it is asked what kind of thing it is, and then for its parts.
    packed = plain_v4(text)
    if packed is not None:
        return ipaddress.IPv4Address(packed)
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    # The zone (RFC 4007 section 11) names an interface of one machine only.
    return ipaddress.IPv6Address(int(found)) if isinstance(found, ipaddress.IPv6Address) else found


def plain_v4(text: str) -> bytes | None:
    """Return the 4 bytes of a v4 address in its usual form, which no other text has; None: it is none.

    A tenth of the time that ipaddress takes, for each of millions.
    """
    try:
        packed = socket.inet_aton(text)
    except (OSError, ValueError):
        return None
    # It also takes `10.1`, octal numbers and white space.
    return packed if socket.inet_ntoa(packed) == text else None


def number(found: Address) -> int | str:
    """Return an address as a number; a v6 one as decimal text, as JSON parsers keep 53 or 64 bits of a number."""
    return int(found) if found.version == 4 else str(int(found))


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressRange:
    """Addresses from a first to a last one, both of the same version."""

    start: Address
    end: Address

    @property
    def name(self) -> str:
        """Stucco's name of it."""
        return f"{self.start} - {self.end}"

    @classmethod
    def parse(cls, text: str, end: str = "") -> AddressRange:
        """Return the range that a text is: CIDR, `start - end`, `start-end`, or a single address; or of two texts.

        Raises:
            AddressError: it is none, or its end lies before its start.
        """
        first, dash, last = text[: 2 * _MAX_ADDRESS].partition("-")
        if end:
            return cls._between(text, end)
        if dash:
            return cls._between(first, last)
        try:
            # The address of a host in its network (`10.0.0.5/8`) is widespread.
            network = ipaddress.ip_network(text[:_MAX_ADDRESS].strip(), strict=False)
        except ValueError as error:
            raise AddressError(f"{text[:60]!r} is no range of IP addresses") from error
        return cls(start=network.network_address, end=network.broadcast_address)

    @classmethod
    def _between(cls, first: str, last: str) -> AddressRange:
        start, end = address(first), address(last)
        if start.version != end.version or int(end) < int(start):
            raise AddressError(f"{first.strip()[:60]!r} to {last.strip()[:60]!r} is no range of IP addresses")
        return cls(start=start, end=end)
