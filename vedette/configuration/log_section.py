"""Where the log of `vedette up` goes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr


class LogSection(BaseModel):
    """The log in files; without one it goes to stderr, which is the journal of a service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[StrictStr, Field(min_length=1)] | None = None
    """The newest file, relative to the configuration's; its folder is there."""
    size: Annotated[float, Field(ge=0.01, le=10_000)] = 10.0
    """MiB from which on it is moved away."""
    count: Annotated[int, Field(ge=1, le=1_000)] = 5
    """How many older files stay: `NAME.1` is the youngest."""
