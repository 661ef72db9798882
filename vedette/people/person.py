"""The allow-list: who may see the fleet and speak to it from an XMPP client, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class PersonRole(StrEnum):
    """What a person may do; each includes the ones before."""

    READ = "read"
    """See agents, jobs, items and proofs."""
    OPERATE = "operate"
    """Also run tools and cancel jobs."""
    ADMIN = "admin"
    """Also what changes what others see or may do."""


_ORDER = tuple(PersonRole)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody in the allow-list."""

    jid: str
    """Bare JID, lower case."""
    role: PersonRole
    """What they may do."""

    @property
    def holder(self) -> str:
        """Who acts, for records."""
        return f"person {self.jid}"

    def may(self, role: PersonRole) -> bool:
        """Tell whether they may do what needs this role."""
        return _ORDER.index(self.role) >= _ORDER.index(role)


class People:
    """The allow-list of a fleet."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self._people = {person.jid: person for person in people}

    def find(self, jid: str) -> Person | None:
        """Return the person of a bare JID, None for a stranger; compared exactly, never as a pattern."""
        return self._people.get(jid)
