"""What agents with an outbox have in common: what is committed there is delivered, and kept until it is proved."""

from __future__ import annotations

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.deliver import Deliver
from behaviours.keep_receipts import KeepReceipts
from behaviours.supervised import SupervisedBehaviour
from behaviours.upload import Upload
from registry.outbox import Outbox
from registry.spool import Spool
from vedette.clock import Clock
from vedette.messages.card import Heartbeat
from vedette.messages.state import Cell, Panel


class DeliveringAgent(BaseAgent):
    """Delivers what its outbox holds to an engine; large payloads go to the document service first."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        outbox: Outbox,
        spool: Spool | None,
        target: str,
        view_port: int | None,
        place: str,
        patience: float,
    ) -> None:
        """Describe the agent.

        Args:
            identity: who it is.
            clock: tells the time.
            outbox: what it delivers; who derives opens it.
            spool: its large payloads; not used where there is no document service.
            target: who receives the items: a JID or a role.
            view_port: port of its own page on loopback; None: it has none.
            place: where it runs, in the operator's words.
            patience: seconds that it waits for the XMPP server at the start.
        """
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self.outbox = outbox
        self.spool = spool if identity.documents is not None else None
        self._target = target
        self.delivering = Deliver(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=outbox,
            key=identity.key,
            target=target,
        )
        self.keeping = KeepReceipts(
            clock=clock, agent_name=identity.name, exchange=self, peers=self.peers, outbox=outbox
        )
        self.uploading = self._uploading()

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life, with what waits in the outbox."""
        return (await super().heartbeat()).model_copy(update=(await self.outbox.status()).reported())

    def with_upload(self, *behaviours: SupervisedBehaviour) -> list[SupervisedBehaviour]:
        """Return behaviours, and upload where there is a document service."""
        return [*behaviours] if self.uploading is None else [*behaviours, self.uploading]

    def delivery_panel(self) -> Panel:
        """Return where the items go."""
        counters = self.delivering.counters
        return Panel(
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

    def _uploading(self) -> Upload | None:
        service = self.identity.documents
        if self.spool is None or service is None:
            return None
        return Upload(
            clock=self.clock,
            agent_name=self.identity.name,
            outbox=self.outbox,
            spool=self.spool,
            client=service.client(),
            uploaded=self.delivering.look_back,
        )

    def _committed(self) -> None:
        self.delivering.wake()
        if self.uploading is not None:
            self.uploading.wake()

    def _busy(self, reason: str) -> None:
        self.set_presence(show="dnd" if reason else "available", status=reason)
