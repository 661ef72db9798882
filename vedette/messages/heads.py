"""Signed heads: where every log stands, as the registry saw it; who keeps one sees a log that was cut off later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vedette.messages.batch import Digest
from vedette.messages.item import Count, Instant, Name

MAX_LOGS = 10_000
"""Logs in one list: one an engine and epoch."""


class ChainHead(BaseModel):
    """Where one log stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Name
    """Bare JID of the engine."""
    epoch: Name
    """Epoch of its chain."""
    next_index: Count
    """The `log_index` that the next entry gets: how many there are."""
    head: Digest
    """SHA-256(previous head || leaf) over all entries, from 32 zero bytes."""


class HeadList(BaseModel):
    """Where all logs of a store stand, signed by the registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-heads/1"] = "vedette-heads/1"
    """Says what is signed."""
    registry: Name
    """Bare JID of the registry."""
    at: Instant
    """Microseconds since 1970, by the registry's clock."""
    heads: Annotated[list[ChainHead], Field(max_length=MAX_LOGS)]
    """In the order of engine and epoch. A log never goes back: the highest that was ever seen stays."""
