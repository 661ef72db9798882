"""Products as sentences say them: vendor, name and versions together, named as NVD names them where they are known.

NVD's name of a product is its CPE name: with a vendor there is one, and a sentence and NVD speak of the same vertex.
Without a vendor the name stays what the text has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.extraction.building import Building
from vedette.extraction.drafting import Given
from vedette.extraction.platform_names import PlatformName
from vedette.extraction.prose.version_words import Versions
from vedette.extraction.subgraph import Position
from vedette.extraction.vulnerabilities import add_platform

MAX_VERSIONS: Final = 50
"""Versions of one product that one sentence names: the rest stays on the edge, as text."""

_SYSTEMS: Final[Mapping[str, tuple[str, str]]] = {
    "android": ("google", "android"),
    "chrome os": ("google", "chrome_os"),
    "freebsd": ("freebsd", "freebsd"),
    "ios": ("apple", "iphone_os"),
    "ipados": ("apple", "ipados"),
    "linux kernel": ("linux", "linux_kernel"),
    "mac os x": ("apple", "mac_os_x"),
    "macos": ("apple", "macos"),
    "netbsd": ("netbsd", "netbsd"),
    "openbsd": ("openbsd", "openbsd"),
    "os x": ("apple", "mac_os_x"),
    "solaris": ("oracle", "solaris"),
    "watchos": ("apple", "watchos"),
    "windows": ("microsoft", "windows"),
    "windows server": ("microsoft", "windows_server"),
}
"""NVD's vendor and product of systems that texts name without their vendor."""

_WINDOWS = re.compile(r"windows(?:_server)?")
_WINDOWS_RELEASE = re.compile(r"xp|vista|nt|me|rt|\d{1,4}(?:\.\d)?(?:[ _]?r2)?|\d{2}h\d", re.IGNORECASE)
_NAMED_VENDOR = re.compile(
    r"(?:,? (?:inc|corp|corporation|ltd|llc|gmbh|foundation|software foundation)\.?)\Z", re.IGNORECASE
)
_NAMED_WINDOWS = re.compile(r"windows(?: server)?(?P<release> .{1,20})?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A product without its version."""

    part: str
    """`a` an application, `o` an operating system."""
    vendor: str
    """Empty: not known; the name is then what the text has."""
    product: str


def named(name: str, *, vendor: str, is_system: bool) -> Named:
    """Return a product as NVD names it.

    Args:
        name: as the text has it.
        vendor: who makes it; empty: the text does not say.
        is_system: whether it is an operating system.
    """
    name, vendor = " ".join(name.split()), _NAMED_VENDOR.sub("", " ".join(vendor.split()))
    plain = name
    if vendor and plain.lower().startswith(f"{vendor.lower()} "):
        plain = plain[len(vendor) + 1 :]
    known = _SYSTEMS.get(plain.lower())
    windows = _NAMED_WINDOWS.fullmatch(plain)
    if known is not None and (not vendor or vendor.lower() == known[0]):
        return Named(part="o", vendor=known[0], product=known[1])
    if windows is not None and (not vendor or vendor.lower() == "microsoft"):
        return Named(part="o", vendor="microsoft", product=plain.lower().replace(" ", "_"))
    return Named(part="o" if is_system else "a", vendor=vendor, product=plain)


def place_product(
    building: Building, product: Named, version: str, update: str, position: Position, **said: Given
) -> str:
    """Return the id of a product, of a version of it where one is given."""
    name, version = product.product, version.lower()
    if product.vendor == "microsoft" and _WINDOWS.fullmatch(name) and _WINDOWS_RELEASE.fullmatch(version):
        # NVD has the release in the product's name: `windows_10`, `windows_server_2019`.
        name, version = f"{name}_{version}", ""
    if not product.vendor:
        words = " ".join(word for word in (name, version, update) if word)
        properties = {"description": words, "product": name, "version": version, **said}
        return building.add("Observable", words, properties, observable="Product", position=position)
    parts = {"vendor": product.vendor, "product": name, "version": version, "update": update}
    platform = PlatformName.of_words(product.part, **parts)
    plain: dict[str, Given] = {part: platform.plain(part) for part in parts}
    return add_platform(building, platform.formatted, position, **{"part": f"/{product.part}"}, **plain, **said)


def place_versions(
    building: Building, product: Named, versions: Versions, position: Position, **said: Given
) -> dict[str, list[str]]:
    """Return the ids of the vertices that a product and what is said of its versions are, each with its ranges.

    Each version that is named is a vertex; a range is one of the product, and stands on the edge, as NVD has it.
    """
    updates = versions.updates[:1] or [""]
    found: dict[str, list[str]] = {}
    for version in versions.exact[:MAX_VERSIONS]:
        found[place_product(building, product, version, updates[0], position, **said)] = []
    ranges = [*versions.ranges, *versions.exact[MAX_VERSIONS:]]
    if ranges or not found:
        update = "" if versions.exact else updates[0]
        found.setdefault(place_product(building, product, "", update, position, **said), []).extend(ranges)
    return found
