"""Who is connected now: every bound session of every account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ejabberd.embedded.address import Address
from ejabberd.embedded.stanza import to_bytes


@dataclass(eq=False, kw_only=True)
class Session:
    """One logged-in and bound connection (RFC 6120 section 7)."""

    address: Address
    """The full JID that every stanza from it carries."""
    write: Callable[[bytes], None]
    """Sends bytes to the client; does nothing when it is gone."""
    end: Callable[[str], None]
    """Closes the stream with this stream error condition (RFC 6120 section 4.9.3)."""
    presence: Element | None = None
    """What it last broadcast; None while it is not available."""
    priority: int = 0
    """-128 to 127; below 0, messages to the bare address are not for it."""
    wants_roster: bool = False
    """It asked for its roster, so it is told of changes ("interested", RFC 6121 section 2.2)."""
    directed: set[Address] = field(default_factory=set)
    """Whom it sent directed presence, and who must learn that it left (RFC 6121 section 4.6.3)."""

    def send(self, element: Element) -> None:
        """Send one stanza."""
        self.write(to_bytes(element))


class Sessions:
    """The bound sessions, by bare address and resource."""

    def __init__(self) -> None:
        self._by_user: dict[Address, dict[str, Session]] = {}

    def add(self, session: Session) -> Session | None:
        """Put the session in place, returning the one that it replaces (RFC 6120 section 7.7.2.2)."""
        mine = self._by_user.setdefault(session.address.bare, {})
        old = mine.get(session.address.resource)
        mine[session.address.resource] = session
        return old

    def remove(self, session: Session) -> bool:
        """Take the session away; False if it had been replaced or removed already."""
        mine = self._by_user.get(session.address.bare, {})
        if mine.get(session.address.resource) is not session:
            return False
        del mine[session.address.resource]
        if not mine:
            del self._by_user[session.address.bare]
        return True

    def at(self, address: Address) -> list[Session]:
        """Return the sessions of a bare address, or the one of a full address."""
        mine = self._by_user.get(address.bare, {})
        if not address.resource:
            return list(mine.values())
        found = mine.get(address.resource)
        return [found] if found else []

    def available(self, address: Address) -> list[Session]:
        """Return those of `at` that have sent presence and not gone."""
        return [session for session in self.at(address) if session.presence is not None]

    def users(self) -> Iterable[Address]:
        """Return the bare addresses that have a session."""
        return list(self._by_user)

    def __len__(self) -> int:
        return sum(len(mine) for mine in self._by_user.values())
