"""The gateway: takes what collectors publish at an AMQP broker, and publishes items and findings there."""

from __future__ import annotations

from pathlib import Path

from agents.delivering import DeliveringAgent
from agents.identity import Identity
from agents.probe import OUTBOX_BYTES, OUTBOX_ITEMS
from behaviours.publish_outwards import PublishFindings, PublishItems
from behaviours.queue_wanted import QueueWanted
from behaviours.supervised import SupervisedBehaviour
from behaviours.take_messages import TakeMessages
from registry.gateway_outbox import GatewayOutbox
from vedette.client.client import VedetteClient
from vedette.clock import Clock
from vedette.configuration.gateway import GatewaySection, OutwardSection
from vedette.gateway.broker import BrokerAccess, Outlet
from vedette.messages.state import Panel


class GatewayAgent(DeliveringAgent):
    """Posted between a broker and the engines."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        section: GatewaySection,
        access: BrokerAccess,
        outbox: Path,
        view_port: int | None = 0,
        patience: float = 10.0,
    ) -> None:
        """Describe the gateway.

        Args:
            identity: who it is.
            clock: tells the time.
            section: what it takes and publishes.
            access: the broker.
            outbox: file of its outbox, in which is, too, what it knows of the broker's messages.
            view_port: port of its own page on loopback; None: it has none.
            patience: seconds that it waits for the XMPP server at the start.
        """
        self._box = GatewayOutbox(
            outbox, agent=identity.jid, clock=clock, limit_items=OUTBOX_ITEMS, limit_bytes=OUTBOX_BYTES
        )
        super().__init__(
            identity=identity,
            clock=clock,
            outbox=self._box,
            spool=self._box.spool,
            target=section.up_agent,
            view_port=view_port,
            place=section.place,
            patience=patience,
        )
        self.section = section
        self._access = access
        service = identity.documents
        self.taking = None
        if section.patterns:
            self.taking = TakeMessages(
                clock=clock,
                agent_name=identity.name,
                section=section,
                access=access,
                outbox=self._box,
                documents=None if service is None else service.client(),
                key=identity.key,
                committed=self._committed,
                busy=self._busy,
            )
        self.publishing = None if section.outwards is None else self._publishing(section.outwards)
        self.telling = None if section.outwards is None else self._telling(section.outwards)

    async def start(self, auto_register: bool = False) -> None:
        """Open the outbox, then start; the broker may come later.

        Raises:
            ConfigurationError: the broker's credentials cannot be used.
            StoreError: the outbox cannot be used.
            ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        """
        # Told at once, and not again and again by a gateway that can never connect.
        self._access.account()
        await self.outbox.open()
        await super().start(auto_register)

    async def stop(self) -> None:
        """Stop, and close the outbox: what the broker waits for is delivered again."""
        await super().stop()
        await self.outbox.close()

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return take, publish, deliver, keep receipts, register, and upload where there is a document service."""
        own = [one for one in (self.taking, self.publishing, self.telling) if one is not None]
        return self.with_upload(*own, self.delivering, self.keeping, self.registering())

    def capabilities(self) -> list[str]:
        """Return what it does at the broker."""
        return [
            name for name, there in (("amqp in", self.taking), ("amqp out", self.publishing)) if there is not None
        ]

    def panels(self) -> list[Panel]:
        """Return what is taken and published, and where the items go."""
        own = [one.panel() for one in (self.taking, self.publishing) if one is not None]
        return [*own, self.delivery_panel()]

    def notes(self) -> list[str]:
        """Return what a reader must know."""
        problems = [
            (what, one.problem)
            for what, one in (("taken", self.taking), ("published", self.publishing))
            if one is not None
        ]
        notes = [f"Nothing is {what}: {problem[:400]}" for what, problem in problems if problem]
        outwards = self.section.outwards
        if outwards is not None and outwards.findings and self.telling is None:
            notes.append("Findings are not published: the credentials have no address of the hub's API.")
        return notes

    def _publishing(self, section: OutwardSection) -> PublishItems:
        return PublishItems(
            clock=self.clock,
            agent=self.identity.jid,
            exchange=self,
            peers=self.peers,
            key=self.identity.key,
            wanted=QueueWanted(
                name=section.queue or self.section.name,
                patterns=tuple(section.patterns),
                from_start=section.from_start,
            ),
            section=section,
            outlet=self._outlet(section),
        )

    def _telling(self, section: OutwardSection) -> PublishFindings | None:
        service = self.identity.documents
        if service is None or not section.findings:
            return None
        return PublishFindings(
            clock=self.clock,
            agent_name=self.identity.name,
            client=VedetteClient(url=service.url, api_key=service.api_key, ca=service.ca_file),
            outbox=self._box,
            outlet=self._outlet(section),
        )

    def _outlet(self, section: OutwardSection) -> Outlet:
        return Outlet(access=self._access, name=f"vedette {self.section.name} publishes", exchange=section.exchange)
