"""Whom an agent knows: presence of its contacts, and who may see its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from vedette.messages.item import Instant
from vedette.messages.state import ContactState

Show = Literal["available", "away", "dnd", "gone", "unknown"]

STATUS_LIMIT = 256
"""Characters of a status text that are kept."""

SESSION_LIMIT = 16
"""Sessions of one contact that are kept; the oldest is forgotten first."""

ENDED_LIMIT = 5000
"""Sessions that ended and are kept, of all contacts; the oldest is forgotten first."""

CONTACT_LIMIT = 5000
"""Contacts kept: presence from more JIDs than that is ignored."""


@dataclass(kw_only=True)
class Contact:
    """One contact's presence."""

    jid: str
    role: str = ""
    show: Show = "unknown"
    status: str = ""
    since: Instant | None = None

    def state(self) -> ContactState:
        """Return it as the agent's page shows it."""
        return ContactState(jid=self.jid, role=self.role, show=self.show, status=self.status, since=self.since)


@dataclass(frozen=True, kw_only=True)
class PresenceStanza:
    """What a presence stanza says (RFC 6121 section 4.7)."""

    jid: str
    """Bare JID of whom it is about."""
    resource: str
    """The session that it is about; one account may have several."""
    kind: str
    """`available`, `unavailable`, `subscribe`, `subscribed`, `unsubscribe`, `unsubscribed`, `error`."""
    show: Show
    """What it means for us."""
    status: str
    """The status text, cut."""


_SHOWS: dict[str, Show] = {"": "available", "chat": "available", "away": "away", "xa": "away", "dnd": "dnd"}


def read_presence(stanza: Any) -> PresenceStanza:
    """Return what a slixmpp presence stanza says; unknown shows count as available."""
    kind = stanza.xml.attrib.get("type", "available")
    text = stanza.xml.findtext("{jabber:client}show") or ""
    show = _SHOWS.get(text.strip(), "available") if kind == "available" else "gone"
    return PresenceStanza(
        jid=str(stanza["from"].bare),
        resource=str(stanza["from"].resource),
        kind=kind,
        show=show,
        status=str(stanza["status"] or "")[:STATUS_LIMIT],
    )


class Contacts:
    """The contacts of one agent."""

    def __init__(self) -> None:
        self._contacts: dict[str, Contact] = {}
        self._sessions: dict[str, dict[str, PresenceStanza]] = {}
        self._ended: dict[str, None] = {}

    def hear(self, presence: PresenceStanza, at: int) -> PresenceStanza | None:
        """Take in a presence stanza; return what is true of the contact now, None if that is nothing new.

        A contact is gone when its last session is: the old session of a restarted agent often ends after the
        new one began.
        """
        if presence.jid not in self._contacts and len(self._contacts) >= CONTACT_LIMIT:
            return None
        sessions = self._sessions.setdefault(presence.jid, {})
        sessions.pop(presence.resource, None)
        if presence.kind == "available":
            while len(sessions) >= SESSION_LIMIT:
                del sessions[next(iter(sessions))]
            sessions[presence.resource] = presence
        self._note_end(f"{presence.jid}/{presence.resource}", has_ended=presence.kind != "available")
        now = next(reversed(sessions.values()), presence)
        return now if self.note_presence(now.jid, now.show, now.status, at) else None

    def has_ended(self, full_jid: str) -> bool:
        """Tell whether a session ended: what it said before may still wait to be read, and is no sign of life."""
        return full_jid in self._ended

    def address(self, jid: str) -> str:
        """Return the full JID of a contact's newest session, the bare one where there is none."""
        sessions = self._sessions.get(jid)
        resource = next(reversed(sessions)) if sessions else ""
        return f"{jid}/{resource}" if resource else jid

    def note_role(self, jid: str, role: str) -> None:
        """Remember the enrolled role of a contact."""
        self._of(jid).role = role

    def note_presence(self, jid: str, show: str, status: str, at: int) -> bool:
        """Note a contact's presence; return whether it changed."""
        if jid not in self._contacts and len(self._contacts) >= CONTACT_LIMIT:
            return False
        contact = self._of(jid)
        if (contact.show, contact.status) == (show, status):
            return False
        contact.show, contact.status, contact.since = cast(Show, show), status, at
        return True

    def all_unknown(self, at: int) -> None:
        """Note that we are cut off: what we knew of others is no longer true."""
        self._sessions.clear()
        self._ended.clear()
        for contact in self._contacts.values():
            if contact.show != "unknown":
                contact.show, contact.status, contact.since = "unknown", "", at

    def states(self) -> list[ContactState]:
        """Return all, by JID."""
        return [self._contacts[jid].state() for jid in sorted(self._contacts)]

    def _note_end(self, full_jid: str, *, has_ended: bool) -> None:
        self._ended.pop(full_jid, None)
        if has_ended:
            while len(self._ended) >= ENDED_LIMIT:
                del self._ended[next(iter(self._ended))]
            self._ended[full_jid] = None

    def _of(self, jid: str) -> Contact:
        return self._contacts.setdefault(jid, Contact(jid=jid))
