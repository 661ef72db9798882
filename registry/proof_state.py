"""How far items are proved: a pure function of the tokens over their batch.

1. No token: `pending`, or `failed` where somebody decided that it will not come by itself.
2. Tokens of local authorities only: `self-asserted`.
3. One external authority: `proved`.
4. Two external authorities that agree about the time: `strong`. Each token's time is compared with the
   engine's clock when it came; two agree when these offsets do, so that they need not come together.
A token is never taken away, so a state only rises, and `failed` ends with the first token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from vedette.clock import MICROSECONDS

AGREEMENT = 300 * MICROSECONDS
"""Microseconds by which the clocks of two authorities may differ."""


class ProofState(StrEnum):
    """How far an item is proved."""

    PENDING = "pending"
    SELF_ASSERTED = "self-asserted"
    PROVED = "proved"
    STRONG = "strong"
    FAILED = "failed"

    @property
    def is_stamped(self) -> bool:
        """Whether there is a token at all."""
        return self in (ProofState.SELF_ASSERTED, ProofState.PROVED, ProofState.STRONG)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What counts of a token."""

    tsa: str
    """Name of the authority."""
    external: bool
    """Whether somebody else runs it."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    obtained_at: int
    """Microseconds since 1970 by the engine's clock, when it came."""


def state_of(stamps: Iterable[Stamp], *, failed: bool = False) -> ProofState:
    """Return the state of a batch with these tokens."""
    all_stamps = list(stamps)
    if not all_stamps:
        return ProofState.FAILED if failed else ProofState.PENDING
    external = [stamp for stamp in all_stamps if stamp.external]
    if not external:
        return ProofState.SELF_ASSERTED
    agreeing = any(_agree(one, other) for one, other in combinations(external, 2))
    return ProofState.STRONG if agreeing else ProofState.PROVED


def _agree(one: Stamp, other: Stamp) -> bool:
    if one.tsa == other.tsa:
        return False
    return abs((one.gen_time - one.obtained_at) - (other.gen_time - other.obtained_at)) <= AGREEMENT
