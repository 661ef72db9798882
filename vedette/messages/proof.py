"""Proof notices: how far an engine's log is time-stamped, so that senders may forget their receipts.

A notice stays true for ever, as tokens are never taken away; so a lost one is asked for again, an old one does
no harm, and a receipt that no notice covers is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from vedette.messages.batch import ELSEWHERE, Receipt
from vedette.messages.item import Count, Name

State = Literal["self-asserted", "proved", "strong"]
"""How far a stamped item is proved."""

STAMPED: frozenset[State] = frozenset({"self-asserted", "proved", "strong"})
"""All states with a token."""

MAX_RUNS = 100
"""Runs in one notice; it ends earlier instead of growing."""


class ProofQuestion(BaseModel):
    """What a sender wants to know: whether all of a range of the engine's log is proved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epoch: Name
    """Epoch of the engine's chain, from the receipts."""
    first: Count
    """Lowest `log_index` of the receipts that are kept: where the notice has to begin."""
    last: Count
    """Highest `log_index` of them: once it is proved, nothing more is awaited."""
    engine: Name | None = None
    """Bare JID of the engine whose log it is, where another one is asked because that one is gone."""

    @model_validator(mode="after")
    def _in_order(self) -> ProofQuestion:
        if self.first > self.last:
            raise ValueError("first is past last")
        return self


class ProofNotice(BaseModel):
    """Every item from `first` to `up_to` is time-stamped; signed by the engine, as receipts are, or by another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-proof/1"] = "vedette-proof/1"
    """Says what is signed."""
    engine: Name
    """Bare JID of the engine."""
    epoch: Name
    """Epoch of its chain."""
    first: Count
    """First `log_index` that the notice speaks of."""
    up_to: Count
    """Last one: all between are stamped, without a gap."""
    states: Annotated[list[tuple[Count, State]], Field(min_length=1, max_length=MAX_RUNS)]
    """Runs of equal state: last `log_index` of the run and the state; the last run ends at `up_to`."""
    by: Name | None = None
    """Bare JID of the engine that says so, and signed it, where `engine` is gone; None: `engine` itself."""

    @model_serializer(mode="wrap")
    def _as_before(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return what is signed: who speaks for itself says nothing that earlier releases do not know."""
        return {name: value for name, value in whole(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """What a receipt is about."""

    engine: str
    """Bare JID of the engine."""
    epoch: str
    """Epoch of its chain."""
    lowest: int
    """Lowest `log_index` that it confirms."""
    highest: int
    """Highest one."""


def span_of(receipt: Receipt) -> Span:
    """Return what a receipt is about; one that confirms nothing new here spans its own place in the log."""
    indexes = [index for _, _, index in receipt.committed if index != ELSEWHERE] or [max(0, receipt.log_index)]
    return Span(engine=receipt.engine, epoch=receipt.epoch, lowest=min(indexes), highest=max(indexes))


def covers(notice: ProofNotice, span: Span, *, wanted: Collection[State] = STAMPED) -> bool:
    """Tell whether everything in the span is in a wanted state."""
    if (notice.engine, notice.epoch) != (span.engine, span.epoch):
        return False
    if not notice.first <= span.lowest <= span.highest <= notice.up_to:
        return False
    begin = notice.first
    for last, state in notice.states:
        if begin <= span.highest and last >= span.lowest and state not in wanted:
            return False
        begin = last + 1
    return begin > span.highest
