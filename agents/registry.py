"""The registry agent: who is who, who is there, since when and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from agents.base import BaseAgent
from agents.contacts import PresenceStanza
from agents.identity import Identity
from behaviours.admit import Admit
from behaviours.clocks_panel import clocks_panel
from behaviours.launch import LaunchJobAgents, Slot
from behaviours.peers import Peers
from behaviours.presence import Change, WatchPresence
from behaviours.prune_output import PruneOutput
from behaviours.repair import WatchRepairs
from behaviours.replica_panel import replica_panel
from behaviours.schedule import RunSchedules
from behaviours.serve_jobs import ServeJobs
from behaviours.sign_heads import SignHeads
from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.directory import Directory, ReplayedCardError
from registry.heads import SignedHeads
from registry.jobs import Jobs, Taker
from registry.repair_watch import RepairWatch
from registry.replica_lag import ReplicaState
from vedette.clock import Clock
from vedette.jobs.scope import ScopePolicy
from vedette.messages.batch import Signed
from vedette.messages.state import Panel
from vedette.people.contacts import Contact, exchange_element, in_words
from vedette.people.conversations import Command
from vedette.people.discovery import Named
from vedette.people.person import People, Person


class RegistryAgent(BaseAgent):
    """Keeps the directory: registrations and presence, both ways."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        peers: Peers,
        directory: Directory,
        changed: Callable[[str, str], None],
        heads: SignedHeads | None = None,
        alarms: Alarms | None = None,
        jobs: Jobs | None = None,
        scope: ScopePolicy | None = None,
        slots: Sequence[Slot] = (),
        pruning: PruneOutput | None = None,
        scheduling: RunSchedules | None = None,
        people: People | None = None,
        desk: Sequence[Command] = (),
        repairs: RepairWatch | None = None,
        repairs_changed: Callable[[], None] = lambda: None,
        replica: Callable[[], ReplicaState] | None = None,
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
    ) -> None:
        self._hub_peers = peers
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self._directory = directory
        self._desk = desk
        self._greeting: set[asyncio.Task[None]] = set()
        self._on_change = changed
        self._replica = replica
        self.watching = WatchPresence(
            clock=clock,
            agent_name=identity.name,
            watcher=identity.jid,
            directory=directory,
            changed=self._presence_noted,
            clocks=None if repairs is None else repairs.clocks,
        )
        self.admitting = Admit(
            clock=clock,
            agent_name=identity.name,
            exchange=self,
            directory=directory,
            watch=self.watching,
            key=identity.key,
            people=people,
            has_ended=self.contacts.has_ended,
        )
        self.signing: SignHeads | None = None
        if heads is not None and alarms is not None:
            self.signing = SignHeads(
                clock=clock, registry=identity.jid, exchange=self, heads=heads, alarms=alarms, key=identity.key
            )

        self.repairing: WatchRepairs | None = None
        if repairs is not None:
            self.repairing = WatchRepairs(
                clock=clock, agent_name=identity.name, watch=repairs, changed=repairs_changed
            )
        self._jobs = jobs
        self.pruning = pruning
        self.scheduling = scheduling
        self.serving: ServeJobs | None = None
        self.launching: LaunchJobAgents | None = None
        if jobs is not None:
            self.serving = ServeJobs(
                clock=clock,
                agent_name=identity.name,
                exchange=self,
                peers=peers,
                jobs=jobs,
                policy=scope or ScopePolicy(),
                key=identity.key,
            )
            if slots:
                self.launching = LaunchJobAgents(
                    clock=clock, agent_name=identity.name, slots=slots, demand=self._demand
                )

    async def start(self, auto_register: bool = False) -> None:
        """Forget what was true before, start, and enter itself into the directory.

        Raises:
            ConnectionFailedError: the server cannot be reached, trusted or refuses the account.
        """
        await self._directory.forget_presence(cause="registry started")
        await super().start(auto_register)
        await self._register_itself()
        self._see_itself()

    async def stop(self) -> None:
        """Say in the directory that nobody watches any more, then stop."""
        await super().stop()
        await self._directory.forget_presence(cause="registry stopped")

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return what admits, watches, signs heads, and schedules, serves, launches and prunes jobs."""
        optional = (self.signing, self.serving, self.launching, self.pruning, self.scheduling, self.repairing)
        return [self.admitting, self.watching, *(one for one in optional if one is not None)]

    def commands(self) -> list[Command]:
        """Return what people may have the fleet do."""
        return [*self._desk, *super().commands()]

    async def fleet(self) -> Sequence[Named]:
        """Return the fleet's agents: they are found below the registry."""
        return [
            Named(jid=self.contacts.address(entry.jid), name=f"{entry.jid.partition('@')[0]} ({entry.role.value})")
            for entry in await self._directory.agents()
        ]

    def welcome(self, person: Person) -> None:
        """Offer the fleet as contacts to who sees the registry from now on."""
        task = asyncio.create_task(self._offer_contacts(person), name="contacts for a person")
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)

    def panels(self) -> list[Panel]:
        """Return where the logs stand, the jobs, the store's replica, and how the agents' clocks stand."""
        parts = (self.signing, self.serving, self.launching, self.scheduling)
        panels = [one.panel() for one in parts if one is not None]
        if self._replica is not None:
            panels.append(replica_panel(self._replica()))
        return [*panels, clocks_panel(self.watching.clocks)]

    def presence_changed(self, presence: PresenceStanza) -> None:
        """Record what a presence stanza says."""
        self.watching.heard(presence.jid, show=presence.show, status=presence.status, cause="presence")

    async def _offer_contacts(self, person: Person) -> None:
        agents = await self._directory.agents()
        contacts = [
            Contact(jid=entry.jid, role=entry.role.value) for entry in agents if entry.jid != self.identity.jid
        ]
        if contacts and self.online:
            message = self.client.make_message(mto=person.jid, mbody=in_words(contacts), mtype="chat")
            message.append(exchange_element(contacts))
            message.send()

    async def _demand(self) -> int | None:
        """Return how many job agents of this machine would find work."""
        if self._jobs is None:
            return None
        taker = Taker(jid="", life="", launcher=self.identity.jid, place=self.place)
        return sum(await self._jobs.due(taker)) + await self._jobs.active()

    def _make_peers(self) -> Peers:
        return self._hub_peers

    def _presence_noted(self, change: Change) -> None:
        if change.jid != self.identity.jid and change.show != "gone":
            self.subscribe_to(change.jid)
        self.contacts.note_presence(change.jid, change.show, change.status, self.clock.now())
        self._on_change(change.jid, change.show)

    async def _register_itself(self) -> None:
        card = self.card()
        try:
            await self._directory.register(self.identity.jid, Signed.seal(card, self.identity.key))
        except ReplayedCardError as error:
            # The clock was set back since the last card: order is what counts.
            newer = card.model_copy(update={"signed_at": error.newest + 1})
            await self._directory.register(self.identity.jid, Signed.seal(newer, self.identity.key))

    def _see_itself(self) -> None:
        self.watching.heard(self.identity.jid, show="available", status="", cause="registered")
