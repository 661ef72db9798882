"""Where each stanza goes (RFC 6121 section 8, RFC 6120 section 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

from ejabberd.embedded.address import Address
from ejabberd.embedded.presence import Presence
from ejabberd.embedded.queries import ServerQueries
from ejabberd.embedded.roster import Rosters
from ejabberd.embedded.sessions import Session, Sessions
from ejabberd.embedded.stanza import CLIENT, error_reply
from vedette.errors import RefusedError

MESSAGE, PRESENCE, IQ = (f"{{{CLIENT}}}{name}" for name in ("message", "presence", "iq"))


class Service(Protocol):
    """Something with an address of its own that answers iq stanzas: publish-subscribe."""

    def answer(self, session: Session, iq: Element) -> Element | None:
        """Return the answer to an iq of type get or set."""
        ...


class Router:
    """The heart of the embedded server: one domain, its sessions, and no other server in the world."""

    def __init__(self, *, domain: str, rosters: Rosters, exists: Callable[[Address], bool]) -> None:
        self.domain = Address(user="", domain=domain)
        """The server's own address."""
        self.sessions = Sessions()
        """Everybody who is connected."""
        self.presence = Presence(sessions=self.sessions, rosters=rosters, exists=exists)
        """Subscriptions and who is available."""
        self._services: dict[Address, Service] = {}
        self._names: dict[str, str] = {}
        self._queries = ServerQueries(rosters=rosters, presence=self.presence, services=self._names)

    def attach(self, address: Address, name: str, service: Service) -> None:
        """Give a service its address; it is listed in discovery under `name`."""
        self._services[address] = service
        self._names[str(address)] = name

    def bind(self, session: Session) -> None:
        """Take in a session; one with the same full address is ended with a conflict."""
        old = self.sessions.add(session)
        if old is not None:
            self.presence.gone(old)
            old.end("conflict")

    def gone(self, session: Session) -> None:
        """Take a session out when its connection is gone; watchers learn it at once."""
        if self.sessions.remove(session):
            self.presence.gone(session)

    def handle(self, session: Session, stanza: Element) -> None:
        """Deliver or answer one stanza of the session.

        Raises:
            RefusedError: it is no stanza at all (RFC 6120 section 4.9.3.24).
        """
        # Whatever it claims, a stanza is from who logged in (RFC 6120 section 8.1.2.1).
        stanza.set("from", str(session.address))
        text = stanza.get("to")
        try:
            to = Address.parse(text) if text is not None else None
        except RefusedError:
            if stanza.get("type") not in {"error", "result"}:
                session.send(error_reply(stanza, "jid-malformed", sender=str(self.domain)))
            return
        if stanza.tag == MESSAGE:
            self._message(session, stanza, to or session.address.bare)
        elif stanza.tag == IQ:
            self._iq(session, stanza, to)
        elif stanza.tag == PRESENCE:
            self._presence(session, stanza, to)
        else:
            raise RefusedError("stanza", "is neither message, presence nor iq")

    def _message(self, session: Session, stanza: Element, to: Address) -> None:
        if to.domain != self.domain.domain:
            self._refuse(session, stanza, "remote-server-not-found")
            return
        # Nothing is kept for who is away: Vedette's delivery sends again, in order, what was not confirmed.
        for receiver in self._receivers(to):
            receiver.send(stanza)

    def _receivers(self, to: Address) -> list[Session]:
        if to.resource:
            return self.sessions.at(to)
        ready = [session for session in self.sessions.available(to) if session.priority >= 0]
        highest = max((session.priority for session in ready), default=0)
        return [session for session in ready if session.priority == highest]

    def _iq(self, session: Session, stanza: Element, to: Address | None) -> None:
        service = self._services.get(to.bare) if to else None
        if to is None or to in {self.domain, session.address.bare}:
            reply = self._queries.answer(session, stanza)
        elif service is not None:
            reply = service.answer(session, stanza) if stanza.get("type") in {"get", "set"} else None
        elif to.domain != self.domain.domain:
            self._refuse(session, stanza, "remote-server-not-found")
            return
        else:
            self._pass_on(session, stanza, to)
            return
        if reply is not None:
            session.send(reply)

    def _pass_on(self, session: Session, stanza: Element, to: Address) -> None:
        receivers = self.sessions.at(to) if to.resource else []
        for receiver in receivers:
            receiver.send(stanza)
        if not receivers:
            self._refuse(session, stanza, "service-unavailable")

    def _presence(self, session: Session, stanza: Element, to: Address | None) -> None:
        if to is None or (to.domain == self.domain.domain and to.user):
            self.presence.handle(session, stanza, to)

    @staticmethod
    def _refuse(session: Session, stanza: Element, condition: str) -> None:
        # An error is never answered by an error (RFC 6120 section 8.3.1).
        if stanza.get("type") not in {"error", "result"}:
            session.send(error_reply(stanza, condition))
