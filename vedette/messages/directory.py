"""Asking the registry who is who, and its signed answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vedette.messages.card import Role
from vedette.messages.item import Instant, Name, Text
from vedette.people.person import PersonRole


class DirectoryQuestion(BaseModel):
    """Which live agents have a role, or who is behind a JID."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role | None = None
    """Agents of this role that are available or busy."""
    jid: Name | None = None
    """One agent, whatever its presence, or one person."""
    nonce: Name
    """Random; the answer repeats it, so that an old answer cannot be replayed."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DirectoryQuestion:
        if (self.role is None) == (self.jid is None):
            raise ValueError("exactly one of role and jid is needed")
        return self


class DirectoryEntry(BaseModel):
    """One enrolled agent."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    jid: Name
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    public_key: Text
    """Base64 of its raw Ed25519 public key."""
    show: Text
    """Presence."""
    sealing_key: Text = ""
    """Base64 of the raw X25519 public key of its card; empty: it opens no sealed items."""


class PersonEntry(BaseModel):
    """One person of the allow-list."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    jid: Name
    """Bare JID."""
    role: PersonRole
    """What they may do."""


class DirectoryAnswer(BaseModel):
    """The registry's answer, signed by it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["vedette-directory/1"] = "vedette-directory/1"
    """Says what is signed."""
    nonce: Name
    """The question's."""
    at: Instant
    """Microseconds since 1970."""
    agents: Annotated[list[DirectoryEntry], Field(max_length=1000)]
    """Those asked for; empty when there is none."""
    people: Annotated[list[PersonEntry], Field(max_length=1)] = []
    """The person asked for, if it is one."""
