"""The engine's side of the consumers' durable queues.

Consumers ask and the engine keeps the question until it has something (long polling). Pushing would need to know
who is there and how much each can take; so, what a consumer can take is what it asked for, nothing piles up on
either side, and after any loss (a message, an engine, a consumer) asking again is all there is to do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, refusal, reply
from behaviours.peers import Peers
from behaviours.supervised import SupervisedBehaviour
from registry.queues import Asker, HeldItem, Queues, QueueStatus
from vedette.clock import Clock
from vedette.delivery.packing import PACK_BYTES
from vedette.errors import RefusedError, StoreError
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.card import check_role
from vedette.messages.envelope import Action, Performative
from vedette.messages.queue import (
    Acknowledge,
    Bind,
    Fetch,
    HandOut,
    QueueRequest,
    Reject,
    Settled,
    Unbind,
    hand_out_body,
)
from vedette.messages.state import Cell, Panel
from vedette.sealing.keys import SealingKey
from vedette.signing import SigningKey

LOOK_EVERY = 1.0
"""Seconds between looks for what other engines committed, and for what failed and is due again."""

LOOK_AT_STATUS = 2.0
"""Seconds between counts for the agent's page, at least; a slow count is done less often."""

PARKED = 1000
"""Fetches that may wait at once."""


@dataclass(frozen=True, kw_only=True)
class _Parked:
    message: Incoming
    asker: Asker
    fetch: Fetch
    until: float


class ServeQueues(SupervisedBehaviour):
    """Hands out what queues hold, to their owners only, and takes the answers."""

    name: ClassVar[str] = "serve queues"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.QUEUE)})

    def __init__(
        self, *, clock: Clock, engine: str, exchange: Exchange, peers: Peers, queues: Queues, key: SigningKey
    ) -> None:
        super().__init__(clock=clock, agent_name=engine.split("@", maxsplit=1)[0])
        self._engine = engine
        self._exchange = exchange
        self._peers = peers
        self._queues = queues
        self._key = key
        self._stir = asyncio.Event()
        self._parked: dict[tuple[str, str], _Parked] = {}
        self._statuses: list[QueueStatus] = []
        self._count_at = 0.0

    def wake(self) -> None:
        """Say that items were committed."""
        self._stir.set()

    def deliver(self, message: Incoming) -> bool:
        """Put a request into the mailbox and wake up."""
        self._stir.set()
        return super().deliver(message)

    async def run(self) -> None:
        """Answer what was asked, then serve those who wait."""
        self._stir.clear()
        while (message := self.take_now()) is not None:
            await self._answer(message)
        await self._serve_parked()
        await self._count()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), LOOK_EVERY)
        except TimeoutError:
            return

    # Requests ------------------------------------------------------------------------

    async def _answer(self, message: Incoming) -> None:
        try:
            asker, request = await self._open(message)
            if isinstance(request, Fetch):
                await self._fetch(_Parked(message=message, asker=asker, fetch=request, until=self._until(request)))
            else:
                settled = await self._settle(asker, request)
                settled = settled.model_copy(update={"depth": self._depth_of(request.queue)})
                self._exchange.send(reply(message, Performative.CONFIRM, settled.model_dump()))
        except RefusedError as error:
            self.counters["refused"] += 1
            self.log.warning("refused", peer=message.sender, reason=str(error))
            self._exchange.send(refusal(message, error))
        except StoreError:
            self._exchange.send(reply(message, Performative.FAILURE, {"reason": "the store failed"}))
            raise

    async def _open(self, message: Incoming) -> tuple[Asker, Bind | Unbind | Fetch | Acknowledge | Reject]:
        peer = await self._peers.of_jid(message.sender)
        if peer is None:
            raise RefusedError("from", f"{message.sender[:128]} is not enrolled")
        check_role(peer.role, Action.QUEUE)
        request = open_signed(QueueRequest, parse_model(Signed, message.value()), peer.verifying()).root
        if request.consumer != message.sender:
            raise RefusedError("consumer", f"is {request.consumer[:128]}, but {message.sender[:128]} sent it")
        return Asker(jid=peer.jid, role=peer.role.value), request

    async def _settle(self, asker: Asker, request: Bind | Unbind | Acknowledge | Reject) -> Settled:
        if isinstance(request, Bind):
            return await self._bind(asker, request)
        if isinstance(request, Unbind):
            gone = await self._queues.unbind(request.queue, asker=asker, patterns=request.patterns)
            return Settled(settled=gone)
        if isinstance(request, Acknowledge):
            done = await self._queues.acknowledge(request.queue, asker=asker, life=request.life, ids=request.ids)
            self.counters["acknowledged"] += done
            return Settled(settled=done)
        return await self._take_back(asker, request)

    async def _bind(self, asker: Asker, request: Bind) -> Settled:
        bound = await self._queues.bind(
            request.queue,
            owner=asker.role if request.shared else asker.jid,
            asker=asker,
            patterns=request.patterns,
            from_start=request.from_start,
        )
        self._count_at = 0.0
        if bound.patterns:
            self.log.info("bound", queue=request.queue, peer=asker.jid, patterns=bound.patterns, held=bound.held)
        return Settled(settled=len(bound.patterns))

    async def _take_back(self, asker: Asker, request: Reject) -> Settled:
        if not request.blamed:
            ids = [item_id for item_id, _ in request.failures]
            back = await self._queues.release(request.queue, asker=asker, life=request.life, ids=ids)
            self.counters["released"] += back
            return Settled(settled=back)
        dead = await self._queues.reject(request.queue, asker=asker, life=request.life, failures=request.failures)
        self.counters["rejected"] += len(request.failures)
        self.counters["dead letters"] += len(dead)
        for item_id, reason in request.failures:
            outcome = "dead letter" if item_id in dead else "comes again"
            self.log.warning("not handled", queue=request.queue, peer=asker.jid, reason=reason, outcome=outcome)
        return Settled(settled=len(request.failures), dead=dead)

    # Handing out ---------------------------------------------------------------------

    def _until(self, fetch: Fetch) -> float:
        return self.clock.monotonic() + fetch.wait

    async def _fetch(self, parked: _Parked) -> None:
        key = (parked.fetch.queue, parked.asker.jid)
        # Asking again replaces: the answer to the earlier question would not be expected any more.
        self._parked.pop(key, None)
        if await self._hand_out(parked, held=parked.fetch.held):
            return
        if parked.fetch.wait == 0 or len(self._parked) >= PARKED:
            self._send(parked, [])
        else:
            self._parked[key] = parked

    async def _hand_out(self, parked: _Parked, *, held: list[int] | None) -> bool:
        fetch = parked.fetch
        items = await self._queues.lease(
            fetch.queue,
            asker=parked.asker,
            life=fetch.life,
            limit=fetch.limit,
            max_bytes=PACK_BYTES,
            lease_seconds=fetch.lease_seconds,
            held=held,
        )
        if items:
            self._send(parked, items)
        return bool(items)

    def _send(self, parked: _Parked, items: list[HeldItem]) -> None:
        hand_out = HandOut(
            engine=self._engine,
            queue=parked.fetch.queue,
            consumer=parked.asker.jid,
            conversation=parked.message.conversation,
            items=[(item.id, item.uuid, item.digest, item.attempts, item.received_at) for item in items],
        )
        wanted = parked.fetch.sealing_key
        body = hand_out_body(
            hand_out,
            [item.data for item in items],
            key=self._key,
            sealing=SealingKey.from_text(wanted) if wanted else None,
        )
        self._exchange.send(reply(parked.message, Performative.INFORM, body))
        self.counters["handed out"] += len(items)

    async def _serve_parked(self) -> None:
        if not self._parked:
            return
        due = await self._queues.due({queue for queue, _ in self._parked})
        now = self.clock.monotonic()
        for key, parked in list(self._parked.items()):
            if key[0] in due and await self._serve(parked):
                del self._parked[key]
            elif parked.until <= now:
                del self._parked[key]
                self._send(parked, [])

    async def _serve(self, parked: _Parked) -> bool:
        try:
            return await self._hand_out(parked, held=None)
        except RefusedError as error:
            self._exchange.send(refusal(parked.message, error))
            return True

    # The agent's page ----------------------------------------------------------------

    async def _count(self) -> None:
        began = self.clock.monotonic()
        if began < self._count_at:
            return
        self._statuses = await self._queues.statuses()
        now = self.clock.monotonic()
        # Counting a deep queue takes long: never more than a twentieth of the time.
        self._count_at = now + max(LOOK_AT_STATUS, 20 * (now - began))

    def _depth_of(self, queue: str) -> int | None:
        return next((status.depth for status in self._statuses if status.name == queue), None)

    def panel(self) -> Panel:
        """Return the queues as a table, as they were counted last."""
        return Panel(
            title="Queues",
            columns=["Name", "Owner", "Bindings", "Depth", "Handed out", "Oldest since", "Dead letters"],
            rows=[_row(status) for status in self._statuses[:200]],
            empty="No consumer has bound a queue yet.",
        )


def _row(status: QueueStatus) -> list[Cell]:
    oldest = status.oldest_queued_at
    return [
        Cell(text=status.name, kind="code"),
        Cell(text=status.owner, kind="code"),
        Cell(text=", ".join(status.patterns)[:400], kind="code"),
        Cell(text=str(status.depth), kind="count"),
        Cell(text=str(status.leased), kind="count"),
        Cell(text="none waits") if oldest is None else Cell(text=str(oldest), kind="time"),
        Cell(text=str(status.dead_letters), kind="bad" if status.dead_letters else "good"),
    ]
