"""The pattern of an indicator, made of the observable that it is for. Pure.

Source: STIX Version 2.1, OASIS Standard; section 9 (patterning).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from vedette.graph.stix_observables import Stix


def pattern_of(said: Sequence[Stix], objects: Sequence[Stix]) -> str:
    """Return the pattern that any of some observables matches; empty where their type alone raises no alarm.

    Args:
        said: the observables: one, or the networks of a range.
        objects: these, and those that they refer to.
    """
    others = {one["id"]: one for one in objects}
    found = [_PATTERNS[one["type"]](one, others) for one in said if one["type"] in _PATTERNS]
    alternatives = [" AND ".join(comparisons) for comparisons in found if comparisons]
    return f"[{' OR '.join(alternatives)}]" if alternatives else ""


def _equals(path: str, value: str | int) -> str:
    return f"{path} = {value if isinstance(value, int) else _quoted(value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _field(name: str) -> Callable[[Stix, Mapping[str, Stix]], list[str]]:
    return lambda made, _others: [_equals(f"{made['type']}:{name}", made[name])] if name in made else []


def _hashed(made: Stix, _others: Mapping[str, Stix]) -> list[str]:
    """Return the strongest hash; a name alone is no reason for an alarm."""
    hashes: Mapping[str, str] = made.get("hashes", {})
    found = next((name for name in _STRONGEST if name in hashes), "")
    return [_equals(f"{made['type']}:hashes.'{found}'", hashes[found])] if found else []


def _traffic(made: Stix, others: Mapping[str, Stix]) -> list[str]:
    """Return the end that was connected to: the other one is the victim's."""
    if "src_ref" in made:
        return []
    return [
        _equals("network-traffic:dst_ref.value", others[made["dst_ref"]]["value"]),
        _equals("network-traffic:dst_port", made["dst_port"]),
    ]


_STRONGEST: Final = ("SHA-256", "SHA-512", "SHA-1", "MD5")

_PATTERNS: Final[Mapping[str, Callable[[Stix, Mapping[str, Stix]], list[str]]]] = {
    "domain-name": _field("value"),
    "email-addr": _field("value"),
    "file": _hashed,
    "ipv4-addr": _field("value"),
    "ipv6-addr": _field("value"),
    "mac-addr": _field("value"),
    "mutex": _field("name"),
    "network-traffic": _traffic,
    "url": _field("value"),
    "windows-registry-key": _field("key"),
    "x509-certificate": _hashed,
}
"""By type. What is not here is no sign of somebody malicious alone: a product, an account, an autonomous system."""
