"""What a look is about: the same for all who can look at the same thing from anywhere."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from vedette.correlation.facts import clean

LOCAL_FAMILIES: Final = frozenset({"packages"})
"""Looks at the observer's own machine, whatever the target is called."""

MAX_TARGET = 300
"""Characters of a target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What was looked at, and how."""

    name: str
    """The target; with ` at <agent>` where only that agent sees it."""
    family: str
    """What kind of look it was."""
    shared: bool
    """Whether other agents can look at the same thing: only then they are witnesses of each other."""


def subject_of(*, target: str | None, family: str, agent: str) -> Subject:
    """Return the subject of an item."""
    name = clean(target or "")[:MAX_TARGET].strip()
    if family in LOCAL_FAMILIES or _is_local(name):
        return Subject(name=f"{name or '-'} at {agent}", family=family, shared=False)
    return Subject(name=_canonical(name), family=family, shared=True)


def _is_local(target: str) -> bool:
    if not target or target.startswith(("/", ".", "~")):
        return True
    host = target.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _canonical(target: str) -> str:
    """Return a target as all write it: host names have no case (RFC 4343), addresses one text form (RFC 5952)."""
    try:
        return str(ipaddress.ip_address(target.strip("[]")))
    except ValueError:
        pass
    # A URL's path and a query have case; only what cannot be a URL is a name.
    return target if "/" in target else target.lower().rstrip(".")
