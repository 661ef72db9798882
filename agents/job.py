"""The job agent: does runs of one-shot jobs and delivers what they brought; it ends when there is nothing to do."""

from __future__ import annotations

import asyncio

from agents.delivering import DeliveringAgent
from agents.identity import Identity
from behaviours.job_questions import JobQuestions
from behaviours.jobs import WorkJobs
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox
from registry.spool import Spool
from vedette.clock import Clock
from vedette.configuration.jobs import JobAgentConfiguration
from vedette.messages.card import Role
from vedette.messages.state import Panel
from vedette.tools.catalogue import Catalogue

OUTBOX_ITEMS = 10_000
"""Items that its outbox holds before runs fail."""

OUTBOX_BYTES = 1024**3
"""Bytes that its outbox holds before runs fail."""

_LOOK_EVERY = 0.25


class JobAgent(DeliveringAgent):
    """Does what is asked for, where the scope allows it."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        configuration: JobAgentConfiguration,
        view_port: int | None = None,
        patience: float = 10.0,
    ) -> None:
        outbox = Outbox(
            configuration.outbox,
            agent=identity.jid,
            clock=clock,
            limit_items=OUTBOX_ITEMS,
            limit_bytes=OUTBOX_BYTES,
        )
        super().__init__(
            identity=identity,
            clock=clock,
            outbox=outbox,
            spool=Spool(configuration.outbox.with_suffix(".documents"), outbox=outbox),
            target=Role.AGGREGATION.value,
            view_port=view_port,
            place=configuration.place,
            patience=patience,
        )
        self._configuration = configuration
        self.working = WorkJobs(
            clock=clock,
            agent=identity.jid,
            questions=JobQuestions(agent=identity.jid, exchange=self, registry=identity.registry, key=identity.key),
            outbox=self.outbox,
            spool=self.spool,
            scope=configuration.scope,
            launcher=configuration.launcher,
            place=configuration.place,
            idle=configuration.idle,
            committed=self._committed,
            busy=self._busy,
        )

    async def start(self, auto_register: bool = False) -> None:
        """Open the outbox, connect, and start.

        Raises:
            ConnectionFailedError: the server cannot be reached, trusted or refuses the account.
            StoreError: the outbox cannot be opened.
        """
        await self.outbox.open()
        if self.spool is not None:
            await self.spool.open()
        await super().start(auto_register)

    async def stop(self) -> None:
        """Stop, and close the outbox; what is in it is sent by the next life."""
        await super().stop()
        await self.outbox.close()

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return do jobs, deliver, keep receipts, register, and upload where there is a document service."""
        return self.with_upload(self.working, self.delivering, self.keeping, self.registering())

    def capabilities(self) -> list[str]:
        """Return the tools and commands that are allowed here."""
        known = {*Catalogue().tool_names} & {*self._configuration.scope.tools}
        return [f"job:{name}" for name in sorted({*known, *self._configuration.scope.commands})][:256]

    def panels(self) -> list[Panel]:
        """Return the last runs."""
        return [self.working.panel()]

    async def until_idle(self) -> None:
        """Wait until there was no work for as long as the configuration says, and everything is confirmed."""
        await self.working.finished.wait()
        while (await self.outbox.status()).items:  # noqa: ASYNC110  # no event tells that all is confirmed
            await asyncio.sleep(_LOOK_EVERY)
