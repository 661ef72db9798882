"""The probe: runs one check at a period, or once, and delivers what it saw."""

from __future__ import annotations

from agents.delivering import DeliveringAgent
from agents.identity import Identity
from behaviours.control import ObeyOrders
from behaviours.probe import RunCheck
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox
from registry.pauses import Pauses
from registry.spool import Spool
from vedette.clock import Clock
from vedette.messages.state import CheckState, Panel
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

OUTBOX_ITEMS = 100_000
"""Items that an outbox holds before its probe skips runs."""

OUTBOX_BYTES = 1024**3
"""Bytes that an outbox holds before its probe skips runs."""


class ProbeAgent(DeliveringAgent):
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
        """Describe the probe; without a spool, or a document service, large outputs are cut."""
        super().__init__(
            identity=identity,
            clock=clock,
            outbox=outbox,
            spool=spool,
            target=target,
            view_port=view_port,
            place=place,
            patience=patience,
        )
        self._check = check
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
        return self.with_upload(self.running, self.delivering, self.keeping, self.obeying, self.registering())

    def capabilities(self) -> list[str]:
        """Return the tool that it runs."""
        return [self._check.tool_name]

    def checks(self) -> list[CheckState]:
        """Return its one check."""
        return [self.running.state_of_check()]

    def panels(self) -> list[Panel]:
        """Return the last runs and where they go."""
        return [self.running.panel(), self.delivery_panel()]
