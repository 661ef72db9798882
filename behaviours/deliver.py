"""Delivering what the outbox holds: signed batches in a bounded window, until signed receipts come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from behaviours.exchange import Incoming, compose_encoded
from behaviours.peers import Peer, Peers
from behaviours.register import Session
from behaviours.seal import SealItems
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox, OutboxItem
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.delivery.packing import PACK_BYTES, OutgoingItem, pack
from vedette.delivery.sharing import choose_engine
from vedette.delivery.window import Flight, Window
from vedette.errors import RefusedError
from vedette.messages.batch import Receipt, Signed, open_signed, parse_model
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.limits import MAX_BATCH_ITEMS
from vedette.sealing.keys import KEY_FIELD
from vedette.signing import SigningKey

IDLE = 0.5
"""Seconds between looks at the clock while nothing happens."""

LOOK_BACK_EVERY = 2.0
"""Seconds between looks at items that were refused and may be tried again."""


class Deliver(SupervisedBehaviour):
    """Sends the outbox to an engine; forgets nothing before the engine's signed receipt."""

    name: ClassVar[str] = "deliver"
    accepts: ClassVar = frozenset(
        (performative, Action.DELIVER)
        for performative in (
            Performative.CONFIRM,
            Performative.REFUSE,
            Performative.FAILURE,
            Performative.NOT_UNDERSTOOD,
        )
    )

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Session,
        peers: Peers,
        outbox: Outbox,
        key: SigningKey,
        target: str,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent.split("@", maxsplit=1)[0])
        self._agent = agent
        self._exchange = exchange
        self._peers = peers
        self._outbox = outbox
        self._key = key
        self._target = target
        self._window = Window()
        self._stir = asyncio.Event()
        self._session = 0
        self._engines: tuple[str, ...] = ()
        self._sealing = SealItems(agent=agent)
        self._look_back_at = 0.0

    @property
    def engine(self) -> str:
        """JIDs of the engines that batches go to now, empty while there is none."""
        return ", ".join(self._engines)

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._stir.set()

    def look_back(self) -> None:
        """Say that items which waited behind others may be sent now."""
        self._look_back_at = 0.0
        self._stir.set()

    def deliver(self, message: Incoming) -> bool:
        """Put an answer into the mailbox and wake up."""
        self._stir.set()
        return super().deliver(message)

    async def run(self) -> None:
        """Take in the answers, then send what is due and what is new."""
        self._stir.clear()
        await self._take_answers()
        if self._exchange.online:
            await self._look_for_engines()
            await self._fill()
            self._send_due()
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), self._rest())
        except TimeoutError:
            return

    # Engines -------------------------------------------------------------------------

    async def _look_for_engines(self) -> None:
        if self._session != self._exchange.session:
            self._session = self._exchange.session
            self._window.all_due()
        if not len(self._window) and not await self._next_items(most=1):
            return
        engines = await self._resolve()
        if engines and engines != self._engines:
            # What was on its way to an engine that is gone is packed anew for those that are there;
            # if the gone one had committed it, the others see a duplicate in the shared store.
            self._window.keep_engines(engines)
            self._look_back_at = 0.0
        self._engines = engines

    async def _resolve(self) -> tuple[str, ...]:
        if "@" in self._target:
            peer = await self._peers.of_jid(self._target)
            found: tuple[Peer, ...] = () if peer is None else (peer,)
        else:
            found = await self._peers.of_role(Role(self._target))
        self._sealing.receivers = {peer.jid: peer.sealing_key for peer in found}
        return tuple(sorted(peer.jid for peer in found))

    def _engine_of(self, item: OutboxItem) -> str:
        """Return the engine of an item's check; there is at least one engine."""
        if len(self._engines) == 1:
            return self._engines[0]
        check = str(parse_json(item.data)["meta"].get("check", ""))
        return choose_engine(self._engines, agent=self._agent, check=check) or self._engines[0]

    # Sending -------------------------------------------------------------------------

    async def _fill(self) -> None:
        while self._engines and self._window.has_room:
            items = await self._next_items(most=MAX_BATCH_ITEMS)
            if not items:
                return
            shares: dict[str, list[OutgoingItem]] = {}
            for item in items:
                share = shares.setdefault(self._engine_of(item), [])
                share.append(OutgoingItem(seq=item.seq, uuid=item.uuid, digest=item.digest, data=item.data))
            for engine, share in shares.items():
                ready = await self._sealing.ready(share, engine, refused=self._outbox.refuse)
                self.counters["sealed"] = self._sealing.count
                if ready:
                    self._launch(engine, ready)

    def _launch(self, engine: str, items: Sequence[OutgoingItem]) -> None:
        try:
            packed = pack(items, agent=self._agent, epoch=self._outbox.epoch, key=self._key)
        except RefusedError:
            # What is sealed cannot be compressed, so fewer may fit into a message than usually do.
            if len(items) == 1:
                raise
            self._launch(engine, items[: len(items) // 2])
            self._launch(engine, items[len(items) // 2 :])
            return
        self._window.add(
            Flight(
                engine=engine,
                manifest_sha256=packed.manifest_sha256,
                uuids=tuple(item.uuid for item in items),
                seqs=tuple(item.seq for item in items),
                text=packed.text,
                encoding=packed.encoding,
            )
        )

    async def _next_items(self, *, most: int) -> list[OutboxItem]:
        """Return what follows the window; now and then also what was refused and waits behind it."""
        now = self.clock.monotonic()
        if now >= self._look_back_at:
            items = await self._outbox.next_batch(exclude=self._window.seqs(), max_items=most, max_bytes=PACK_BYTES)
            if not items or items[0].seq > self._window.last_seq:
                self._look_back_at = now + LOOK_BACK_EVERY
            return items
        return await self._outbox.next_batch(after=self._window.last_seq, max_items=most, max_bytes=PACK_BYTES)

    def _send_due(self) -> None:
        now = self.clock.monotonic()
        for flight in self._window.due(now):
            message = compose_encoded(
                to=flight.engine,
                performative=Performative.INFORM,
                action=Action.DELIVER,
                text=flight.text,
                encoding=flight.encoding,
                conversation=flight.manifest_sha256,
            )
            if not self._exchange.send(message):
                return
            self.counters["sent again" if flight.attempts else "batches sent"] += 1
            self._window.sent(flight, now)

    def _rest(self) -> float:
        due = self._window.next_due()
        return IDLE if due is None else max(0.0, min(IDLE, due - self.clock.monotonic()))

    # Answers -------------------------------------------------------------------------

    async def _take_answers(self) -> None:
        while (answer := self.take_now()) is not None:
            try:
                if answer.performative is Performative.CONFIRM:
                    await self._confirmed(answer)
                else:
                    await self._batch_refused(answer)
            except RefusedError as error:
                self.counters["answers refused"] += 1
                self.log.warning("an answer is refused", peer=answer.sender, reason=str(error))

    async def _confirmed(self, answer: Incoming) -> None:
        signed = parse_model(Signed, answer.value())
        receipt = await self._check_receipt(answer.sender, signed)
        flight = self._window.answered(receipt.manifest_sha256, self.clock.monotonic())
        if flight is None:
            self.counters["receipts again"] += 1
            return
        expected = set(flight.uuids)
        kept = [uuid for uuid, _, _ in receipt.committed if uuid in expected]
        if kept:
            await self._outbox.confirm(signed, kept)
            self.counters["confirmed"] += len(kept)
        for uuid, field, reason in receipt.refused:
            if uuid in expected:
                await self._outbox.refuse(uuid, field, reason)
                self.counters["refused"] += 1
                if field == KEY_FIELD:
                    # The engine was started anew: the registry knows its present key.
                    self._peers.forget()
                self.log.warning("item refused", item=uuid, engine=receipt.engine, field=field, reason=reason)

    async def _check_receipt(self, sender: str, signed: Signed) -> Receipt:
        peer = await self._peers.of_jid(sender)
        if peer is None or peer.role is not Role.AGGREGATION:
            raise RefusedError("from", f"{sender[:128]} is not an enrolled aggregation engine")
        receipt = open_signed(Receipt, signed, peer.verifying())
        if receipt.engine != sender:
            raise RefusedError("engine", f"is {receipt.engine[:128]}, but {sender[:128]} sent it")
        return receipt

    async def _batch_refused(self, answer: Incoming) -> None:
        reason = answer.value()
        text = str(reason.get("reason", reason) if isinstance(reason, dict) else reason)[:1000]
        self.counters["batches refused"] += 1
        self.log.warning("batch refused", engine=answer.sender, answer=answer.performative.value, reason=text)
        self._window.delayed(answer.conversation, self.clock.monotonic())
