"""Keeping receipts until what they confirm is proved: a log that was truncated before would show.

A receipt is dropped for one reason only: a notice covers all of it, signed by the engine that signed the receipt or,
while that one is gone, by another engine of the fleet, which stands in for it (ADR 45). The newest one of each engine
stays in the outbox even then, so that no end of its log can be cut off unseen.
Whoever lost a notice asks again; who cannot ask keeps the receipt.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Collection
from typing import ClassVar

from behaviours.exchange import Incoming, compose
from behaviours.peers import Peers
from behaviours.register import Session
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.messages.batch import Receipt, Signed, open_signed, parse_model
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.proof import STAMPED, ProofNotice, ProofQuestion, Span, State, covers, span_of

LOOK_EVERY = 5.0
"""Seconds between looks for new receipts."""

ASK_AGAIN = 30.0
"""Seconds until an engine is asked the same again, with jitter: the notice may have been lost."""

PAGE = 500
"""Receipts that are looked at together."""

KNOWN = 4 * PAGE
"""Receipts that are remembered without reading them again."""


class KeepReceipts(SupervisedBehaviour):
    """Asks engines what is proved, checks what they say, and drops the receipts that it covers."""

    name: ClassVar[str] = "keep receipts"
    accepts: ClassVar = frozenset({(Performative.INFORM, Action.PROOF)})

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        exchange: Session,
        peers: Peers,
        outbox: Outbox,
        wanted: Collection[State] = STAMPED,
        look_every: float = LOOK_EVERY,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._exchange = exchange
        self._peers = peers
        self._outbox = outbox
        self._wanted = frozenset(wanted)
        self._look_every = look_every
        self._stir = asyncio.Event()
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._asked: dict[tuple[str, str], tuple[ProofQuestion, str, float]] = {}
        self._session = 0
        self._skip = 0
        self._look_at = 0.0

    def deliver(self, message: Incoming) -> bool:
        """Put a notice into the mailbox and wake up."""
        self._stir.set()
        return super().deliver(message)

    async def run(self) -> None:
        """Take in the notices, then ask about what is still kept."""
        self._stir.clear()
        while (notice := self.take_now()) is not None:
            await self._take_notice(notice)
        if self._exchange.online and self.clock.monotonic() >= self._look_at:
            await self._ask()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), max(0.05, self._look_at - self.clock.monotonic()))
        except TimeoutError:
            return

    # Asking --------------------------------------------------------------------------

    async def _ask(self) -> None:
        self._look_at = self.clock.monotonic() + self._look_every
        if self._session != self._exchange.session:
            self._session = self._exchange.session
            self._asked.clear()
        for (engine, epoch), spans in (await self._page()).items():
            first, last = min(span.lowest for span in spans), max(span.highest for span in spans)
            question = ProofQuestion(epoch=epoch, first=first, last=last)
            asked = await self._who_answers_for(engine)
            if self._is_due(engine, asked, question):
                await self._put(engine, asked, question)

    async def _page(self) -> dict[tuple[str, str], list[Span]]:
        """Return what some receipts are about, by engine and epoch; the next ones follow in the next look.

        Else the receipts of an engine that is gone for good would hide those behind them.
        """
        receipts = await self._outbox.receipts(limit=PAGE, skip=self._skip)
        self._skip = self._skip + PAGE if len(receipts) == PAGE else 0
        groups: dict[tuple[str, str], list[Span]] = {}
        for signed in receipts:
            span = self._span(signed)
            groups.setdefault((span.engine, span.epoch), []).append(span)
        return groups

    def _span(self, signed: Signed) -> Span:
        sha256 = signed.sha256
        if sha256 not in self._spans:
            # Its signature was checked before it was kept.
            self._spans[sha256] = span_of(parse_model(Receipt, parse_json(signed.text)))
            if len(self._spans) > KNOWN:
                self._spans.popitem(last=False)
        return self._spans[sha256]

    def _is_due(self, engine: str, asked: str, question: ProofQuestion) -> bool:
        before, whom, again_at = self._asked.get((engine, question.epoch), (None, "", 0.0))
        return (before, whom) != (question, asked) or self.clock.monotonic() >= again_at

    async def _put(self, engine: str, asked: str, question: ProofQuestion) -> None:
        peer = await self._peers.of_jid(engine)
        if peer is None or peer.role is not Role.AGGREGATION:
            self.counters["engines unknown"] += 1
            return
        value = question.model_copy(update={"engine": engine if asked != engine else None})
        message = compose(
            to=asked,
            performative=Performative.REQUEST,
            action=Action.PROOF,
            value=value.model_dump(exclude_none=True),
        )
        if self._exchange.send(message):
            again_at = self.clock.monotonic() + ASK_AGAIN * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
            self._asked[engine, question.epoch] = (question, asked, again_at)
            self.counters["asked"] += 1

    async def _who_answers_for(self, engine: str) -> str:
        """Return the engine to ask: the one whose log it is, another one only where that is gone."""
        live = [peer.jid for peer in await self._peers.of_role(Role.AGGREGATION)]
        return engine if engine in live or not live else live[0]

    # Notices -------------------------------------------------------------------------

    async def _take_notice(self, message: Incoming) -> None:
        try:
            notice = await self._open(message)
        except RefusedError as error:
            self.counters["notices refused"] += 1
            self.log.warning("a proof notice is refused", peer=message.sender, reason=str(error))
            return
        covered = [sha256 for sha256, span in self._spans.items() if covers(notice, span, wanted=self._wanted)]
        if covered:
            self.counters["receipts dropped"] += await self._outbox.drop_receipts(covered)
            for sha256 in covered:
                del self._spans[sha256]
            self._look_at, self._skip = min(self._look_at, self.clock.monotonic() + 1.0), 0

    async def _open(self, message: Incoming) -> ProofNotice:
        peer = await self._peers.of_jid(message.sender)
        if peer is None or peer.role is not Role.AGGREGATION:
            raise RefusedError("from", f"{message.sender[:128]} is not an enrolled aggregation engine")
        notice = open_signed(ProofNotice, parse_model(Signed, message.value()), peer.verifying())
        if (notice.by or notice.engine) != message.sender:
            raise RefusedError("engine", f"is {notice.engine[:128]}, but {message.sender[:128]} sent it")
        if await self._who_answers_for(notice.engine) == notice.engine != message.sender:
            raise RefusedError(
                "by", f"{message.sender[:128]} speaks for {notice.engine[:128]}, which is there itself"
            )
        return notice
