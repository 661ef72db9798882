"""Which dead letters a page is about: chosen by hand, or by a filter; as they stand in addresses and forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import Field, TypeAdapter

from registry.dead_letter_bulk import LetterName
from registry.dead_letter_lines import LettersWanted
from vedette.clock import MICROSECONDS
from vedette.errors import RefusedError
from web.api.v1.dead_letters import PLACE
from web.api.v1.parameters import UUID, Text
from web.console.parameters import PAGE, PageParameters

AGES: Final[Mapping[str, int]] = {"an hour": 3_600, "a day": 86_400, "a week": 7 * 86_400, "a month": 30 * 86_400}
"""Seconds since which letters must lie here."""

_PICK: Final = re.compile(f"({PLACE[1:-1]})/({UUID[1:-1]})")

Verb = Literal["replay", "discard"]


class LetterFilterParameters(PageParameters):
    """Which dead letters to show."""

    place: Annotated[str, Query(pattern=PLACE)] | None = None
    """Only those there: `queue:NAME` or `outbox:NAME`."""
    sender: Text | None = None
    """Bare JID of the agent that made the items."""
    reason: Text | None = None
    """What the reason has in it."""
    older: Literal["an hour", "a day", "a week", "a month"] | None = None
    """Given up at least so long ago."""

    def wanted(self, *, now: int, discarded: bool = False) -> LettersWanted:
        """Return them as a filter of the list."""
        until = None if self.older is None else now - AGES[self.older] * MICROSECONDS
        return LettersWanted(
            place=self.place, discarded=discarded, sender=self.sender, reason=self.reason, until=until
        )

    @property
    def chosen(self) -> dict[str, str]:
        """What is filtered by, for a link or a form."""
        values = {name: getattr(self, name) for name in ("place", "sender", "reason", "older")}
        return {name: value for name, value in values.items() if value is not None}


class LetterPageParameters(LetterFilterParameters):
    """Which dead letters to show, and how."""

    discarded: bool = False
    """Also those that a person gave up for good."""
    count: Annotated[int, Field(ge=0)] = 0
    """How many were just decided about."""
    missing: Annotated[int, Field(ge=0)] = 0
    """How many of them were not there any more."""
    left: Annotated[int, Field(ge=0)] = 0
    """How many the filter still finds."""


class DecideParameters(LetterFilterParameters):
    """What shall be decided about which letters."""

    do: Verb
    """Replay or discard."""
    pick: tuple[Annotated[str, Field(max_length=512)], ...] = Field(default=(), max_length=PAGE)
    """Those that were chosen by hand, `place/uuid` each."""
    all: bool = False
    """All that the filter finds, instead."""

    @property
    def names(self) -> list[LetterName]:
        """Those that were chosen by hand.

        Raises:
            RefusedError: one is not the name of a letter.
        """
        return [read_pick(text) for text in self.pick]


def read_pick(text: str) -> LetterName:
    """Return which letter a choice means.

    Raises:
        RefusedError: it is none.
    """
    place, _, uuid = text.rpartition("/")
    if not _PICK.fullmatch(text):
        raise RefusedError("pick", "is not the name of a dead letter; choose from the list")
    return LetterName(place=place, uuid=uuid)


def read_choice(form: Mapping[str, str]) -> tuple[DecideParameters, int]:
    """Return what a posted form decides about which letters, and the time before which those were given up.

    Raises:
        RefusedError: it is not a form of ours.
    """
    try:
        values: dict[str, Any] = {name: form[name] for name in ("do", "all", *_FILTER) if form.get(name)}
        values["pick"] = form.get("letters", "").split()
        return DecideParameters.model_validate(values), _TIME.validate_python(form.get("until", ""))
    except ValueError as error:
        raise RefusedError("form", "cannot be read; send it from its page") from error


# A time that the database can hold.
_TIME: Final = TypeAdapter(Annotated[int, Field(ge=0, le=2**63 - 1)])

_FILTER: Final = ("place", "sender", "reason", "older")
