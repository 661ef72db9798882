"""The collections of our TAXII server: destinations of the exporter `collection`. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from vedette.configuration.loading import reason_of
from vedette.errors import ConfigurationError

EXPORTER = "collection"
"""Name of the exporter that fills collections."""

MAX_TITLE = 255
"""Characters of a title."""


class CollectionSettings(BaseModel):
    """What a destination of the exporter `collection` is set by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[StrictStr, Field(max_length=MAX_TITLE)] = ""
    """What it is called; empty: its name."""
    description: Annotated[StrictStr, Field(max_length=4096)] = ""
    """What is in it, for those who read it."""
    write: StrictBool = False
    """Whether clients may put objects into it; these become an item, too, which is proved and read into the graph."""
    id: uuid.UUID | None = None
    """Its id; null: made of the fleet's instance and its name."""
    keys: Annotated[list[StrictStr], Field(max_length=256)] = []
    """Names of the API keys with the scope `share` that see it; empty: all of them."""


class SharedCollection(BaseModel):
    """A collection."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The destination's."""
    id: str
    """A UUID."""
    title: str
    description: str
    write: bool
    """Whether clients may put objects into it."""
    keys: frozenset[str]
    """Names of the API keys that see it; empty: all with the scope."""


class DestinationLike(Protocol):
    """A destination of the configuration."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def exporter(self) -> str:
        """Its kind."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its exporter is set by."""


def read_collection_settings(name: str, settings: Mapping[str, Any]) -> CollectionSettings:
    """Return what a destination is set by.

    Raises:
        ConfigurationError: names the setting and the reason.
    """
    try:
        return CollectionSettings.model_validate(dict(settings))
    except ValidationError as error:
        place = f"sharing.destinations.{name}"
        raise ConfigurationError(place, *reason_of(error, CollectionSettings)) from error


def shared_collections(destinations: Iterable[DestinationLike], *, instance: uuid.UUID) -> Sequence[SharedCollection]:
    """Return the collections among the destinations of a fleet.

    Raises:
        ConfigurationError: one cannot be used, or two have the same id.
    """
    found: dict[str, SharedCollection] = {}
    for one in destinations:
        if one.exporter != EXPORTER:
            continue
        settings = read_collection_settings(one.name, one.settings)
        id = str(settings.id or uuid.uuid5(instance, f"collection\n{one.name}"))
        if id in found:
            raise ConfigurationError(f"sharing.destinations.{one.name}", "id", f"is that of {found[id].name}, too")
        found[id] = SharedCollection(
            name=one.name,
            id=id,
            title=settings.title or one.name,
            description=settings.description,
            write=settings.write,
            keys=frozenset(settings.keys),
        )
    return list(found.values())
