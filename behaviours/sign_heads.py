"""The registry's watch over the logs: it signs where they stand, tells who asks, and raises the alarm."""

from __future__ import annotations

from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, reply
from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.heads import SignedHeads
from vedette.clock import Clock
from vedette.messages.envelope import Action, Performative
from vedette.messages.heads import HeadList
from vedette.messages.state import Cell, Panel
from vedette.signing import SigningKey

SIGN_EVERY = 10.0
"""Seconds between looks at the logs, each of which makes a list if anything changed: what is cut off within that
time is seen by nobody but the senders, who have their receipts."""

SHOWN = 50
"""Logs on the registry's page."""


class SignHeads(SupervisedBehaviour):
    """Signs the heads of all logs regularly and answers who asks for the newest list."""

    name: ClassVar[str] = "sign heads"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.HEADS)})

    def __init__(
        self,
        *,
        clock: Clock,
        registry: str,
        exchange: Exchange,
        heads: SignedHeads,
        alarms: Alarms,
        key: SigningKey,
        every: float = SIGN_EVERY,
    ) -> None:
        super().__init__(clock=clock, agent_name=registry.split("@", maxsplit=1)[0])
        self._registry = registry
        self._exchange = exchange
        self._heads = heads
        self._alarms = alarms
        self._key = key
        self._every = every
        self._look_at = 0.0
        self.newest: HeadList | None = None
        """Where the logs stood at the last look."""

    async def run(self) -> None:
        """Sign when it is time; answer who asks until then."""
        wait = self._look_at - self.clock.monotonic()
        if wait <= 0:
            self._look_at = self.clock.monotonic() + self._every
            await self._sign()
            wait = self._every
        message = await self.take(time_limit=wait)
        if message is not None:
            await self._answer(message)

    def panel(self) -> Panel:
        """Return where the logs stand."""
        newest = self.newest
        return Panel(
            title="Signed heads of the logs",
            columns=["Engine", "Epoch", "Entries", "Head", "Signed"],
            rows=[
                [
                    Cell(text=head.engine, kind="code"),
                    Cell(text=head.epoch, kind="code"),
                    Cell(text=str(head.next_index), kind="count"),
                    Cell(text=head.head[:16], kind="code"),
                    Cell(text=str(newest.at), kind="time"),
                ]
                for head in newest.heads[:SHOWN]
            ]
            if newest is not None
            else [],
        )

    async def _sign(self) -> None:
        done = await self._heads.sign(registry=self._registry, key=self._key)
        self.newest = done.heads
        if done.signed is not None:
            self.counters["lists signed"] += 1
        for finding in await self._alarms.report(done.findings):
            self.counters["alarms"] += 1
            self.log.error("a log is not what was signed", kind=finding.kind, place=finding.place, text=finding.text)

    async def _answer(self, message: Incoming) -> None:
        latest = await self._heads.latest()
        if latest is None:
            answer = {"field": "heads", "reason": "nothing is signed yet; ask again later"}
            self._exchange.send(reply(message, Performative.REFUSE, answer))
            return
        self._exchange.send(reply(message, Performative.INFORM, latest.signed.model_dump()))
        self.counters["answered"] += 1
