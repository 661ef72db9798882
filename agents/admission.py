"""Letting messages and subscriptions in: enrolled peers only, in their role, and never more than fit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from spade.message import Message

from agents.message_log import MessageLog
from behaviours.exchange import Incoming, read, refusal, reply
from behaviours.peers import Known, Peer, Peers
from behaviours.supervised import SupervisedBehaviour
from vedette.errors import RefusedError, VedetteError
from vedette.log import Logger
from vedette.messages.card import check_role
from vedette.messages.envelope import Action, Performative
from vedette.people.person import Person

INBOX = 256
"""Messages or subscriptions that wait to be admitted; more are dropped, counted, and tried again by their senders."""

REFUSALS_LOGGED = 1000
"""Different refusals that are logged once each; the rest is only counted."""


class Doors(Protocol):
    """What admission needs of the agent."""

    peers: Peers
    counters: Counter[str]

    def send(self, message: Message) -> bool:
        """Hand a message to the server."""
        ...

    def send_subscription(self, jid: str, *, allowed: bool) -> None:
        """Answer a subscription."""
        ...

    def note_peer(self, peer: Peer) -> None:
        """Remember an enrolled peer that spoke."""
        ...

    def welcome(self, person: Person) -> None:
        """Greet a person who may see our presence from now on."""
        ...


class Admission:
    """The one way into an agent: what passes goes to the behaviours that accept it."""

    def __init__(
        self,
        *,
        doors: Doors,
        behaviours: Callable[[], Iterable[SupervisedBehaviour]],
        messages: MessageLog,
        log: Logger,
    ) -> None:
        self._doors = doors
        self._behaviours = behaviours
        self._messages = messages
        self._log = log
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(INBOX)
        self._subscribers: asyncio.Queue[str] = asyncio.Queue(INBOX)
        self._logged: set[tuple[str, str]] = set()

    def take(self, message: Message) -> None:
        """Put a message before the door; dropped and counted when too many wait."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._doors.counters["dropped"] += 1

    def take_subscription(self, jid: str) -> None:
        """Put a request to see our presence before the door."""
        try:
            self._subscribers.put_nowait(jid)
        except asyncio.QueueFull:
            self._doors.counters["dropped"] += 1

    def refused(self, sender: str, error: VedetteError) -> None:
        """Count a refusal, and log it the first time that it is for this reason."""
        self._doors.counters["refused"] += 1
        key = (sender, str(error))
        if key not in self._logged and len(self._logged) < REFUSALS_LOGGED:
            self._logged.add(key)
            self._log.warning("refused", peer=sender, reason=str(error))

    async def admit_messages(self) -> None:
        """Let messages in, one after the other, for ever."""
        while True:
            message = await self._waiting.get()
            try:
                await self._admit(message)
            except Exception as error:  # noqa: BLE001 - logged and counted; one failure must not end the rest
                self._doors.counters["failed"] += 1
                self._log.error("cannot handle a message", peer=str(message.sender.bare), exc_info=error)

    async def admit_subscriptions(self) -> None:
        """Decide who may see our presence, one after the other, for ever."""
        while True:
            jid = await self._subscribers.get()
            try:
                await self._decide(jid)
            except Exception as error:  # noqa: BLE001 - logged and counted; one failure must not end the rest
                self._doors.counters["failed"] += 1
                self._log.error("cannot decide about a subscription", peer=jid, exc_info=error)

    async def _admit(self, message: Message) -> None:
        try:
            incoming = read(message)
            self._doors.note_peer(await self._check(incoming))
        except RefusedError as error:
            self.refused(str(message.sender.bare), error)
            self._messages.received(message, outcome=f"refused: {error}")
            self._answer_refusal(message, error)
            return
        taken = [behaviour.deliver(incoming) for behaviour in self._behaviours() if _accepts(behaviour, incoming)]
        outcome = "" if any(taken) else "dropped: mailbox full" if taken else "nobody here handles it"
        self._messages.received(message, outcome=outcome)
        if not any(taken):
            self._doors.counters["dropped" if taken else "not handled"] += 1
            self._answer_busy(incoming)

    async def _check(self, incoming: Incoming) -> Peer:
        """Return the enrolled peer that a message is from.

        Raises:
            RefusedError: a stranger, or an agent that may not say this in its role.
        """
        peer = await self._doors.peers.of_jid(incoming.sender)
        if peer is None:
            raise RefusedError("from", f"{incoming.sender[:128]} is not enrolled")
        if incoming.action is not None:
            check_role(peer.role, incoming.action)
        elif not peer.unsigned:
            raise RefusedError("from", f"{incoming.sender[:128]} is not enrolled for unsigned messages")
        return peer

    async def _decide(self, jid: str) -> None:
        known = await self._doors.peers.who(jid) or Known()
        if not known.peers and known.person is None:
            self.refused(jid, RefusedError("from", "is not enrolled and may not see our presence"))
        for peer in known.peers[:1]:
            self._doors.note_peer(peer)
        self._doors.send_subscription(jid, allowed=known != Known())
        if known.person is not None:
            self._doors.welcome(known.person)

    def _answer_busy(self, incoming: Incoming) -> None:
        """Tell who delivers that we are busy: it waits a moment instead of for an answer that never comes."""
        if (incoming.performative, incoming.action) == (Performative.INFORM, Action.DELIVER):
            self._doors.send(reply(incoming, Performative.FAILURE, {"reason": "busy, send it again later"}))

    def _answer_refusal(self, message: Message, error: RefusedError) -> None:
        # Only what asked for something is answered: answering answers would make loops.
        if (message.get_metadata("performative") or "") not in ("request", "inform", "subscribe"):
            return
        asked = Incoming(
            sender=str(message.sender.bare),
            full_sender=str(message.sender),
            performative=Performative.REQUEST,
            action=_known_action(message.get_metadata("action")),
            conversation=(message.get_metadata("conversation-id") or "")[:128],
            text="",
            encoding=None,
        )
        self._doors.send(refusal(asked, error))


def _accepts(behaviour: SupervisedBehaviour, incoming: Incoming) -> bool:
    return (incoming.performative, incoming.action) in behaviour.accepts


def _known_action(text: str | None) -> Action:
    try:
        return Action(text or "")
    except ValueError:
        return Action.DELIVER
