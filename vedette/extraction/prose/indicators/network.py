"""Addresses and networks, IPv4 and IPv6; versions and numbers of sections that look like them are none."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.addresses import AddressError
from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.indicators.version_cues import goes_on, sense_of
from vedette.extraction.prose.labels import Label
from vedette.graph.canonical import plain_address

# Neither within a longer row of numbers (an object's id, a version of five) nor a part of a name.
_FOUR_NUMBERS: Final = re.compile(
    r"(?<![\w.])(v?)(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2})(?![\w/]|\.\d))?(?!\w|\.\d)", re.IGNORECASE
)
_NAME_AND_DASH: Final = re.compile(r"[A-Za-z_][-_]$")
# The look ahead asks for two colons within 10 characters: few words begin so.
_GROUPS: Final = re.compile(
    r"(?<![\w:.])(?=[0-9a-f]{0,4}:[0-9a-f]{0,4}:)([0-9a-f:.]{2,60}+)(?:%\w{1,16}\b)?(?:/(\d{1,3})(?![\w/]|\.\d))?(?![\w:])",
    re.IGNORECASE,
)
_HARDWARE: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){7}", re.IGNORECASE)
_ROUTED: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2000::/3",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
        "64:ff9b::/96",
        "100::/64",
        "::/96",
        "::ffff:0:0/96",
    )
)
"""What of the address space is in use; `a::b` elsewhere is a name in a program."""


def find_addresses(plain: PlainText) -> Iterator[Found]:
    """Yield the addresses and networks of a text, without their ports; and the versions that look like addresses."""
    yield from _four_numbers(plain)
    for match in _GROUPS.finditer(plain.text):
        found = _of_groups(match)
        if found is not None:
            yield found


def _four_numbers(plain: PlainText) -> Iterator[Found]:
    text, last, in_list = plain.text, -1, False
    for match in _FOUR_NUMBERS.finditer(text):
        start, end = match.span(2)
        numbers = [int(part) for part in match[2].split(".")]
        in_list = in_list and goes_on(text, last, match.start())
        last = end
        if plain.was_defanged(start, end):
            sense = "address"
        elif match[1] or in_list:
            sense = "version"
        else:
            sense = sense_of(text, start, end, numbers)
        in_list = sense == "version"
        if in_list:
            yield Found(start, end, "VERSION", match[2])
        elif sense == "address" and not _NAME_AND_DASH.search(text, max(0, start - 2), start):
            yield from _network(match[2], match[3], start, match.end())


def _network(address: str, length: str | None, start: int, end: int) -> Iterator[Found]:
    if length is None:
        found = _address(address)
        # 240.0.0.0/4 is not in use (RFC 1112): what is written of it are masks of networks.
        if found is not None and not (found.version == 4 and int(found) >> 28 == 15):
            yield Found(start, start + len(address), _label(found), str(found))
        return
    try:
        network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        # What follows is no length of a prefix.
        yield from _network(address, None, start, end)
        return
    yield Found(start, end, "CIDR", str(network))


def _of_groups(match: re.Match[str]) -> Found | None:
    # A full stop, or a colon, that ends the sentence's part; `2001:db8::` ends with two.
    written = match[1].rstrip(".")
    if written.endswith(":") and not written.endswith("::"):
        written = written[:-1]
    found = _address(written)
    if found is None or _HARDWARE.fullmatch(written) or not any(sign.isdigit() for sign in written):
        return None
    if not _is_in_use(written):
        return None
    if match[2] is None:
        return Found(match.start(), match.start() + len(written), _label(found), str(found))
    return next(_network(written, match[2], match.start(), match.end()), None)


def _is_in_use(written: str) -> bool:
    address = ipaddress.IPv6Address(written)
    if "::" not in written:
        return True
    return int(address) != 0 and any(address in network for network in _ROUTED)


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return plain_address(written)
    except AddressError:
        return None


def _label(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Label:
    return "IPV4" if found.version == 4 else "IPV6"
