"""The collector: reads the sources of a section, by their timetables or once, and delivers what is new."""

from __future__ import annotations

from pathlib import Path

from agents.delivering import DeliveringAgent
from agents.identity import Identity
from agents.probe import OUTBOX_BYTES, OUTBOX_ITEMS
from behaviours.collect import CollectSources
from behaviours.control import ObeyOrders
from behaviours.supervised import SupervisedBehaviour
from registry.source_outbox import SourceOutbox
from vedette.clock import Clock
from vedette.collection.desk import Desk, Mode
from vedette.collection.doorman import Doorman
from vedette.collection.interface import CollectorCatalogue
from vedette.collection.outfit import Outfit
from vedette.collection.rounds import Round
from vedette.collection.sections import Section
from vedette.configuration.fetching import FetchingSection
from vedette.messages.card import Role
from vedette.messages.state import CheckState, Panel


class CollectorAgent(DeliveringAgent):
    """Posted where sources can be read."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        section: Section,
        folder: Path,
        outbox: Path,
        fetching: FetchingSection,
        outfit: Outfit | None = None,
        once: Mode | None = None,
        target: str = Role.AGGREGATION.value,
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
    ) -> None:
        """Describe the collector.

        Args:
            identity: who it is.
            clock: tells the time.
            section: what it collects.
            folder: what paths of sources are relative to.
            outbox: file of its outbox, in which its sources' state is, too.
            fetching: whom it asks over HTTP, and how much it takes.
            outfit: what it shares with the other collectors of its process, who made it closes it; None: its own.
            once: collect each source once, in this way; None: by the timetables.
            target: who receives the items: a JID or a role.
            view_port: port of its own page on loopback; None: it has none.
            place: where it runs, in the operator's words.
            patience: seconds that it waits for the XMPP server at the start.

        Raises:
            ConfigurationError: a source's type is unknown, or its collector objects.
        """
        self._memory = SourceOutbox(
            outbox, agent=identity.jid, clock=clock, limit_items=OUTBOX_ITEMS, limit_bytes=OUTBOX_BYTES
        )
        super().__init__(
            identity=identity,
            clock=clock,
            outbox=self._memory,
            spool=self._memory.spool,
            target=target,
            view_port=view_port,
            place=place,
            patience=patience,
        )
        catalogue = CollectorCatalogue()
        self.section = section
        self._folder = folder
        self._outfit = outfit or Outfit(clock=clock, fetching=fetching)
        self._shares = outfit is not None
        self._doorman = Doorman(
            clock=clock, fetcher=self._outfit.fetcher, memory=self._memory, courtesy=self._outfit.courtesy
        )
        self.collecting = CollectSources(
            clock=clock,
            agent_name=identity.name,
            section=section,
            collectors={one.identity: catalogue.collector(one, place=section.place) for one in section.sources},
            make_desk=self._desk,
            outbox=self._memory,
            limit_items=OUTBOX_ITEMS,
            once=once,
            committed=self._committed,
            busy=self._busy,
        )
        self.obeying = ObeyOrders(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            started_at=self.started_at,
            checks=self.collecting,
        )

    async def start(self, auto_register: bool = False) -> None:
        """Open the outbox, then start.

        Raises:
            StoreError: the outbox cannot be used.
            ConnectionFailedError: the server cannot be reached, trusted or refuses the account.
        """
        await self.outbox.open()
        for warning in self.section.warnings:
            self.log.warning("sources could be written better", place=self.section.place, warning=warning)
        await super().start(auto_register)

    async def stop(self) -> None:
        """Stop, and end what it started; the outbox is closed."""
        await super().stop()
        if not self._shares:
            await self._outfit.aclose()
        await self.outbox.close()

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return collect, deliver, keep receipts, obey, register, and upload where there is a document service."""
        return self.with_upload(self.collecting, self.delivering, self.keeping, self.obeying, self.registering())

    def capabilities(self) -> list[str]:
        """Return the types of its sources."""
        return sorted({source.type for source in self.section.sources})

    def checks(self) -> list[CheckState]:
        """Return its sources, as orders reach them."""
        return self.collecting.states()

    def panels(self) -> list[Panel]:
        """Return its sources, and where their items go."""
        return [self.collecting.panel(), self.delivery_panel()]

    def _desk(self, one: Round, mode: Mode) -> Desk:
        return Desk(
            source=one.source,
            mode=mode,
            clock=self.clock,
            fetcher=self._outfit.fetcher,
            doorman=self._doorman,
            memory=self._memory,
            isolation=self._outfit.isolation,
            folder=self._folder,
            log=self.collecting.log,
            lasting=self.collecting.lasts(one),
            committed=self._committed,
        )
