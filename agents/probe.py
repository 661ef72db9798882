"""The probe: runs one check at a period, or once, and delivers what it saw."""

from __future__ import annotations

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.control import ObeyOrders
from behaviours.deliver import Deliver
from behaviours.keep_receipts import KeepReceipts
from behaviours.probe import RunCheck
from behaviours.supervised import SupervisedBehaviour
from behaviours.upload import Upload
from registry.outbox import Outbox
from registry.pauses import Pauses
from registry.spool import Spool
from vedette.clock import Clock
from vedette.documents.client import DocumentClient
from vedette.messages.card import Heartbeat
from vedette.messages.state import Cell, CheckState, Panel
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

OUTBOX_ITEMS = 100_000
"""Items that an outbox holds before its probe skips runs."""

OUTBOX_BYTES = 1024**3
"""Bytes that an outbox holds before its probe skips runs."""


class ProbeAgent(BaseAgent):
    """Posted somewhere: it watches one target and reports."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        check: Check,
        schedule: Schedule | None,
        outbox: Outbox,
        spool: Spool | None,
        target: str,
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
        pauses: Pauses | None = None,
    ) -> None:
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        """Describe the probe; without a spool, or a document service, large outputs are cut."""
        self.outbox = outbox
        self.spool = spool if identity.documents is not None else None
        self._up_agent = target
        self._check = check
        self.delivering = Deliver(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=outbox,
            key=identity.key,
            target=target,
        )
        self.uploading = self._uploading()
        self.keeping = KeepReceipts(
            clock=clock, agent_name=identity.name, exchange=self, peers=self.peers, outbox=outbox
        )
        self.running = RunCheck(
            clock=clock,
            agent_name=identity.name,
            check=check,
            schedule=schedule,
            outbox=outbox,
            spool=self.spool,
            limit_items=OUTBOX_ITEMS,
            committed=self._committed,
            busy=self._busy,
            pauses=pauses,
        )
        self.obeying = ObeyOrders(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            started_at=self.started_at,
            checks=self.running,
        )

    async def start(self, auto_register: bool = False) -> None:
        """Open the outbox and the spool, then start.

        Raises:
            StoreError: one of them cannot be used.
            ConnectionFailedError: the server cannot be reached, trusted or refuses the account.
        """
        await self.outbox.open()
        self.running.load_pause()
        if self.spool is not None:
            await self.spool.open()
        await super().start(auto_register)

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return run check, deliver, keep receipts, obey, register, and upload where there is a document service."""
        behaviours = [self.running, self.delivering, self.keeping, self.obeying, self.registering()]
        return behaviours if self.uploading is None else [*behaviours, self.uploading]

    def capabilities(self) -> list[str]:
        """Return the tool that it runs."""
        return [self._check.tool_name]

    def checks(self) -> list[CheckState]:
        """Return its one check."""
        return [self.running.state_of_check()]

    def panels(self) -> list[Panel]:
        """Return the last runs and where they go."""
        delivery = Panel(
            title="Delivery",
            columns=["Goes to", "Engine now", "Sent", "Confirmed", "Refused"],
            rows=[
                [
                    Cell(text=self._up_agent, kind="code"),
                    Cell(text=self.delivering.engine or "none found", kind="code"),
                    Cell(text=str(self.delivering.counters["batches sent"]), kind="count"),
                    Cell(text=str(self.delivering.counters["confirmed"]), kind="count"),
                    Cell(text=str(self.delivering.counters["refused"]), kind="count"),
                ]
            ],
        )
        return [self.running.panel(), delivery]

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life, with what waits in the outbox."""
        return (await super().heartbeat()).model_copy(update=(await self.outbox.status()).reported())

    def _uploading(self) -> Upload | None:
        service = self.identity.documents
        if self.spool is None or service is None:
            return None
        return Upload(
            clock=self.clock,
            agent_name=self.identity.name,
            outbox=self.outbox,
            spool=self.spool,
            client=DocumentClient(url=service.url, api_key=service.api_key, ca=service.ca_file),
            uploaded=self.delivering.look_back,
        )

    def _committed(self) -> None:
        self.delivering.wake()
        if self.uploading is not None:
            self.uploading.wake()

    def _busy(self, reason: str) -> None:
        self.set_presence(show="dnd" if reason else "available", status=reason)
