"""How events are marked for a server or a feed: who may see them, and whose they are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vedette.configuration.loading import reason_of
from vedette.errors import ConfigurationError

SHARING_GROUP: Final = 4
"""The distribution that names a sharing group."""

INHERITED: Final = "5"
"""The distribution of all that is in an event: the event's."""


class MispOptions(BaseModel):
    """Settings of a destination that show in its events."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    distribution: Annotated[int, Field(ge=0, le=4, strict=True)] = 0
    """0 the own organisation, 1 the community, 2 connected communities, 3 all, 4 the sharing group."""
    sharing_group: uuid.UUID | None = None
    """Of the server's sharing groups, the one that may see it; it makes `distribution` 4."""
    organisation_uuid: uuid.UUID | None = None
    """Whose the events are, as servers know it; none: an id of this fleet."""

    @model_validator(mode="before")
    @classmethod
    def _group_distributes(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("sharing_group") and "distribution" not in given:
            return {**given, "distribution": SHARING_GROUP}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.distribution == SHARING_GROUP) != (self.sharing_group is not None):
            raise ValueError("distribution 4 and sharing_group go together")
        return self

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, place: str) -> Self:
        """Return the options in a destination's settings; others in them are not looked at.

        Raises:
            ConfigurationError: names the setting and the reason.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            raise ConfigurationError(place, *reason_of(error, cls)) from error


OPTIONS: Final = frozenset(MispOptions.model_fields)
"""Names of these settings."""
