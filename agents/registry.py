"""The registry agent: who is who, who is there, since when and why."""

from __future__ import annotations

from collections.abc import Callable

from agents.base import BaseAgent
from agents.contacts import PresenceStanza
from agents.identity import Identity
from behaviours.admit import Admit
from behaviours.peers import Peers
from behaviours.presence import Change, WatchPresence
from behaviours.supervised import SupervisedBehaviour
from registry.directory import Directory, ReplayedCardError
from vedette.clock import Clock
from vedette.messages.batch import Signed


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
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
    ) -> None:
        self._hub_peers = peers
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self._directory = directory
        self._on_change = changed
        self.watching = WatchPresence(
            clock=clock,
            agent_name=identity.name,
            watcher=identity.jid,
            directory=directory,
            changed=self._presence_noted,
        )
        self.admitting = Admit(
            clock=clock,
            agent_name=identity.name,
            exchange=self,
            directory=directory,
            watch=self.watching,
            key=identity.key,
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
        """Return admit and watch presence."""
        return [self.admitting, self.watching]

    def presence_changed(self, presence: PresenceStanza) -> None:
        """Record what a presence stanza says."""
        self.watching.heard(presence.jid, show=presence.show, status=presence.status, cause="presence")

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
