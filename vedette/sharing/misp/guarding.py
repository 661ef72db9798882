"""Values for which no sensor of anybody may raise an alarm: a victim's own, and what is on warning lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from vedette.extraction.addresses import AddressError, AddressRange
from vedette.sharing.own import Ranges
from vedette.sharing.subjects import words_of

_PATTERNS: Final = frozenset({"sigma", "snort", "stix2-pattern", "suricata", "yara"})
"""Types that are rules themselves: what they look for is somewhere in them."""


class Guarded:
    """The values, and whether another one hits one of them: a network one of its addresses, a URL its host."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._ranges: Ranges | None = None

    def add(self, value: str) -> None:
        """Guard a value in canonical form; an address, a network, a name, a URL, or any other."""
        self._values.add(value)
        self._ranges = None

    def has(self, type: str, value: str) -> bool:
        """Tell whether an alarm for a value would hit a guarded one.

        Args:
            type: of the attribute.
            value: in canonical form.
        """
        if value in self._values or not self._values:
            return value in self._values
        return any(part in self._values or self._meets(part) for part in _places(type, value))

    def _meets(self, value: str) -> bool:
        """Tell whether an address or a network has addresses in common with what is guarded."""
        if self._ranges is None:
            self._ranges = Ranges(found for one in self._values if (found := _addresses(one)) is not None)
        wanted = _addresses(value)
        return wanted is not None and self._ranges.overlap(wanted)


def _places(type: str, value: str) -> Iterable[str]:
    """Yield the addresses, networks and names at which an alarm for a value would go off."""
    if type in ("ip-src", "ip-dst"):
        return (value,)
    if type in ("uri", "url"):
        return _host(value if "://" in value else f"//{value}")
    if type == "email":
        return (value.rpartition("@")[2],)
    return words_of(value) if type in _PATTERNS else ()


def _host(url: str) -> Iterable[str]:
    try:
        return (urlsplit(url).hostname or "",)
    except ValueError:
        # What reads as a URL and is none: any of its words may be taken for the host.
        return words_of(url)


def _addresses(value: str) -> AddressRange | None:
    try:
        return AddressRange.parse(value)
    except AddressError:
        return None
