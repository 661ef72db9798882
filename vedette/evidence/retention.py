"""How long payloads are kept: which rule an item is under, and whether its payload may go now. Pure, no I/O.

1. The first rule that fits an item's type and source governs it; what no rule fits is kept for ever.
2. A payload goes when it is as old as its rule says, by the engine's `received_at`.
3. It stays while it is on hold, while it is not proved as far as the rule demands (a time-stamp at least: else
   there is not even a proof that it existed), and while a consumer's queue waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.routing import matches


class Fate(StrEnum):
    """What becomes of a payload now."""

    KEPT = "kept"
    """No rule fits, or it is not old enough."""
    DUE = "due"
    """It goes."""
    HELD = "held"
    """It would go, but is on hold."""
    UNPROVED = "unproved"
    """It would go, but is not proved as far as its rule demands."""
    QUEUED = "queued"
    """It would go, but a consumer has not had it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionRule:
    """How long the payloads of some items are kept."""

    name: str
    """Names it in tombstones."""
    type: str | None
    """`meta.type` of the items; None: any."""
    source: str
    """Pattern of their `meta.source`."""
    keep: int | None
    """Microseconds; None: for ever."""
    states: frozenset[str]
    """Proof states in which a payload may go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What decides about one item's payload."""

    uuid: str
    """The item's uuid."""
    type: str
    """`meta.type`."""
    source: str | None
    """`meta.source`."""
    received_at: int
    """Microseconds since 1970, by the engine's clock."""
    size: int
    """Bytes of the payload."""
    state: str
    """How far proved."""
    held: bool
    """Whether it is on hold."""
    queued: bool
    """Whether a consumer's queue waits for it."""


def governing(rules: Sequence[RetentionRule], *, type: str, source: str | None) -> RetentionRule | None:
    """Return the rule that an item is under, None where none fits it."""
    fits = (rule for rule in rules if rule.type in (None, type) and matches(rule.source, source))
    return next(fits, None)


def fate_of(candidate: Candidate, rule: RetentionRule | None, *, now: int) -> Fate:
    """Tell what becomes of a payload now."""
    if rule is None or rule.keep is None or now - candidate.received_at < rule.keep:
        return Fate.KEPT
    if candidate.held:
        return Fate.HELD
    if candidate.state not in rule.states:
        return Fate.UNPROVED
    return Fate.QUEUED if candidate.queued else Fate.DUE


def shortest(rules: Sequence[RetentionRule]) -> int | None:
    """Return the shortest time that any rule keeps a payload, in microseconds; None where all keep for ever."""
    return min((rule.keep for rule in rules if rule.keep is not None), default=None)


def types_of(rules: Sequence[RetentionRule]) -> frozenset[str] | None:
    """Return the types that rules which delete are about; None: any."""
    deleting = [rule for rule in rules if rule.keep is not None]
    names = frozenset(rule.type for rule in deleting if rule.type is not None)
    return names if all(rule.type is not None for rule in deleting) else None
