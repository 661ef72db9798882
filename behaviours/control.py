"""Orders to an agent about its own checks: given by the hub, signed, and obeyed where they fit."""

from __future__ import annotations

import secrets
from typing import ClassVar, Protocol

from behaviours.exchange import Exchange, Incoming, compose, refusal, reply
from behaviours.peers import Peers
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.errors import RefusedError, VedetteError
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.control import CheckAction, CheckAnswer, CheckOrder
from vedette.messages.envelope import Action, Performative
from vedette.signing import SigningKey


class Checks(Protocol):
    """The checks of an agent, as orders reach them."""

    async def order(self, check: str, action: CheckAction, *, by: str) -> str:
        """Do something to a check; returns what a person must know about it, empty: nothing.

        Raises:
            RefusedError: there is no such check, or it cannot be done to it.
            StoreError: a pause cannot be kept.
        """
        ...


class ObeyOrders(SupervisedBehaviour):
    """Pauses, resumes and runs checks when somebody orders it whose key and role say that he may."""

    name: ClassVar[str] = "obey orders"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.CONTROL)})

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Exchange,
        peers: Peers,
        key: SigningKey,
        started_at: int,
        checks: Checks,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent.partition("@")[0])
        self._agent = agent
        self._exchange = exchange
        self._peers = peers
        self._key = key
        self._life = started_at
        self._checks = checks
        self.newest = 0
        """`signed_at` of the last order that was taken in this life."""

    async def run(self) -> None:
        """Obey one order, or refuse it."""
        message = await self.take()
        if message is None:
            return
        try:
            order = await self._read(message)
        except RefusedError as error:
            self.counters["refused"] += 1
            self.warn_once("order refused", message.sender, str(error), peer=message.sender, reason=str(error))
            self._exchange.send(refusal(message, error))
            return
        answer = await self._obey(order)
        self._exchange.send(reply(message, Performative.INFORM, Signed.seal(answer, self._key).model_dump()))

    async def _read(self, message: Incoming) -> CheckOrder:
        """Return an order that is for us, now.

        Raises:
            RefusedError: the signature, the agent, its life or the time is wrong.
        """
        peer = await self._peers.of_jid(message.sender)
        if peer is None:
            raise RefusedError("from", "is not enrolled")
        order = open_signed(CheckOrder, parse_model(Signed, message.value()), peer.verifying())
        if order.agent != self._agent:
            raise RefusedError("agent", "is another one")
        if order.life != self._life:
            raise RefusedError("life", "is another one; the agent was started again, so look at it first")
        if order.signed_at <= self.newest:
            raise RefusedError("signed_at", "is not newer than that of the last order")
        self.newest = order.signed_at
        return order

    async def _obey(self, order: CheckOrder) -> CheckAnswer:
        try:
            said = await self._checks.order(order.check, order.action, by=order.by)
        except VedetteError as error:
            self.counters["not done"] += 1
            self.log.warning("order not done", action=order.action, by=order.by, reason=str(error))
            return self._answer(order, done=False, reason=str(error))
        self.counters[order.action] += 1
        self.log.info("order done", action=order.action, check=order.check, by=order.by)
        return self._answer(order, done=True, reason=said)

    def _answer(self, order: CheckOrder, *, done: bool, reason: str) -> CheckAnswer:
        return CheckAnswer(agent=self._agent, signed_at=order.signed_at, done=done, reason=reason[:1000])


async def give_order(
    order: CheckOrder, *, exchange: Exchange, peers: Peers, key: SigningKey, time_limit: float
) -> CheckAnswer | None:
    """Send an order and return the agent's answer, None when none comes in time.

    Raises:
        RefusedError: the agent refused it, or its answer is not the agent's.
    """
    message = compose(
        to=order.agent,
        performative=Performative.REQUEST,
        action=Action.CONTROL,
        value=Signed.seal(order, key).model_dump(),
        conversation=secrets.token_hex(16),
    )
    incoming = await exchange.ask(message, time_limit=time_limit)
    if incoming is None:
        return None
    if incoming.performative is not Performative.INFORM:
        reason = incoming.value()
        raise RefusedError("agent", f"refused: {reason.get('reason') if isinstance(reason, dict) else reason}"[:300])
    peer = await peers.of_jid(order.agent)
    if peer is None:
        raise RefusedError("agent", "is not enrolled any more")
    answer = open_signed(CheckAnswer, parse_model(Signed, incoming.value()), peer.verifying())
    if (answer.agent, answer.signed_at) != (order.agent, order.signed_at):
        raise RefusedError("answer", "is to another order")
    return answer
