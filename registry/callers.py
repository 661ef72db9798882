"""Who asks: one value, whether a person in a browser or a program with a key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do."""

    INGEST = "ingest"
    """Handing in items and documents."""
    READ = "read"
    """Reading everything that is stored."""
    SHARE = "share"
    """Reading what is shared with others: TAXII collections and MISP feeds, and nothing else."""
    OPERATE = "operate"
    """Pausing, replaying, running a job: what changes the work, not what is stored."""
    ADMIN = "admin"
    """Deleting documents, and whatever else changes what others see or may do."""


class CallerKind(StrEnum):
    """How a caller showed who it is."""

    KEY = "key"
    """With an API key."""
    USER = "user"
    """With a session, in which a person logged in."""
    ANYBODY = "anybody"
    """Not at all: reading is open to anybody (`api.open_reading`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks."""

    kind: CallerKind
    """How it showed who it is."""
    id: str
    """Id of the key or the user; empty for anybody."""
    name: str
    """Name of the key or the user; empty for anybody."""
    holder: str
    """For records: `user anna`, `key feeds`, an agent's JID, `anybody`."""
    scopes: frozenset[Scope]
    """What it may do."""
    session: str | None = None
    """Id of a person's session."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who changes something and from where, for the audit log."""

    who: str
    """`user anna`, `key feeds`, `command line root`."""
    origin: str
    """An address, or `command line`."""


ITSELF = Actor(who="vedette", origin="this machine")
"""Vedette on its own account: a key at an enrolment, whose own entry says who enrolled."""

ANYBODY = Caller(kind=CallerKind.ANYBODY, id="", name="", holder="anybody", scopes=frozenset({Scope.READ}))
"""Who shows nothing, where reading is open."""
