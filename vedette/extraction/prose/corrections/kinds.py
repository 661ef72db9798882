"""What people can correct in an annotated document, each kind with its places, and reading it from JSON. Pure.

A correction names its place by offsets and by the text that stands there, so that one made of an older reading is
never applied to something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from vedette.errors import RefusedError
from vedette.extraction.prose.annotated import Offset
from vedette.extraction.prose.labels import Label, Relation

MAX_PLACE: Final = 400
"""Characters of a place: an entity is a name, no paragraph."""

_SHOWN: Final = 80


class Place(BaseModel):
    """Some characters of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Offset
    """Of its first character."""
    end: Offset
    """Behind its last one."""
    text: Annotated[str, Field(min_length=1, max_length=MAX_PLACE)]
    """What stands there."""

    @model_validator(mode="after")
    def _check(self) -> Place:
        if self.end - self.start != len(self.text) or not self.text.strip():
            raise ValueError("start and end must be those of the text, which must not be blank")
        # A lone surrogate is no character, and no database keeps one.
        self.text.encode()
        return self

    @property
    def span(self) -> tuple[int, int]:
        """Start and end."""
        return self.start, self.end

    def __str__(self) -> str:
        return f"{self.text[:_SHOWN]!r} [{self.start}-{self.end}]"


class _Correction(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RejectEntity(_Correction):
    """What was taken for an entity names nothing; what was said of it goes with it."""

    kind: Literal["reject-entity"] = "reject-entity"
    at: Place
    """Where the entity is."""

    def __str__(self) -> str:
        return f"{self.at} is no entity"


class ChangeEntity(_Correction):
    """An entity is something else, or more or less of the text; what was said of it stays."""

    kind: Literal["change-entity"] = "change-entity"
    at: Place
    """Where the entity is."""
    label: Label
    """What it is."""
    to: Place
    """Which characters name it; `at` where those were right."""

    def __str__(self) -> str:
        moved = "" if self.to == self.at else f", and it is {self.to}"
        return f"{self.at} is {self.label}{moved}"


class AddEntity(_Correction):
    """Something is named that was not seen."""

    kind: Literal["add-entity"] = "add-entity"
    at: Place
    """Which characters name it."""
    label: Label
    """What it is."""

    def __str__(self) -> str:
        return f"{self.at} is {self.label}, and was not seen"


class RejectRelation(_Correction):
    """The text does not say that."""

    kind: Literal["reject-relation"] = "reject-relation"
    head: Place
    """The entity that it is read from."""
    relation: Relation
    """What it is said to have to do with the other."""
    tail: Place
    """The entity that it leads to."""

    def __str__(self) -> str:
        return f"not: {self.head} {self.relation} {self.tail}"


class AddRelation(_Correction):
    """The text says that."""

    kind: Literal["add-relation"] = "add-relation"
    head: Place
    """The entity that it is read from."""
    relation: Relation
    """What it has to do with the other."""
    tail: Place
    """The entity that it leads to."""

    def __str__(self) -> str:
        return f"{self.head} {self.relation} {self.tail}"


Correction = Annotated[
    RejectEntity | ChangeEntity | AddEntity | RejectRelation | AddRelation, Field(discriminator="kind")
]
"""Anything that a person can correct."""

_ADAPTER: Final[TypeAdapter[Correction]] = TypeAdapter(Correction)


def parse_correction(value: Any) -> Correction:
    """Return a correction from its JSON value.

    Raises:
        RefusedError: it is none; names the field.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "correction"
        raise RefusedError(field, str(first["msg"])) from error


def parse_corrections(values: Iterable[Any]) -> list[Correction]:
    """Return corrections from their JSON values.

    Raises:
        RefusedError: one is none.
    """
    return [parse_correction(value) for value in values]
