"""Configuration of the agents that read items into the knowledge graph: the fleet's `rt`, and one on another host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, field_validator, model_validator

from vedette.configuration.api import Port
from vedette.configuration.loading import load
from vedette.errors import RefusedError
from vedette.extraction.interface import LEAST_CONFIDENCE
from vedette.routing import check_pattern

MAX_RT = 16
"""Agents of one machine: more only compete for its cores and the graph's one writer."""

Place = Literal["hub", "field", "own"]
"""The process in which a fleet's agents run."""

MIB = 1024 * 1024
"""Bytes of a mebibyte."""


class _Reading(BaseModel):
    """What both forms have: which items are read, and how much that may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "rt"
    """The durable queue; all agents of the role that name it share its work."""
    patterns: Annotated[list[StrictStr], Field(min_length=1, max_length=64)] = [
        "#.in.structured.#",
        "#.in.unstructured.#",
    ]
    """Routing keys of the items that are read: `*` stands for one word, `#` for any number of them.

    What is unstructured is read as prose, in English.
    """
    from_start: StrictBool = True
    """Whether a new queue begins with what was committed before it was made; else only what comes from then on."""
    confidence: Annotated[float, Field(ge=0, le=1)] = LEAST_CONFIDENCE
    """How sure the reader of prose must be of a name or a statement before it is in the graph, 0 to 1."""
    workers: Annotated[int, Field(ge=1, le=16, strict=True)] = 2
    """Processes of each machine's agents that parse documents, at a time; they end when there is nothing to do.

    One more reads prose, while there is some.
    """
    seconds: Annotated[float, Field(gt=0, le=400)] = 120.0
    """Seconds that reading one document may take."""
    memory: Annotated[int, Field(ge=256, le=65_536, strict=True)] = 2048
    """MiB of address space of a process that parses."""
    document_limit: Annotated[int, Field(ge=1, le=256, strict=True)] = 256
    """MiB that a document may have, packed or unpacked; a larger one becomes a dead letter."""
    lease: Annotated[int, Field(ge=2, le=600, strict=True)] = 300
    """Seconds after which items that an agent took, and did not answer for, are handed to another one."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where it runs, in your words."""
    view_port: Port = 0
    """Loopback port of its page; 0 picks a free one."""

    @model_validator(mode="after")
    def _leases_last(self) -> Self:
        if self.seconds > self.lease / 2:
            raise ValueError(f"seconds: must be at most half of lease ({self.lease}): else nobody answers in time")
        return self

    @field_validator("patterns")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        for pattern in value:
            try:
                check_pattern(pattern)
            except RefusedError as error:
                raise ValueError(f"{pattern[:64]!r} {error.reason}") from error
        return value


class RtSection(_Reading):
    """The fleet's agents that read items into the knowledge graph."""

    agents: Annotated[int, Field(ge=0, le=MAX_RT, strict=True)] = 1
    """How many of them run on this machine; 0: none, others may run elsewhere."""
    process: Place = "hub"
    """`hub`: with the API; `field`: with probes and collectors; `own`: apart, about 105 MB, for much reading."""

    @property
    def names(self) -> list[str]:
        """Their names: the part of the JID before the @."""
        return ["rt", *(f"rt{number}" for number in range(2, self.agents + 1))][: self.agents]


class RtConfiguration(_Reading):
    """One such agent in a process of its own, here or on another host. Paths are relative to the file."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """The part of its JID before the @."""
    graph: StrictStr
    """URL of the knowledge graph, `sqlite:///path` or `postgresql+psycopg://…`; it must be the fleet's."""
    credentials: Path | None = None
    """The file that `vedette enroll NAME --role rt` wrote; null: `var/credentials/NAME.json`."""


class _Whole(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def is_rt_file(file: Path) -> bool:
    """Tell whether a file is one agent's, and not a fleet's.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    return {"name", "graph"} <= load(file, _Whole).model_dump().keys()


def load_rt(file: Path) -> RtConfiguration:
    """Read the file of one agent.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    return load(file, RtConfiguration)
