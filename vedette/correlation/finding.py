"""What the correlation says: findings, each with what exactly, since when, and the items that show it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vedette.canonical import canonical_json


class FindingKind(StrEnum):
    """What kind of thing was found."""

    FIRST_SEEN = "first seen"
    """A check brought its first result."""
    CHANGED = "changed"
    """Facts differ from those of the look before."""
    FLAPPING = "flapping"
    """The same facts change to and fro; single changes are not told until it is steady."""
    STEADY = "steady"
    """What flapped has not changed for a while."""
    MISSING = "missing"
    """A periodic check brought nothing for longer than it should take."""
    RETURNED = "returned"
    """A missing check brought a result."""
    FAILED = "failed"
    """A look that succeeded before failed."""
    ANSWERED = "answered"
    """A look that failed before succeeded."""
    DEVIATES = "deviates"
    """A result is no longer the expected one."""
    AS_EXPECTED = "as expected"
    """A result is the expected one again."""
    CONTRADICTION = "contradiction"
    """Witnesses who looked at the same thing at about the same time saw different facts."""
    AGREEMENT = "agreement"
    """Witnesses who contradicted each other agree."""


class Severity(StrEnum):
    """How much it matters, in rising order."""

    INFO = "info"
    """For the record."""
    NOTICE = "notice"
    """Somebody should know."""
    WARNING = "warning"
    """Somebody should look."""
    CRITICAL = "critical"
    """Somebody should look now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One fact that differs."""

    fact: str
    """Its name, such as `port tcp/22`."""
    before: str | None
    """What it was, or what the first witness saw; None where there was nothing."""
    after: str | None
    """What it is, or what the other witness saw; None where there is nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """An item that shows a finding."""

    agent: str
    """Bare JID of who observed."""
    item: str
    """The item's uuid."""
    at: int
    """When it was observed, microseconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found."""

    kind: FindingKind
    """What kind."""
    subject: str
    """What it is about: the target, with the agent where only that agent can see it."""
    family: str
    """What kind of look showed it."""
    at: int
    """When it was observed, or for what is missing when it was due; microseconds since 1970."""
    witnesses: tuple[Witness, ...]
    """The items that show it, the newest last."""
    changes: tuple[Change, ...] = ()
    """What exactly, up to a bound."""
    more: int = 0
    """Changes past that bound."""
    text: str = ""
    """More about it, in words."""
    severity: Severity = Severity.INFO
    """How much it matters, by the rules."""
    rule: str = ""
    """Name of the rule that said so, empty where none did."""
    identity: str = field(init=False)
    """The same for the same thing seen by others: SHA-256 over kind, subject, family and changes, hexadecimal."""

    def __post_init__(self) -> None:
        what: list[Any] = [[change.fact, change.before, change.after] for change in self.changes]
        text = canonical_json([self.kind.value, self.subject, self.family, what, self.more])
        object.__setattr__(self, "identity", hashlib.sha256(text).hexdigest())
