"""Which partitions of payloads go as a whole, and how wide a new one is made. Pure, no I/O.

1. A partition goes once every payload in it is due: old enough, not on hold, proved and waited for by nobody.
2. Payloads that are due wait for the rest of their partition, if that will be old enough within the partition's own
   width: a payload goes by so much later at most.
3. All others go one by one, as soon as they are due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vedette.clock import MICROSECONDS
from vedette.evidence.retention import Candidate, Fate, RetentionRule, fate_of, governing

DAY: Final = 86_400 * MICROSECONDS
"""Microseconds of a day: partitions begin at midnight, UTC."""

WIDEST: Final = 30
"""Days of a partition at most."""

_PARTS: Final = 30
"""Partitions that the longest time of keeping is divided into, about."""


class PartitionFate(StrEnum):
    """What becomes of the payloads of a partition now."""

    GOES = "goes"
    """All of them are due: the partition is dropped."""
    WAITS = "waits"
    """All of them will be due soon: the partition is dropped then."""
    BY_ROW = "by row"
    """Some will stay: those that are due go one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadGroup:
    """Payloads of a partition that are alike in all that decides about them but their age."""

    newest: Candidate
    """What decides about the newest of them; it has no uuid, and the size of them all."""
    count: int
    """How many there are."""


def partition_fate(
    groups: Iterable[PayloadGroup], rules: Sequence[RetentionRule], *, now: int, width: int
) -> PartitionFate:
    """Tell what becomes of the payloads of a partition now.

    Args:
        groups: its payloads.
        rules: how long payloads are kept; the first that fits governs.
        now: microseconds since 1970.
        width: of the partition, in microseconds: for how long a payload that is due may wait for the others.
    """
    fates = set()
    for group in groups:
        one = group.newest
        rule = governing(rules, type=one.type, source=one.source)
        if rule is None or rule.keep is None or one.held or one.received_at + rule.keep - now > width:
            return PartitionFate.BY_ROW
        fates.add(fate_of(one, rule, now=now))
    if fates <= {Fate.DUE}:
        return PartitionFate.GOES
    return PartitionFate.WAITS if fates <= {Fate.DUE, Fate.KEPT} else PartitionFate.BY_ROW


def partition_days(rules: Iterable[RetentionRule]) -> int:
    """Return how many days a new partition is for: few where payloads go soon, as they may be late by so much."""
    longest = max((rule.keep for rule in rules if rule.keep is not None), default=None)
    return WIDEST if longest is None else min(WIDEST, max(1, longest // (_PARTS * DAY)))
