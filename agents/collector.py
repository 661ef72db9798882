"""The collector: reads the sources of a section, by their timetables or once, and delivers what is new."""

from __future__ import annotations

from pathlib import Path

from agents.base import BaseAgent
from agents.identity import Identity
from agents.probe import OUTBOX_BYTES, OUTBOX_ITEMS
from behaviours.collect import CollectSources
from behaviours.control import ObeyOrders
from behaviours.deliver import Deliver
from behaviours.keep_receipts import KeepReceipts
from behaviours.supervised import SupervisedBehaviour
from behaviours.upload import Upload
from registry.source_outbox import SourceOutbox
from vedette.clock import Clock
from vedette.collection.desk import Desk, Mode
from vedette.collection.doorman import Doorman
from vedette.collection.interface import CollectorCatalogue
from vedette.collection.outfit import Outfit
from vedette.collection.rounds import Round
from vedette.collection.sections import Section
from vedette.configuration.fetching import FetchingSection
from vedette.documents.client import DocumentClient
from vedette.messages.card import Heartbeat, Role
from vedette.messages.state import Cell, CheckState, Panel


class CollectorAgent(BaseAgent):
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
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        catalogue = CollectorCatalogue()
        self.section = section
        self._target = target
        self._folder = folder
        self._outfit = outfit or Outfit(clock=clock, fetching=fetching)
        self._shares = outfit is not None
        self.outbox = SourceOutbox(
            outbox, agent=identity.jid, clock=clock, limit_items=OUTBOX_ITEMS, limit_bytes=OUTBOX_BYTES
        )
        self._doorman = Doorman(
            clock=clock, fetcher=self._outfit.fetcher, memory=self.outbox, courtesy=self._outfit.courtesy
        )
        self.delivering = Deliver(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=self.outbox,
            key=identity.key,
            target=target,
        )
        self.keeping = KeepReceipts(
            clock=clock, agent_name=identity.name, exchange=self, peers=self.peers, outbox=self.outbox
        )
        self.uploading = self._uploading()
        self.collecting = CollectSources(
            clock=clock,
            agent_name=identity.name,
            section=section,
            collectors={one.identity: catalogue.collector(one, place=section.place) for one in section.sources},
            make_desk=self._desk,
            outbox=self.outbox,
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
        behaviours = [self.collecting, self.delivering, self.keeping, self.obeying, self.registering()]
        return behaviours if self.uploading is None else [*behaviours, self.uploading]

    def capabilities(self) -> list[str]:
        """Return the types of its sources."""
        return sorted({source.type for source in self.section.sources})

    def checks(self) -> list[CheckState]:
        """Return its sources, as orders reach them."""
        return self.collecting.states()

    def panels(self) -> list[Panel]:
        """Return its sources, and where their items go."""
        counters = self.delivering.counters
        delivery = Panel(
            title="Delivery",
            columns=["Goes to", "Engine now", "Sent", "Confirmed", "Refused"],
            rows=[
                [
                    Cell(text=self._target, kind="code"),
                    Cell(text=self.delivering.engine or "none found", kind="code"),
                    *(
                        Cell(text=str(counters[name]), kind="count")
                        for name in ("batches sent", "confirmed", "refused")
                    ),
                ]
            ],
        )
        return [self.collecting.panel(), delivery]

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life, with what waits in the outbox."""
        return (await super().heartbeat()).model_copy(update=(await self.outbox.status()).reported())

    def _desk(self, one: Round, mode: Mode) -> Desk:
        return Desk(
            source=one.source,
            mode=mode,
            clock=self.clock,
            fetcher=self._outfit.fetcher,
            doorman=self._doorman,
            memory=self.outbox,
            isolation=self._outfit.isolation,
            folder=self._folder,
            log=self.collecting.log,
            lasting=self.collecting.lasts(one),
            committed=self._committed,
        )

    def _uploading(self) -> Upload | None:
        service = self.identity.documents
        if service is None:
            return None
        return Upload(
            clock=self.clock,
            agent_name=self.identity.name,
            outbox=self.outbox,
            spool=self.outbox.spool,
            client=DocumentClient(url=service.url, api_key=service.api_key, ca=service.ca_file),
            uploaded=self.delivering.look_back,
        )

    def _committed(self) -> None:
        self.delivering.wake()
        if self.uploading is not None:
            self.uploading.wake()

    def _busy(self, reason: str) -> None:
        self.set_presence(show="dnd" if reason else "available", status=reason)
