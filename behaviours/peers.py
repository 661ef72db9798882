"""Who the others are: enrolled role and key of a JID, asked from the registry and kept for a while."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol

from behaviours.exchange import Exchange, compose
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.log import logger
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.card import Role
from vedette.messages.directory import DirectoryAnswer, DirectoryEntry, DirectoryQuestion
from vedette.messages.envelope import Action, Performative
from vedette.people.person import Person
from vedette.sealing.keys import SealingKey
from vedette.signing import VerifyingKey

KEPT_FOR = 15.0
"""Seconds that an answer is believed: a revocation reaches every agent in that time."""

CACHE_LIMIT = 1000
"""Answers kept: a flood of invented senders must not fill the memory."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """An enrolled agent as others need it."""

    jid: str
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    key: VerifyingKey | None
    """Verifies what it signs; None for an account that only sends unsigned items."""
    show: str = "unknown"
    """Presence, as the registry knows it."""
    unsigned: bool = False
    """Whether bare SCANDALE messages are accepted from it."""
    sealing_key: SealingKey | None = None
    """What is sealed to it is sealed with this; None: it opens no sealed items, or nobody asked for its card."""

    def verifying(self) -> VerifyingKey:
        """Return the key.

        Raises:
            RefusedError: it was enrolled without one.
        """
        if self.key is None:
            raise RefusedError("from", f"{self.jid} was enrolled without a key")
        return self.key


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the registry says of a question; nobody and nothing where it knows none."""

    peers: tuple[Peer, ...] = ()
    """The agents."""
    person: Person | None = None
    """The person."""


class Peers(Protocol):
    """Looks agents and people up; the hub does it in its store, others ask the registry."""

    async def of_jid(self, jid: str) -> Peer | None:
        """Return the enrolled agent behind a bare JID, None for a stranger."""
        ...

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return the live agents of a role."""
        ...

    async def who(self, jid: str) -> Known | None:
        """Return which agent or person is behind a bare JID; None when nobody could be asked."""
        ...

    def forget(self) -> None:
        """Believe no earlier answer any more: the registry may know better now."""
        ...


class RegistryPeers:
    """Looks agents up by asking the registry over XMPP; its answers are signed."""

    def __init__(self, *, exchange: Exchange, registry: Peer, clock: Clock, agent_name: str) -> None:
        self._exchange = exchange
        self._registry = registry
        self._clock = clock
        self._log = logger("resolve", agent=agent_name)
        self._cache: dict[str, tuple[float, Known]] = {}

    async def of_jid(self, jid: str) -> Peer | None:
        """Return the enrolled agent behind a bare JID, None for a stranger or when nobody answers."""
        if jid == self._registry.jid:
            return self._registry
        found = await self._ask(jid=jid)
        return found.peers[0] if found is not None and found.peers else None

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return the live agents of a role, none when nobody answers."""
        found = await self._ask(role=role)
        return () if found is None else found.peers

    async def who(self, jid: str) -> Known | None:
        """Return which agent or person is behind a bare JID; None when the registry does not answer."""
        return Known(peers=(self._registry,)) if jid == self._registry.jid else await self._ask(jid=jid)

    def forget(self) -> None:
        """Ask again the next time."""
        self._cache.clear()

    async def _ask(self, *, role: Role | None = None, jid: str | None = None) -> Known | None:
        name = f"role {role}" if role is not None else f"jid {jid}"
        now = self._clock.monotonic()
        known = self._cache.get(name)
        if known is not None and known[0] > now:
            return known[1]
        answer = await self._fetch(DirectoryQuestion(role=role, jid=jid, nonce=secrets.token_hex(16)))
        if answer is None:
            return None
        if len(self._cache) >= CACHE_LIMIT:
            self._cache.clear()
        # An empty answer about a role is asked again soon: an engine may be coming up right now.
        self._cache[name] = (now + (KEPT_FOR if answer != Known() else 1.0), answer)
        return answer

    async def _fetch(self, question: DirectoryQuestion) -> Known | None:
        message = compose(
            to=self._registry.jid,
            performative=Performative.REQUEST,
            action=Action.RESOLVE,
            value=question.model_dump(mode="json"),
            conversation=question.nonce,
        )
        incoming = await self._exchange.ask(message, time_limit=5.0)
        if incoming is None or incoming.performative is not Performative.INFORM:
            return None
        try:
            signed = parse_model(Signed, incoming.value())
            answer = open_signed(DirectoryAnswer, signed, self._registry.verifying())
            if answer.nonce != question.nonce:
                raise RefusedError("nonce", "is not the one that was asked with")
            people = [Person(jid=e.jid, role=e.role) for e in answer.people if e.jid == question.jid]
            peers = [_peer(entry) for entry in answer.agents]
            return Known(peers=tuple(peers), person=people[0] if people else None)
        except RefusedError as error:
            self._log.warning("the registry's answer is refused", reason=str(error))
            return None


def _peer(entry: DirectoryEntry) -> Peer:
    return Peer(
        jid=entry.jid,
        role=entry.role,
        key=VerifyingKey.from_text(entry.public_key),
        show=entry.show,
        sealing_key=SealingKey.from_text(entry.sealing_key) if entry.sealing_key else None,
    )
