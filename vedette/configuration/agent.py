"""Configuration of the agents that a fleet runs besides its probes: the registry, and the aggregation engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.configuration.api import Port

MAX_ENGINES = 32
"""Engines besides the hub's: each has connections to PostgreSQL of its own."""


class AgentSection(BaseModel):
    """An agent that the fleet runs besides its probes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """The part of its JID before the @."""
    view_port: Port = 0
    """Loopback port of its page; 0 picks a free one."""
    place: StrictStr = ""
    """Where it runs, in your words."""


class EngineSection(AgentSection):
    """An aggregation engine besides the hub's, over the same PostgreSQL."""

    documents: Literal["here", "elsewhere"] = "here"
    """`elsewhere`: it runs on a host that has not the folder of the fleet's documents: it reads what it compares at
    the hub, and leaves retention and renewal to the other engines."""


def check_engines(engines: Sequence[EngineSection], *, store: str | None, taken: Sequence[str]) -> None:
    """Check that the engines can work together.

    Args:
        engines: those besides the hub's.
        store: URL of the store as configured.
        taken: names of the fleet's other agents.

    Raises:
        ValueError: two agents have the same name, or the store is not one that engines can share.
    """
    names = [*taken, *(section.name for section in engines)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if engines and twice is not None:
        raise ValueError(f"engines: two agents are called {twice}")
    if engines and (store is None or not store.startswith("postgresql")):
        raise ValueError("engines: several engines need one PostgreSQL; set 'store' to postgresql+psycopg://…")
