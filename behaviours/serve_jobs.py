"""The registry's side of one-shot jobs: hands runs out, hears how they fare, says which to stop.

Agents ask and the registry keeps the question until it has something (long polling), as for the consumers' queues:
after any loss, of a message, the hub or an agent, asking again is all there is to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, refusal, reply
from behaviours.peers import Peers
from behaviours.supervised import SupervisedBehaviour
from registry.jobs import Jobs, Leased, Report, Taker
from vedette.clock import Clock
from vedette.errors import RefusedError, StoreError
from vedette.jobs.scope import ScopePolicy
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.card import Role, check_role
from vedette.messages.envelope import Action, Performative
from vedette.messages.jobs import Assignment, Beat, Demand, Done, JobAnswer, JobQuestion, Take
from vedette.messages.state import Cell, Panel
from vedette.signing import SigningKey

LOOK_EVERY = 0.5
"""Seconds between looks for jobs that were requested by another process, such as the command line."""

SERVE_EVERY = 0.1
"""Seconds between looks for those who wait, at least: each message wakes us up."""

EXPIRE_EVERY = 2.0
"""Seconds between looks for runs whose agents are silent."""

PARKED = 1000
"""Agents that may wait at once."""


@dataclass(frozen=True, kw_only=True)
class _Parked:
    message: Incoming
    taker: Taker
    take: Take
    until: float


class ServeJobs(SupervisedBehaviour):
    """Hands runs of jobs to job agents, and only to them."""

    name: ClassVar[str] = "serve jobs"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.JOB)})

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        exchange: Exchange,
        peers: Peers,
        jobs: Jobs,
        policy: ScopePolicy,
        key: SigningKey,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._exchange = exchange
        self._peers = peers
        self._jobs = jobs
        self._policy = policy
        self._key = key
        self._stir = asyncio.Event()
        self._parked: dict[str, _Parked] = {}
        self._look_at = 0.0
        self._expire_at = 0.0
        self._extended = False

    def wake(self) -> None:
        """Say that a job was requested."""
        self._stir.set()

    def deliver(self, message: Incoming) -> bool:
        """Put a question into the mailbox and wake up."""
        self._stir.set()
        return super().deliver(message)

    async def run(self) -> None:
        """Answer what was asked, then serve those who wait."""
        self._stir.clear()
        if not self._extended:
            # While we were away nobody could be heard: silence until now says nothing.
            await self._jobs.extend()
            self._extended = True
        while (message := self.take_now()) is not None:
            await self._answer(message)
        await self._expire()
        await self._serve_parked()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), LOOK_EVERY)
        except TimeoutError:
            return

    async def _answer(self, message: Incoming) -> None:
        try:
            question, role = await self._open(message)
            await self._handle(message, question, role)
        except RefusedError as error:
            self.counters["refused"] += 1
            self.warn_once("refused", message.sender, str(error), peer=message.sender, reason=str(error))
            self._exchange.send(refusal(message, error))
        except StoreError:
            self._exchange.send(reply(message, Performative.FAILURE, {"reason": "the store failed"}))
            raise

    async def _open(self, message: Incoming) -> tuple[Take | Beat | Done | Demand, Role]:
        peer = await self._peers.of_jid(message.sender)
        if peer is None:
            raise RefusedError("from", f"{message.sender[:128]} is not enrolled")
        check_role(peer.role, Action.JOB)
        question = open_signed(JobQuestion, parse_model(Signed, message.value()), peer.verifying()).root
        if question.agent != message.sender:
            raise RefusedError("agent", f"is {question.agent[:128]}, but {message.sender[:128]} sent it")
        return question, peer.role

    async def _handle(self, message: Incoming, question: Take | Beat | Done | Demand, role: Role) -> None:
        if isinstance(question, Demand):
            taker = Taker(jid="", life="", launcher=question.agent, place=question.place)
            self._send(message, wanted=sum(await self._jobs.due(taker)) + await self._jobs.active())
            return
        if role is not Role.JOB:
            raise RefusedError("action", f"an agent of role {role} does no jobs")
        taker = Taker(jid=question.agent, life=question.life)
        if isinstance(question, Take):
            await self._take(message, question)
        elif isinstance(question, Beat):
            reports = [Report(**report.model_dump()) for report in question.reports]
            self._send(message, stop=await self._jobs.hear(taker, reports))
        else:
            last = question.report
            settled = await self._jobs.finish(
                taker,
                question.run,
                outcome=question.outcome,
                exit_code=question.exit_code,
                reason=question.reason,
                report=None if last is None else Report(**last.model_dump()),
            )
            self.counters[question.outcome if settled else "not theirs"] += 1
            if settled and question.outcome in ("failed", "refused"):
                self.log.warning("run not done", run=question.run, peer=message.sender, reason=question.reason)
            self._send(message, settled=settled)

    async def _take(self, message: Incoming, take: Take) -> None:
        taker = Taker(jid=take.agent, life=take.life, launcher=take.launcher, place=take.place)
        # Asking again replaces: the answer to the earlier question is not expected any more.
        self._parked.pop(take.agent, None)
        leased = await self._jobs.take(taker, held=take.held, limit=take.limit)
        if leased or take.wait == 0 or len(self._parked) >= PARKED:
            self._hand_out(message, leased)
        else:
            until = self.clock.monotonic() + take.wait
            self._parked[take.agent] = _Parked(message=message, taker=taker, take=take, until=until)

    async def _serve_parked(self) -> None:
        now = self.clock.monotonic()
        if not self._parked or now < self._look_at:
            return
        self._look_at = now + SERVE_EVERY
        parked = list(self._parked.items())
        # Reading costs no disk's turn; most looks find nothing.
        due = await self._jobs.due(*(one.taker for _, one in parked))
        for (jid, one), count in zip(parked, due, strict=True):
            leased: Sequence[Leased] = ()
            if count:
                leased = await self._jobs.take(one.taker, held=one.take.held, limit=one.take.limit)
            if leased or one.until <= now:
                del self._parked[jid]
                self._hand_out(one.message, leased)

    def _hand_out(self, message: Incoming, leased: Sequence[Leased]) -> None:
        self.counters["handed out"] += len(leased)
        assignments = [
            Assignment(
                run=one.run,
                job=one.job,
                attempt=one.attempt,
                tool=one.tool,
                words=one.words,
                target=one.target,
                time_limit=one.time_limit,
            )
            for one in leased
        ]
        self._send(message, assignments=assignments, policy=self._policy if assignments else None)

    def _send(self, message: Incoming, **values: object) -> None:
        fields = {"agent": message.sender, "conversation": message.conversation, **values}
        answer = JobAnswer.model_validate(fields)
        self._exchange.send(reply(message, Performative.INFORM, Signed.seal(answer, self._key).model_dump()))

    async def _expire(self) -> None:
        now = self.clock.monotonic()
        if now < self._expire_at:
            return
        self._expire_at = now + EXPIRE_EVERY
        if not await self._jobs.active():
            return
        expired = await self._jobs.expire()
        if expired:
            self.counters["taken back"] += expired
            self.log.warning("runs taken back: their agents are silent", runs=expired)

    def panel(self) -> Panel:
        """Return what was handed out and became of it, as a table."""
        names = ("handed out", "done", "failed", "refused", "cancelled", "taken back")
        rows = [[Cell(text=name), Cell(text=str(self.counters[name]), kind="count")] for name in names]
        rows.append([Cell(text="agents waiting"), Cell(text=str(len(self._parked)), kind="count")])
        return Panel(title="Jobs", columns=["What", "Count"], rows=rows)
