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
from vedette.messages.directory import DirectoryAnswer, DirectoryQuestion
from vedette.messages.envelope import Action, Performative
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

    def verifying(self) -> VerifyingKey:
        """Return the key.

        Raises:
            RefusedError: it was enrolled without one.
        """
        if self.key is None:
            raise RefusedError("from", f"{self.jid} was enrolled without a key")
        return self.key


class Peers(Protocol):
    """Looks agents up; the hub does it in its store, others ask the registry."""

    async def of_jid(self, jid: str) -> Peer | None:
        """Return the enrolled agent behind a bare JID, None for a stranger."""
        ...

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return the live agents of a role."""
        ...


class RegistryPeers:
    """Looks agents up by asking the registry over XMPP; its answers are signed."""

    def __init__(self, *, exchange: Exchange, registry: Peer, clock: Clock, agent_name: str) -> None:
        self._exchange = exchange
        self._registry = registry
        self._clock = clock
        self._log = logger("resolve", agent=agent_name)
        self._cache: dict[str, tuple[float, tuple[Peer, ...]]] = {}

    async def of_jid(self, jid: str) -> Peer | None:
        """Return the enrolled agent behind a bare JID, None for a stranger or when nobody answers."""
        if jid == self._registry.jid:
            return self._registry
        found = await self._ask(jid=jid)
        return found[0] if found else None

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return the live agents of a role, none when nobody answers."""
        return await self._ask(role=role)

    async def _ask(self, *, role: Role | None = None, jid: str | None = None) -> tuple[Peer, ...]:
        name = f"role {role}" if role is not None else f"jid {jid}"
        now = self._clock.monotonic()
        known = self._cache.get(name)
        if known is not None and known[0] > now:
            return known[1]
        answer = await self._fetch(DirectoryQuestion(role=role, jid=jid, nonce=secrets.token_hex(16)))
        if answer is None:
            return ()
        if len(self._cache) >= CACHE_LIMIT:
            self._cache.clear()
        # An empty answer about a role is asked again soon: an engine may be coming up right now.
        self._cache[name] = (now + (KEPT_FOR if answer else 1.0), answer)
        return answer

    async def _fetch(self, question: DirectoryQuestion) -> tuple[Peer, ...] | None:
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
            return tuple(
                Peer(jid=e.jid, role=e.role, key=VerifyingKey.from_text(e.public_key), show=e.show)
                for e in answer.agents
            )
        except RefusedError as error:
            self._log.warning("the registry's answer is refused", reason=str(error))
            return None
