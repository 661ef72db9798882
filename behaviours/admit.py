"""The registry's desk: registrations, signs of life, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, refusal, reply
from behaviours.peers import Known, Peer
from behaviours.presence import WatchPresence
from behaviours.supervised import SupervisedBehaviour
from registry.directory import AgentEntry, Directory, Enrolled, ReplayedCardError
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.messages.batch import Signed, parse_model
from vedette.messages.card import Heartbeat, Role
from vedette.messages.directory import DirectoryAnswer, DirectoryEntry, DirectoryQuestion, PersonEntry
from vedette.messages.envelope import Action, Performative
from vedette.people.person import People
from vedette.sealing.keys import SealingKey
from vedette.signing import SigningKey, VerifyingKey

ANSWERED_AT_MOST = 1000
"""Agents in one answer."""


class DirectoryPeers:
    """Looks agents up in the directory itself: for the agents of the hub."""

    def __init__(self, *, directory: Directory, people: People | None = None) -> None:
        self._directory = directory
        self._people = People() if people is None else people

    async def of_jid(self, jid: str) -> Peer | None:
        """Return the enrolled agent behind a bare JID, None for a stranger."""
        entry = await self._directory.find(jid)
        return None if entry is None else _peer(entry)

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return the live agents of a role."""
        return tuple([_peer(entry) for entry in await self._directory.live(role)])

    async def who(self, jid: str) -> Known | None:
        """Return which agent or person is behind a bare JID."""
        peer = await self.of_jid(jid)
        return Known(peers=() if peer is None else (peer,), person=self._people.find(jid))

    def forget(self) -> None:
        """Do nothing: the directory itself notices changes."""


def _peer(entry: Enrolled | AgentEntry) -> Peer:
    sealing_key = entry.sealing_key if isinstance(entry, AgentEntry) else ""
    return Peer(
        jid=entry.jid,
        role=entry.role,
        key=None if entry.public_key is None else VerifyingKey.from_text(entry.public_key),
        unsigned=isinstance(entry, Enrolled) and entry.unsigned_allowed,
        sealing_key=SealingKey.from_text(sealing_key) if sealing_key else None,
    )


class Admit(SupervisedBehaviour):
    """Accepts cards of enrolled agents, notes signs of life, answers who is who."""

    name: ClassVar[str] = "admit"
    accepts: ClassVar = frozenset(
        {
            (Performative.REQUEST, Action.REGISTER),
            (Performative.INFORM, Action.HEARTBEAT),
            (Performative.REQUEST, Action.RESOLVE),
        }
    )

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        exchange: Exchange,
        directory: Directory,
        watch: WatchPresence,
        key: SigningKey,
        people: People | None = None,
        has_ended: Callable[[str], bool] = lambda full_jid: False,
    ) -> None:
        """Make it.

        Args:
            clock: what tells the time.
            agent_name: whose log lines they are.
            exchange: what answers go through.
            directory: who is enrolled.
            watch: who is told of signs of life.
            key: what answers are signed with.
            people: who is allowed, of people.
            has_ended: tells whether the session of a full JID ended, which its last message may come after.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._has_ended = has_ended
        self._exchange = exchange
        self._directory = directory
        self._watch = watch
        self._key = key
        self._people = People() if people is None else people

    async def run(self) -> None:
        """Handle one message."""
        message = await self.take()
        if message is None:
            return
        try:
            await self._handle(message)
        except RefusedError as error:
            self.counters["refused"] += 1
            self.warn_once("refused", message.sender, str(error), peer=message.sender, reason=str(error))
            self._exchange.send(refusal(message, error))

    async def _handle(self, message: Incoming) -> None:
        if message.action is Action.REGISTER:
            await self._register(message)
        elif message.action is Action.HEARTBEAT:
            beat = parse_model(Heartbeat, message.value())
            if self._is_late(message):
                return
            self._watch.heard(message.sender, show=beat.show, status=beat.status, cause="heartbeat")
            self._watch.reported(message.sender, beat)
            self.counters["heartbeats"] += 1
        else:
            await self._resolve(message)

    async def _register(self, message: Incoming) -> None:
        try:
            card = await self._directory.register(message.sender, parse_model(Signed, message.value()))
        except ReplayedCardError as error:
            # An agent whose clock was set back learns how to go on, instead of being refused until it has caught up.
            self.counters["replayed cards"] += 1
            answer = {"field": error.field, "reason": error.reason, "newest": error.newest}
            self._exchange.send(reply(message, Performative.REFUSE, answer))
            return
        if not self._is_late(message):
            self._watch.registered(message.sender)
        self._exchange.send(reply(message, Performative.AGREE, {"registered": card.jid}))
        self.counters["registered"] += 1
        self.log.info("registered", peer=card.jid, role=card.role.value)

    def _is_late(self, message: Incoming) -> bool:
        """Tell whether a message waited here while its sender's session ended: presence is not put in a queue."""
        if not self._has_ended(message.full_sender):
            return False
        self.counters["late"] += 1
        return True

    async def _resolve(self, message: Incoming) -> None:
        question = parse_model(DirectoryQuestion, message.value())
        person = None if question.jid is None else self._people.find(question.jid)
        if question.role is not None:
            found = await self._directory.live(question.role)
        elif person is not None:
            found = []
        else:
            found = [entry for entry in await self._directory.agents() if entry.jid == question.jid]
        answer = DirectoryAnswer(
            nonce=question.nonce,
            at=self.clock.now(),
            agents=[
                DirectoryEntry(
                    jid=entry.jid,
                    role=entry.role,
                    public_key=entry.public_key,
                    show=entry.show,
                    sealing_key=entry.sealing_key,
                )
                for entry in found[:ANSWERED_AT_MOST]
                if entry.public_key is not None
            ],
            people=[] if person is None else [PersonEntry(jid=person.jid, role=person.role)],
        )
        sealed = Signed.seal(answer, self._key)
        self._exchange.send(reply(message, Performative.INFORM, sealed.model_dump()))
        self.counters["answered"] += 1
