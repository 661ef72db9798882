"""What the server itself answers: roster, ping, discovery (RFC 6121, XEP-0199, XEP-0030)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from ejabberd.embedded.address import Address
from ejabberd.embedded.presence import Presence
from ejabberd.embedded.roster import ROSTER, Rosters
from ejabberd.embedded.sessions import Session
from ejabberd.embedded.stanza import error_reply, result
from vedette.errors import RefusedError

COMMANDS = "http://jabber.org/protocol/commands"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
PING = "urn:xmpp:ping"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"


class ServerQueries:
    """Answers iq stanzas addressed to the server or to the sender's own account."""

    def __init__(self, *, rosters: Rosters, presence: Presence, services: dict[str, str]) -> None:
        self._rosters = rosters
        self._presence = presence
        self._services = services
        self._handlers = {
            ("get", f"{{{ROSTER}}}query"): self._roster,
            ("set", f"{{{ROSTER}}}query"): self._set_roster,
            ("get", f"{{{PING}}}ping"): self._empty,
            ("set", f"{{{SESSION}}}session"): self._empty,
            ("get", f"{{{DISCO_INFO}}}query"): self._info,
            ("get", f"{{{DISCO_ITEMS}}}query"): self._items,
            ("set", f"{{{COMMANDS}}}command"): self._command,
        }

    def answer(self, session: Session, iq: Element) -> Element | None:
        """Return the answer, or None where none is due (RFC 6120 section 8.2.3)."""
        kind = iq.get("type", "")
        if kind in {"result", "error"}:
            return None
        if kind not in {"get", "set"} or len(iq) != 1:
            return error_reply(iq, "bad-request")
        handler = self._handlers.get((kind, iq[0].tag))
        return handler(session, iq) if handler else error_reply(iq, "service-unavailable")

    def _empty(self, _session: Session, iq: Element) -> Element:
        return result(iq)

    def _roster(self, session: Session, iq: Element) -> Element:
        session.wants_roster = True
        query = Element(f"{{{ROSTER}}}query")
        for contact, entry in self._rosters.of(session.address.bare).items():
            if entry.is_listed:
                query.append(entry.item(contact))
        return result(iq, query)

    def _set_roster(self, session: Session, iq: Element) -> Element:
        items = list(iq[0])
        if len(items) != 1:
            return error_reply(iq, "bad-request")
        try:
            contact = Address.parse(items[0].get("jid", "")).bare
        except RefusedError:
            return error_reply(iq, "jid-malformed")
        me = session.address.bare
        if items[0].get("subscription") == "remove":
            if self._rosters.entry(me, contact) is None:
                return error_reply(iq, "item-not-found")
            self._presence.remove_contact(me, contact)
            return result(iq)
        groups = tuple(child.text or "" for child in items[0])
        entry = self._rosters.change(me, contact, name=items[0].get("name", ""), groups=groups)
        if entry is not None:
            self._presence.push(me, entry.item(contact))
        return result(iq)

    def _info(self, _session: Session, iq: Element) -> Element:
        query = Element(f"{{{DISCO_INFO}}}query")
        SubElement(
            query,
            f"{{{DISCO_INFO}}}identity",
            {"category": "server", "type": "im", "name": "Vedette embedded server"},
        )
        # Clients such as profanity speak of commands to no agent unless the server knows the word.
        for feature in (COMMANDS, DISCO_INFO, DISCO_ITEMS, PING):
            SubElement(query, f"{{{DISCO_INFO}}}feature", {"var": feature})
        return result(iq, query)

    def _items(self, _session: Session, iq: Element) -> Element:
        node = iq[0].get("node", "")
        query = Element(f"{{{DISCO_ITEMS}}}query", {"node": node} if node else {})
        if node:
            # The server has no commands, nor anything else below a node.
            return result(iq, query) if node == COMMANDS else error_reply(iq, "item-not-found")
        for jid, name in self._services.items():
            SubElement(query, f"{{{DISCO_ITEMS}}}item", {"jid": jid, "name": name})
        return result(iq, query)

    def _command(self, _session: Session, iq: Element) -> Element:
        return error_reply(iq, "item-not-found")
