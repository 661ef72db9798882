"""Telling senders that what they delivered is proved.

Of a log whose engine is gone, any engine of the store says how far it is proved, in its own name.
Only those who ask are told: at once what is proved already, and the rest as it comes. Who asked is kept in memory
alone, because senders ask again until they know.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, compose, refusal
from behaviours.supervised import SupervisedBehaviour
from registry.proof_progress import ProofProgress, Stretch
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.messages.batch import Signed, parse_model
from vedette.messages.envelope import Action, Performative
from vedette.messages.proof import MAX_RUNS, ProofNotice, ProofQuestion
from vedette.signing import SigningKey

NOTICE_EVERY = 1.0
"""Seconds at least between two notices to one sender."""

KEPT_FOR = 600.0
"""Seconds that a question is remembered: a sender that is gone does not ask again."""

WAITING = 1000
"""Questions that are remembered."""

LOOK_EVERY = 2.0
"""Seconds between looks while nothing happens."""


@dataclass(kw_only=True)
class _Waiting:
    question: ProofQuestion
    until: float
    not_before: float = 0.0
    told: int = -1


class AnnounceProofs(SupervisedBehaviour):
    """Sends signed notices of what is proved to the senders that wait for it."""

    name: ClassVar[str] = "announce proofs"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.PROOF)})

    def __init__(
        self, *, clock: Clock, engine: str, exchange: Exchange, progress: ProofProgress, key: SigningKey
    ) -> None:
        super().__init__(clock=clock, agent_name=engine.split("@", maxsplit=1)[0])
        self._engine = engine
        self._exchange = exchange
        self._progress = progress
        self._key = key
        self._stir = asyncio.Event()
        self._waiting: dict[tuple[str, str, str], _Waiting] = {}
        self._look = False

    def wake(self) -> None:
        """Say that a token was stored."""
        self._look = True
        self._stir.set()

    def deliver(self, message: Incoming) -> bool:
        """Put a question into the mailbox and wake up."""
        self._stir.set()
        return super().deliver(message)

    async def run(self) -> None:
        """Note what is asked, then tell what is new."""
        self._stir.clear()
        while (message := self.take_now()) is not None:
            self._note(message)
        if self._look:
            self._look = False
            await self._tell_all()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), NOTICE_EVERY if self._look else LOOK_EVERY)
        except TimeoutError:
            return

    def _note(self, message: Incoming) -> None:
        try:
            question = parse_model(ProofQuestion, message.value())
        except RefusedError as error:
            self.counters["refused"] += 1
            self._exchange.send(refusal(message, error))
            return
        key = (message.sender, question.engine or self._engine, question.epoch)
        before = self._waiting.pop(key, None)
        while len(self._waiting) >= WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[key] = _Waiting(
            question=question,
            until=self.clock.monotonic() + KEPT_FOR,
            not_before=0.0 if before is None else before.not_before,
        )
        self._look = True
        self.counters["asked"] += 1

    async def _tell_all(self) -> None:
        now = self.clock.monotonic()
        for key, waiting in list(self._waiting.items()):
            if waiting.until <= now:
                del self._waiting[key]
            elif waiting.not_before > now:
                self._look = True
            elif await self._tell(key[0], waiting):
                del self._waiting[key]

    async def _tell(self, sender: str, waiting: _Waiting) -> bool:
        """Send what is new; return whether nothing more is awaited."""
        question = waiting.question
        engine = question.engine or self._engine
        stretch = await self._progress.stretch(
            engine=engine, epoch=question.epoch, first=question.first, runs=MAX_RUNS
        )
        if stretch is None or stretch.up_to <= waiting.told:
            return False
        if not self._send(sender, engine, question.epoch, stretch):
            return False
        waiting.told = stretch.up_to
        waiting.not_before = self.clock.monotonic() + NOTICE_EVERY
        return stretch.up_to >= question.last

    def _send(self, sender: str, engine: str, epoch: str, stretch: Stretch) -> bool:
        notice = ProofNotice.model_validate(
            {
                "engine": engine,
                "by": None if engine == self._engine else self._engine,
                "epoch": epoch,
                "first": stretch.first,
                "up_to": stretch.up_to,
                "states": [(last, state.value) for last, state in stretch.states],
            }
        )
        self.counters["notices"] += 1
        return self._exchange.send(
            compose(
                to=sender,
                performative=Performative.INFORM,
                action=Action.PROOF,
                value=Signed.seal(notice, self._key).model_dump(),
            )
        )
