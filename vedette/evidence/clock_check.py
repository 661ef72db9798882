"""What a token says about the clocks: the authority's and ours, held against each other.

A stamp is made between asking and answering, so genTime lies there when both clocks are right (RFC 3161 section
2.4.2: give or take its accuracy). A token whose time lies elsewhere is kept, for it proves what it proves; but
somebody's clock is off, and that is counted and shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.clock import MICROSECONDS

ALIKE = 2 * MICROSECONDS
"""Microseconds by which authorities' offsets may differ that blame the same clock: ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockOffset:
    """An authority's clock as seen from ours, by one token."""

    offset: int
    """Microseconds that genTime is ahead of the middle of the request by our clock; negative: behind."""
    margin: int
    """Microseconds by which it may be so with both clocks right: half the round trip and genTime's accuracy."""

    @property
    def is_off(self) -> bool:
        """Whether one of the clocks must be wrong."""
        return abs(self.offset) > self.margin


def clock_offset(*, gen_time: int, accuracy: int | None, asked_at: int, answered_at: int) -> ClockOffset:
    """Return how the clocks compare; all in microseconds, the request's times by our clock.

    A genTime of whole seconds was cut there, so it stands for the middle of that second.
    """
    cut = MICROSECONDS if gen_time % MICROSECONDS == 0 else 0
    middle = (asked_at + answered_at) // 2
    round_trip = max(0, answered_at - asked_at)
    return ClockOffset(
        offset=gen_time + cut // 2 - middle,
        margin=(round_trip + 1) // 2 + cut // 2 + (accuracy or 0),
    )


def who_is_off(offsets: Sequence[ClockOffset]) -> str:
    """Return whose clock the newest offsets of all authorities blame: `ours`, `theirs`, `unclear`, or empty for none.

    Several authorities that see the same offset blame ours; one authority alone could be right or wrong.
    """
    wrong = [one.offset for one in offsets if one.is_off]
    if not wrong:
        return ""
    if len(wrong) < len(offsets):
        return "theirs"
    if len(wrong) > 1 and max(wrong) - min(wrong) <= ALIKE + 2 * max(one.margin for one in offsets):
        return "ours"
    return "unclear"
