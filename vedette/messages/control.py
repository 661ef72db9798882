"""Pausing, resuming and running an agent's own checks: the registry's signed order, and the agent's signed answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from vedette.messages.item import Instant, Name, Text

CheckAction = Literal["pause", "resume", "run"]
"""What may be done to a check."""


class CheckOrder(BaseModel):
    """Do something to a check; signed by who may order it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-check-order/1"] = "vedette-check-order/1"
    """Says what is signed."""
    agent: Name
    """Bare JID of who is to do it: what is signed serves for nobody else."""
    life: Instant
    """When that agent's process started, as its state says: an order serves in one life only."""
    check: Name
    """Which of its checks."""
    action: CheckAction
    """What."""
    by: Annotated[Text, Field(min_length=1)]
    """Who asked for it, for the agent's page and log."""
    signed_at: Instant
    """Microseconds since 1970; an agent takes no order that is not newer than the last."""


class CheckAnswer(BaseModel):
    """What became of an order; signed by the agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-check-answer/1"] = "vedette-check-answer/1"
    """Says what is signed."""
    agent: Name
    """Bare JID of who answers."""
    signed_at: Instant
    """The order's."""
    done: StrictBool
    """Whether it was done."""
    reason: Text = ""
    """Why not; or what a person must know about it."""
