"""Configuration of collectors: those of the fleet's `collectors`, and the file of one on another host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.configuration.api import Port
from vedette.configuration.fetching import FetchingSection
from vedette.configuration.loading import load

MAX_COLLECTORS = 64
"""Collectors of one fleet file."""


class CollectorSection(BaseModel):
    """One collector: which sources it reads, and where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """The part of its JID before the @."""
    sources: StrictStr
    """File of sources, such as Stucco's `stucco.yml`, relative to this file; paths in it are relative to it."""
    section: StrictStr | None = None
    """Which section of it; null where there is only one."""
    up_agent: Annotated[StrictStr, Field(min_length=1, max_length=1024)] = "aggregation"
    """Who receives the items: a JID or a role."""
    view_port: Port = 0
    """Loopback port of its page; 0 picks a free one."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where it runs, in your words."""


class CollectorConfiguration(CollectorSection):
    """A collector in a process of its own, here or on another host. Paths are relative to the file."""

    credentials: Path | None = None
    """The file that `vedette enroll NAME --role collector` wrote; null: `var/credentials/NAME.json`."""
    fetching: FetchingSection = FetchingSection()
    """Whom it asks over HTTP, and how much it takes."""


class _Whole(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def is_collector_file(file: Path) -> bool:
    """Tell whether a file is a collector's, and not a fleet's or one of sources.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    return "sources" in load(file, _Whole).model_dump()


def load_collector(file: Path) -> CollectorConfiguration:
    """Read a collector's file.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    return load(file, CollectorConfiguration)
