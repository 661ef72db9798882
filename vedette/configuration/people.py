"""Configuration of the allow-list: people who may see the fleet and speak to it from an XMPP client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.people.person import People, Person, PersonRole

MAX_PEOPLE = 256
"""People in an allow-list."""

# Exactly what a server sends: lower case, no resource, no letter that looks like another one (RFC 7622).
_JID = r"^[a-z0-9][a-z0-9._+-]{0,63}@[a-z0-9][a-z0-9.-]{0,253}$"


class PersonSection(BaseModel):
    """One person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jid: Annotated[StrictStr, Field(pattern=_JID)]
    """Bare JID, lower case: `anna@example.org`."""
    role: PersonRole = PersonRole.READ
    """What they may do: `read` sees; `operate` also runs tools and cancels jobs; `admin` whatever else there is."""

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.jid.partition("@")[2]


def people_of(sections: Iterable[PersonSection]) -> People:
    """Return the allow-list that is configured."""
    return People(Person(jid=section.jid, role=section.role) for section in sections)
