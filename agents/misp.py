"""The agent that exports: MISP first, and every other destination of the configuration."""

from __future__ import annotations

from typing import Final

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.export_misp import RunExports, WakeShares, WatchExports
from behaviours.queue_wanted import QueueWanted
from behaviours.supervised import SupervisedBehaviour
from registry.share_waking import ShareWaking
from registry.sharing_making import Sharing
from vedette.clock import Clock
from vedette.configuration.sharing import SharingSection
from vedette.messages.card import Heartbeat
from vedette.messages.state import Panel

PATTERNS: Final = ("#",)
"""Routing keys of the items that it looks at: which ones matter, the shares say."""

AT_ONCE: Final = 3
"""Destinations that are spoken to at the same time: each investigation is in memory meanwhile."""


class MispAgent(BaseAgent):
    """Brings investigations to destinations, by itself and when somebody asks."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        sharing: Sharing,
        section: SharingSection,
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
    ) -> None:
        """Describe the agent.

        Args:
            identity: who it is.
            clock: tells the time.
            sharing: exports and what runs them; who made it closes it.
            section: the configuration.
            view_port: port of its own page on loopback; None: it has none.
            place: where it runs, in the operator's words.
            patience: seconds that it waits for the XMPP server at the start.
        """
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self._section = section
        self._gathering = sharing.gathering
        self.waking = WakeShares(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            wanted=QueueWanted(name=section.queue, patterns=PATTERNS),
            waking=ShareWaking(database=sharing.exports.database, exports=sharing.exports),
        )
        self.watching = WatchExports(clock=clock, agent_name=identity.name, exports=sharing.exports)
        self.running = [
            RunExports(clock=clock, agent_name=identity.name, runner=sharing.runner, ran=self.watching.look)
            for _ in range(min(AT_ONCE, len(section.destinations)))
        ]

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return what wakes shares, runs exports and watches them, and register."""
        return [self.waking, *self.running, self.watching, self.registering()]

    def capabilities(self) -> list[str]:
        """Return the kinds of its destinations."""
        return sorted({one.exporter for one in self._section.destinations})

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life; who cannot reach a destination says which, and why."""
        trouble = self.watching.seen.trouble
        self.set_presence(show="dnd" if trouble else "available", status=trouble[:400])
        return await super().heartbeat()

    def panels(self) -> list[Panel]:
        """Return destinations, shares, what waits for a person, and what was left out and why."""
        return self.watching.panels()

    def notes(self) -> list[str]:
        """Return what a reader must know."""
        trouble = self.watching.seen.trouble
        notes = [f"Not everything arrives: {trouble[:400]}"] if trouble else []
        return notes + [f"Warning lists: {problem}"[:400] for problem in self._gathering.problems]
