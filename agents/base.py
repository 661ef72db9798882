"""What every agent has and SPADE lacks.

A verified connection that comes back, supervised behaviours, admission of enrolled peers only, presence
that is true, a page of its own, and a clean stop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import spade
from slixmpp.xmlstream.xmlstream import NotConnectedError
from spade.message import Message

from agents.admission import Admission
from agents.connection import PRIORITY, Connection
from agents.contacts import Contacts, PresenceStanza, read_presence
from agents.followers import Followers
from agents.identity import Identity
from agents.message_log import MessageLog
from agents.queries import query_of
from agents.questions import OpenQuestions
from behaviours.control import ObeyOrders
from behaviours.exchange import Incoming, read
from behaviours.peers import Peer, Peers, RegistryPeers
from behaviours.people import QUERIES, ServePeople
from behaviours.people_state import TellState
from behaviours.register import Register
from behaviours.state import AnswerState
from behaviours.supervised import SupervisedBehaviour
from vedette import __version__
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.log import logger
from vedette.messages.card import Card, Heartbeat
from vedette.messages.state import AgentState, CheckState, Panel, PresenceState
from vedette.people.conversations import Command
from vedette.people.discovery import Named, Nature
from vedette.people.forms import clean
from vedette.people.person import Person
from vedette.sealing.keys import SealingKeys
from web.agent_view import AgentView


class BaseAgent(spade.agent.Agent):
    """An agent: a short list of behaviours over one connection, with its own HTML view."""

    def __init__(
        self, *, identity: Identity, clock: Clock, view_port: int | None = 0, place: str = "", patience: float = 10.0
    ) -> None:
        policy = asyncio.get_event_loop_policy()
        super().__init__(identity.jid, identity.password, port=identity.server.port, verify_security=True)
        # SPADE's container sets uvloop's policy while another loop runs, which could start no command then (3.11).
        asyncio.set_event_loop_policy(policy)
        self.identity = identity
        self.clock = clock
        self.log = logger("agent", agent=identity.name)
        self.place = place
        self.counters: Counter[str] = Counter()
        self.contacts = Contacts()
        self.started_at = clock.now()
        self.sealing: SealingKeys | None = None
        """Opens what is delivered to it sealed; None: nothing is."""
        self.view = None if view_port is None else AgentView(state=self.state, port=view_port)
        self._patience = patience
        self._own_presence = PresenceState(show="unknown", since=self.started_at)
        self.messages = MessageLog(clock=clock)
        self._questions = OpenQuestions(send=self.send)
        self._subscribed: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.connection = Connection(
            jid=identity.jid,
            password=identity.password,
            server=identity.server,
            log=self.log,
            on_session=self._on_session,
            on_lost=self._on_lost,
        )
        self.connection.client.add_event_handler("message", self._on_message)
        self.connection.on_presence(self._on_presence)
        self.peers: Peers = self._make_peers()
        self.admission = Admission(
            doors=self, behaviours=lambda: self.behaviours, messages=self.messages, log=self.log
        )
        self._nature = Nature(role=identity.role.value)
        self.followers = Followers(
            peers=self.peers,
            contacts=self.connection.followers,
            refuse=lambda jid: self.send_subscription(jid, allowed=False),
            counters=self.counters,
            log=self.log,
        )

    # What an agent of a role defines -------------------------------------------------

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return the behaviours that make the role."""
        return []

    def registering(self) -> SupervisedBehaviour:
        """Return the behaviour that registers this agent and gives signs of life."""
        return Register(
            clock=self.clock,
            agent_name=self.identity.name,
            exchange=self,
            registry=self.identity.registry.jid,
            key=self.identity.key,
            card=self.card,
            heartbeat=self.heartbeat,
        )

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life, with the presence that the agent has."""
        show = self._own_presence.show
        known = show if show in ("available", "away", "dnd") else "available"
        return Heartbeat.model_validate({"show": known, "status": self._own_presence.status})

    def capabilities(self) -> list[str]:
        """Return what the card says the agent can do."""
        return []

    def panels(self) -> list[Panel]:
        """Return the tables that the role adds to the agent's page."""
        return []

    def checks(self) -> list[CheckState]:
        """Return what the agent looks at again and again by itself."""
        return []

    def notes(self) -> list[str]:
        """Return what a reader of the page must know."""
        return []

    def commands(self) -> list[Command]:
        """Return what people may have the agent do."""
        return [TellState(self.state)]

    def serving_people(self) -> ServePeople:
        """Return the behaviour that answers people."""
        return ServePeople(
            clock=self.clock,
            jid=self.identity.jid,
            nature=self._nature,
            peers=self.peers,
            commands=self.commands(),
            fleet=self.fleet,
        )

    async def fleet(self) -> Sequence[Named]:
        """Return whom people find below this agent."""
        return ()

    def welcome(self, person: Person) -> None:
        """Called when a person may see our presence from now on."""

    def _make_peers(self) -> Peers:
        return RegistryPeers(
            exchange=self, registry=self.identity.registry, clock=self.clock, agent_name=self.identity.name
        )

    # Life ----------------------------------------------------------------------------

    async def start(self, auto_register: bool = False) -> None:
        """Connect, start the behaviours and the page.

        Raises:
            ConnectionFailedError: the server cannot be reached, trusted or refuses the account, or
                the port of the page is taken.
        """
        self.client = self.connection.client
        answer = AnswerState(clock=self.clock, agent_name=self.identity.name, exchange=self, state=self.state)
        people = self.serving_people()
        self.connection.on_query(QUERIES, lambda iq: people.ask(query_of(iq)))
        behaviours = [*self.compose_behaviours(), answer, people]
        if self.view is not None:
            await self.view.start()
        await self.connection.open(patience=self._patience)
        for behaviour in behaviours:
            self.add_behaviour(behaviour)
        self._alive.set()
        for behaviour in behaviours:
            behaviour.start()
        self._tasks = [
            asyncio.create_task(self.connection.keep(), name="connection"),
            asyncio.create_task(self.admission.admit_messages(), name="admission of messages"),
            asyncio.create_task(self.admission.admit_subscriptions(), name="admission of subscriptions"),
            asyncio.create_task(self.followers.keep(), name="review of followers"),
        ]
        self.log.info("agent is up", jid=self.identity.jid, role=self.identity.role.value, view=self.address)

    async def stop(self) -> None:
        """Stop the behaviours, say goodbye, close the connection and the page."""
        behaviours: list[SupervisedBehaviour] = list(self.behaviours)
        for behaviour in behaviours:
            behaviour.kill()
        for behaviour in behaviours:
            await behaviour.ended()
        # More than once: before Python 3.12 wait_for can swallow a cancellation (python/cpython#86296).
        while running := [task for task in self._tasks if not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=0.5)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.connection.online:
            self.client.send_presence(ptype="unavailable", pstatus="stopped")
        await self.connection.close()
        if self.view is not None:
            await self.view.stop()
        self.behaviours.clear()
        self.container.unregister(self.identity.jid)
        self._alive.clear()
        self.log.info("agent stopped")

    @property
    def address(self) -> str:
        """URL of the agent's own page, empty where it has none."""
        return "" if self.view is None else self.view.url

    @property
    def session(self) -> int:
        """Number of the present session; changes at each reconnection."""
        return self.connection.session

    @property
    def online(self) -> bool:
        """Whether there is a session with the server now."""
        return self.connection.online

    # Talking -------------------------------------------------------------------------

    def send(self, message: Message) -> bool:
        """Hand a message to the server; False when there is no session, and nothing was sent."""
        if not self.online:
            return False
        message.sender = self.identity.jid
        try:
            message.prepare(self.client).send()
        except NotConnectedError:
            return False
        self.messages.sent(message)
        self.counters["messages out"] += 1
        return True

    async def ask(self, message: Message, *, time_limit: float) -> Incoming | None:
        """Send a message and return the answer in its conversation, None when none comes in time."""
        return await self._questions.ask(message, time_limit=time_limit)

    def set_presence(self, *, show: str = "available", status: str = "") -> None:
        """Say how the agent is: `available`, `away` or `dnd`, and why."""
        # What a tool or a server said may be in it, and could end the stream.
        before, status = self._own_presence, clean(status)
        if (before.show, before.status) != (show, status):
            self._own_presence = PresenceState.model_validate(
                {"show": show, "status": status, "since": self.clock.now()}
            )
            self._send_presence()

    def card(self) -> Card:
        """Return what the agent says of itself."""
        return Card(
            jid=self.identity.jid,
            role=self.identity.role,
            version=__version__,
            public_key=self.identity.key.verifying.text,
            capabilities=self.capabilities(),
            place=self.place,
            started_at=self.started_at,
            signed_at=self.clock.now(),
            view=self.address,
            sealing_key="" if self.sealing is None else self.sealing.current.text,
        )

    def state(self) -> AgentState:
        """Return everything that the agent's page shows."""
        return AgentState(
            jid=self.identity.jid,
            role=self.identity.role.value,
            software=__version__,
            place=self.place,
            fingerprint=self.identity.key.verifying.fingerprint,
            server=str(self.connection.server),
            started_at=self.started_at,
            now=self.clock.now(),
            presence=self._own_presence,
            counters=dict(self.counters),
            notes=self.notes(),
            behaviours=[behaviour.state() for behaviour in self.behaviours],
            messages=self.messages.states(),
            contacts=self.contacts.states(),
            panels=self.panels(),
            checks=self.checks(),
            last_order_at=max((one.newest for one in self.behaviours if isinstance(one, ObeyOrders)), default=0),
        )

    def described(self) -> dict[str, str]:
        """Return what whoever started the process shows of it: JID, role and address of its page."""
        return {"jid": self.identity.jid, "role": self.identity.role.value, "view": self.address}

    def show_presence_to(self, jid: str) -> None:
        """Show our presence to `jid`, subscribed or not; the server tells it our end, too (RFC 6121 section 4.6)."""
        self._send_presence(jid)

    def subscribe_to(self, jid: str) -> None:
        """Ask to see the presence of `jid`, once a session."""
        if jid not in self._subscribed and self.online:
            self._subscribed.add(jid)
            self.client.send_presence(pto=jid, ptype="subscribe")

    # What the connection calls -------------------------------------------------------

    def _on_session(self) -> None:
        self._subscribed.clear()
        if self._own_presence.show in ("unknown", "gone"):
            self._own_presence = PresenceState(show="available", since=self.clock.now())
        self._send_presence()
        self.client.get_roster(callback=lambda _: self.followers.review())
        if self.identity.registry.jid != self.identity.jid:
            self.subscribe_to(self.identity.registry.jid)

    def _on_lost(self, reason: str) -> None:
        self.counters["connections lost"] += 1
        self.log.warning("connection lost", server=str(self.connection.server), reason=reason)
        self._own_presence = PresenceState(show="unknown", status="not connected", since=self.clock.now())
        self.contacts.all_unknown(self.clock.now())

    def _send_presence(self, to: str | None = None) -> None:
        if self.online:
            show = self._own_presence.show
            presence = self.client.make_presence(
                pshow=None if show == "available" else show,
                pstatus=self._own_presence.status,
                ppriority=PRIORITY,
                pto=to,
            )
            presence.append(self._nature.caps())
            presence.send()

    def _on_message(self, stanza: Any) -> None:
        message = Message.from_node(stanza)
        question = self._questions.answered_by(message)
        if question is not None:
            self._answered(message, question)
            return
        self.counters["messages in"] += 1
        self.admission.take(message)

    def _answered(self, message: Message, future: asyncio.Future[Incoming]) -> None:
        self.counters["messages in"] += 1
        self.messages.received(message)
        try:
            answer = read(message)
        except RefusedError as error:
            self.admission.refused(str(message.sender.bare), error)
            return
        if not future.done():
            future.set_result(answer)

    # Presence ------------------------------------------------------------------------

    def _on_presence(self, stanza: Any) -> None:
        presence = read_presence(stanza)
        if presence.jid == self.identity.jid:
            return
        if presence.kind == "subscribe":
            self.admission.take_subscription(presence.jid)
        elif presence.kind in ("available", "unavailable"):
            changed = self.contacts.hear(presence, self.clock.now())
            if changed is not None:
                self._registry_came(changed)
                self.presence_changed(changed)

    def _registry_came(self, presence: PresenceStanza) -> None:
        """Review who sees us when the registry comes back: it may have another allow-list now."""
        if presence.jid == self.identity.registry.jid and presence.show != "gone":
            self.peers.forget()
            self.followers.review()

    def presence_changed(self, presence: PresenceStanza) -> None:
        """Called when a contact's presence is another than before; the registry records it."""

    def send_subscription(self, jid: str, *, allowed: bool) -> None:
        """Let somebody see our presence, or refuse it (RFC 6121 section 3.1)."""
        if self.online:
            self.client.send_presence(pto=jid, ptype="subscribed" if allowed else "unsubscribed")

    def note_peer(self, peer: Peer) -> None:
        """Remember the enrolled role of who spoke to us."""
        self.contacts.note_role(peer.jid, peer.role.value)
