"""Presence and subscriptions, so that who is seen is there (RFC 6121 sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from xml.etree.ElementTree import Element, SubElement

from ejabberd.embedded.address import Address
from ejabberd.embedded.roster import ROSTER, Entry, Rosters
from ejabberd.embedded.sessions import Session, Sessions
from ejabberd.embedded.stanza import CLIENT, error_reply

TAG = f"{{{CLIENT}}}presence"


class Presence:
    """Who may see whom, who is available, and telling everybody who has a right to know."""

    def __init__(self, *, sessions: Sessions, rosters: Rosters, exists: Callable[[Address], bool]) -> None:
        self._sessions = sessions
        self._rosters = rosters
        self._exists = exists
        self._subscription_handlers = {
            "subscribe": self._subscribe,
            "subscribed": self._subscribed,
            "unsubscribe": self._unsubscribe,
            "unsubscribed": self._unsubscribed,
        }

    def handle(self, session: Session, stanza: Element, to: Address | None) -> None:
        """Act on a presence stanza whose `from` is already the session's own address."""
        kind = stanza.get("type")
        if kind in self._subscription_handlers and to is not None:
            self._subscription_handlers[kind](session.address.bare, to.bare, stanza)
        elif kind == "probe" and to is not None:
            self._answer_probe(session, to)
        elif kind not in {None, "unavailable"}:
            if kind != "error":
                session.send(error_reply(stanza, "bad-request"))
        elif to is not None:
            self._direct(session, to, stanza)
        elif kind == "unavailable":
            self._leave(session, stanza)
        else:
            self._announce(session, stanza)

    def gone(self, session: Session) -> None:
        """Tell everybody who saw the session that it is not there any more (RFC 6121 section 4.5.2)."""
        self._leave(session, Element(TAG, {"type": "unavailable", "from": str(session.address)}))

    def remove_contact(self, owner: Address, contact: Address) -> None:
        """Remove a roster item, ending both directions (RFC 6121 section 2.5.2)."""
        self._unsubscribe(owner, contact, Element(TAG, {"type": "unsubscribe"}))
        self._unsubscribed(owner, contact, Element(TAG, {"type": "unsubscribed"}))
        self._rosters.forget(owner, contact)
        self.push(owner, _removal(contact))

    def remove_user(self, user: Address) -> None:
        """Forget an account that was removed, on both sides of each subscription."""
        for contact in self._rosters.of(user):
            self.remove_contact(user, contact)
        for owner in self._rosters.owners():
            if self._rosters.entry(owner, user) is not None:
                self._rosters.forget(owner, user)
                self.push(owner, _removal(user))

    def push(self, owner: Address, item: Element) -> None:
        """Tell the owner's interested sessions of a changed roster item (RFC 6121 section 2.1.6)."""
        for session in self._sessions.at(owner):
            if session.wants_roster:
                iq = Element(
                    f"{{{CLIENT}}}iq", {"type": "set", "to": str(session.address), "id": f"push-{id(item):x}"}
                )
                SubElement(iq, f"{{{ROSTER}}}query").append(item)
                session.send(iq)

    def _announce(self, session: Session, stanza: Element) -> None:
        is_first = session.presence is None
        session.presence = stanza
        session.priority = _priority(stanza)
        self._broadcast(session, stanza)
        if not is_first:
            return
        me = session.address.bare
        for contact, entry in self._rosters.of(me).items():
            if entry.to:
                self._show(contact, session)
            if entry.waiting:
                session.send(Element(TAG, {"type": "subscribe", "from": str(contact), "to": str(me)}))
        for other in self._sessions.available(me):
            if other is not session and other.presence is not None:
                session.send(_addressed(other.presence, session.address))

    def _broadcast(self, session: Session, stanza: Element) -> None:
        me = session.address.bare
        watchers = [contact for contact, entry in self._rosters.of(me).items() if entry.by]
        for watcher in (*watchers, me):
            self._deliver(watcher, stanza)

    def _leave(self, session: Session, stanza: Element) -> None:
        if session.presence is not None:
            session.presence = None
            self._broadcast(session, stanza)
        for address in session.directed:
            self._deliver(address, stanza)
        session.directed.clear()

    def _direct(self, session: Session, to: Address, stanza: Element) -> None:
        if stanza.get("type") == "unavailable":
            session.directed.discard(to)
        elif not self._may_see(watcher=to.bare, seen=session.address.bare):
            session.directed.add(to)
        self._deliver(to, stanza)

    def _deliver(self, to: Address, stanza: Element) -> None:
        for session in self._sessions.available(to):
            session.send(_addressed(stanza, session.address if to.resource else to))

    def _may_see(self, *, watcher: Address, seen: Address) -> bool:
        entry = self._rosters.entry(seen, watcher)
        return watcher == seen or (entry is not None and entry.by)

    def _show(self, contact: Address, session: Session) -> None:
        if not self._may_see(watcher=session.address.bare, seen=contact):
            return
        for theirs in self._sessions.available(contact):
            if theirs.presence is not None:
                session.send(_addressed(theirs.presence, session.address))

    def _answer_probe(self, session: Session, to: Address) -> None:
        # RFC 6121 section 4.3.2: one who may not see learns nothing but that.
        if self._may_see(watcher=session.address.bare, seen=to.bare):
            self._show(to, session)
        else:
            session.send(
                Element(TAG, {"type": "unsubscribed", "from": str(to.bare), "to": str(session.address.bare)})
            )

    def _change(self, owner: Address, contact: Address, **fields: bool) -> Entry | None:
        entry = self._rosters.change(owner, contact, **fields)
        if entry is not None and entry.is_listed:
            self.push(owner, entry.item(contact))
        return entry

    def _notify(self, to: Address, *, sender: Address, kind: str, stanza: Element) -> None:
        notice = copy(stanza)
        notice.attrib.update({"type": kind, "from": str(sender), "to": str(to)})
        for session in self._sessions.at(to):
            if session.presence is not None or session.wants_roster:
                session.send(notice)

    def _subscribe(self, me: Address, contact: Address, stanza: Element) -> None:
        mine = self._rosters.entry(me, contact) or Entry()
        if not self._exists(contact):
            self._notify(me, sender=contact, kind="unsubscribed", stanza=Element(TAG))
            return
        if not mine.to:
            self._change(me, contact, asked=True)
        if self._may_see(watcher=me, seen=contact):
            # Already allowed: the server answers for the contact (RFC 6121 section 3.1.3).
            self._change(me, contact, asked=False, to=True)
            self._notify(me, sender=contact, kind="subscribed", stanza=Element(TAG))
            self._show_all(contact, me)
            return
        self._rosters.change(contact, me, waiting=True)
        self._notify(contact, sender=me, kind="subscribe", stanza=stanza)

    def _subscribed(self, me: Address, contact: Address, stanza: Element) -> None:
        mine = self._rosters.entry(me, contact)
        if mine is None or not mine.waiting:
            return
        self._change(me, contact, waiting=False, by=True)
        self._change(contact, me, asked=False, to=True)
        self._notify(contact, sender=me, kind="subscribed", stanza=stanza)
        self._show_all(me, contact)

    def _unsubscribe(self, me: Address, contact: Address, stanza: Element) -> None:
        theirs = self._rosters.entry(contact, me)
        if self._rosters.entry(me, contact) is not None:
            self._change(me, contact, to=False, asked=False)
        if theirs is None or not (theirs.by or theirs.waiting):
            return
        self._change(contact, me, by=False, waiting=False)
        self._notify(contact, sender=me, kind="unsubscribe", stanza=stanza)
        if theirs.by:
            self._hide_all(contact, me)

    def _unsubscribed(self, me: Address, contact: Address, stanza: Element) -> None:
        mine = self._rosters.entry(me, contact)
        if mine is None or not (mine.by or mine.waiting):
            return
        self._change(me, contact, by=False, waiting=False)
        self._change(contact, me, to=False, asked=False)
        self._notify(contact, sender=me, kind="unsubscribed", stanza=stanza)
        # Who never saw us must not learn now that we were there (RFC 6121 section 3.2.3).
        if mine.by:
            self._hide_all(me, contact)

    def _show_all(self, seen: Address, watcher: Address) -> None:
        for session in self._sessions.available(watcher):
            self._show(seen, session)

    def _hide_all(self, seen: Address, watcher: Address) -> None:
        for session in self._sessions.available(seen):
            self._deliver(watcher, Element(TAG, {"type": "unavailable", "from": str(session.address)}))


def _removal(contact: Address) -> Element:
    return Element(f"{{{ROSTER}}}item", {"jid": str(contact), "subscription": "remove"})


def _addressed(stanza: Element, to: Address) -> Element:
    addressed = copy(stanza)
    addressed.set("to", str(to))
    return addressed


def _priority(stanza: Element) -> int:
    try:
        return max(-128, min(127, int(stanza.findtext(f"{{{CLIENT}}}priority", "0"))))
    except ValueError:
        return 0
