"""Which addresses are of the public internet, and what the others are for.

A table of our own, as Python's `is_global` changed its mind between patch releases and says nothing of why.
From IANA's registries of special-purpose addresses (RFC 6890), with the cloud providers' own.
"""

from __future__ import annotations

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = "a cloud's metadata service"

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is handed out of IPv6 (RFC 4291 section 2.4); mapped, NAT64 and local forms lie outside."""

# The first that holds an address names it, so the narrow ones come before the wide ones.
_SPECIAL: tuple[tuple[IpNetwork, str], ...] = tuple(
    (ipaddress.ip_network(text), what)
    for text, what in (
        ("169.254.169.254/32", METADATA),
        ("169.254.170.0/24", METADATA),
        ("100.100.100.200/32", METADATA),
        ("168.63.129.16/32", METADATA),
        ("192.0.0.192/32", METADATA),
        ("fd00:ec2::/32", METADATA),
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a carrier's shared network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved for documentation"),
        ("192.31.196.0/24", "reserved"),
        ("192.52.193.0/24", "reserved"),
        ("192.88.99.0/24", "a relay to IPv6"),
        ("192.168.0.0/16", "a private network"),
        ("192.175.48.0/24", "reserved"),
        ("198.18.0.0/15", "reserved for benchmarks"),
        ("198.51.100.0/24", "reserved for documentation"),
        ("203.0.113.0/24", "reserved for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "an IPv4 address in disguise"),
        ("::/96", "an IPv4 address in disguise"),
        ("64:ff9b::/96", "an IPv4 address in disguise"),
        ("64:ff9b:1::/48", "an IPv4 address in disguise"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "an IPv4 address in disguise"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved for documentation"),
        ("2002::/16", "an IPv4 address in disguise"),
        ("2620:4f:8000::/48", "reserved"),
        ("3fff::/20", "reserved for documentation"),
    )
)

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""First half of an interface identifier that holds an IPv4 address (RFC 5214 section 6.1)."""


def special_use(address: IpAddress) -> str | None:
    """Return what an address is for that is not of the public internet; None for a public one."""
    for network, what in _SPECIAL:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _GLOBAL_UNICAST:
            return "reserved"
        if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
            return "an IPv4 address in disguise"
    return None


def parse_address(text: str) -> IpAddress | None:
    """Return the address that a text is in its one usual form; None where it is a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
