"""The intake over XMPP: check, commit in groups, and only then confirm with a signed receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from behaviours.exchange import Exchange, Incoming, refusal, reply
from behaviours.peers import Peers
from behaviours.supervised import SupervisedBehaviour
from registry.intake import Committed, Delivery, Intake
from registry.refusals import Refusal, Refusals
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.delivery.packing import open_batch, read_batch
from vedette.errors import RefusedError, StoreError
from vedette.messages.batch import Receipt, Signed
from vedette.messages.card import check_role
from vedette.messages.envelope import Action, Performative
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_BODY
from vedette.messages.scandale import standardized
from vedette.sealing.envelope import told
from vedette.sealing.keys import SealingKeys
from vedette.signing import SigningKey

GROUP = 16
"""Batches committed together at most: one fsync for all of them."""

NO_MANIFEST = "0" * 64
"""What a receipt for an unsigned item says in place of a manifest's digest."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    message: Incoming
    delivery: Delivery
    refused: tuple[tuple[str, str, str], ...]
    sealed: frozenset[str] = frozenset()


class Receive(SupervisedBehaviour):
    """Commits what enrolled agents send, once, and answers with a receipt."""

    name: ClassVar[str] = "receive"
    accepts: ClassVar = frozenset({(Performative.INFORM, Action.DELIVER), (Performative.INFORM, None)})

    def __init__(
        self,
        *,
        clock: Clock,
        engine: str,
        exchange: Exchange,
        peers: Peers,
        intake: Intake,
        refusals: Refusals,
        key: SigningKey,
        sealing: SealingKeys,
        committed: Callable[[int, list[str]], None],
    ) -> None:
        super().__init__(clock=clock, agent_name=engine.split("@", maxsplit=1)[0])
        self._engine = engine
        self._exchange = exchange
        self._peers = peers
        self._intake = intake
        self._refusals = refusals
        self._key = key
        self._sealing = sealing
        self._on_commit = committed

    async def run(self) -> None:
        """Take what waits, commit it in one transaction, answer each."""
        first = await self.take()
        group = [first] if first is not None else []
        while len(group) < GROUP and (more := self.take_now()) is not None:
            group.append(more)
        opened: list[_Opened] = []
        for message in group:
            one = await self._open(message)
            if one is not None:
                opened.append(one)
            # A full batch takes 6 ms to check: between two, the other agents of this process have their turn.
            await asyncio.sleep(0)
        if opened:
            await self._commit(opened)

    async def _open(self, message: Incoming) -> _Opened | None:
        try:
            if message.action is None:
                return self._open_unsigned(message)
            return await self._open_batch(message)
        except RefusedError as error:
            await self._refuse(message, error)
            return None

    async def _open_batch(self, message: Incoming) -> _Opened:
        signed, items = read_batch(message.value())
        peer = await self._peers.of_jid(message.sender)
        if peer is None:
            raise RefusedError("from", f"{message.sender[:128]} is not enrolled")
        check_role(peer.role, Action.DELIVER)
        batch = open_batch(
            signed, items, sender=peer.jid, key=peer.verifying(), receiver=self._engine, sealing=self._sealing
        )
        self.counters["sealed"] += len(batch.sealed)
        delivery = Delivery(
            sender=peer.jid,
            signed=signed,
            manifest=batch.manifest,
            items=batch.items,
            received_at=self.clock.now(),
        )
        return _Opened(message=message, delivery=delivery, refused=batch.refused, sealed=batch.sealed)

    def _open_unsigned(self, message: Incoming) -> _Opened:
        """Open a bare SCANDALE message; that its sender may send one was checked at admission."""
        if len(message.text) > MAX_BODY:
            raise RefusedError("body", f"is {len(message.text)} characters; the limit is {MAX_BODY}")
        item = ReceivedItem(standardized(parse_json(message.text), agent=message.sender))
        delivery = Delivery(
            sender=message.sender, signed=None, manifest=None, items=(item,), received_at=self.clock.now()
        )
        self.counters["unsigned"] += 1
        return _Opened(message=message, delivery=delivery, refused=())

    async def _commit(self, opened: list[_Opened]) -> None:
        try:
            results = await self._intake.commit([one.delivery for one in opened])
        except StoreError:
            # Nothing was acknowledged, so every sender keeps its items and sends them again.
            for one in opened:
                self._exchange.send(reply(one.message, Performative.FAILURE, {"reason": "the store failed"}))
            raise
        self.counters["commits"] += 1
        for one, result in zip(opened, results, strict=True):
            await self._answer(one, result)
        fresh = sum(len(result.committed) - result.duplicates for result in results)
        if fresh:
            self._on_commit(fresh, sorted({one.delivery.sender for one in opened}))

    async def _answer(self, one: _Opened, result: Committed) -> None:
        refused = [*one.refused, *result.refused]
        receipt = Receipt(
            engine=self._engine,
            epoch=self._intake.epoch,
            manifest_sha256=one.delivery.signed.sha256 if one.delivery.signed is not None else NO_MANIFEST,
            committed=result.committed,
            refused=[
                (uuid, field, told(field, reason, sealed=uuid in one.sealed)) for uuid, field, reason in refused
            ],
            log_index=result.log_index,
            head=result.head,
        )
        sealed = Signed.seal(receipt, self._key)
        self._exchange.send(reply(one.message, Performative.CONFIRM, sealed.model_dump()))
        self.counters["items"] += len(result.committed) - result.duplicates
        self.counters["duplicates"] += result.duplicates
        for uuid, field, reason in refused:
            self._count_refusal(one.message.sender, uuid, field, reason)
        # What the intake itself refused is recorded by its transaction.
        await self._record(one.message.sender, one.refused)

    async def _refuse(self, message: Incoming, error: RefusedError) -> None:
        self._exchange.send(refusal(message, error))
        self._count_refusal(message.sender, "", error.field, error.reason)
        await self._record(message.sender, [("", error.field, error.reason)])

    def _count_refusal(self, sender: str, uuid: str, field: str, reason: str) -> None:
        self.counters["refused"] += 1
        self.warn_once("refused", sender, field, reason, peer=sender, item=uuid, field=field, reason=reason)

    async def _record(self, sender: str, refused: Sequence[tuple[str, str, str]]) -> None:
        if not refused:
            # The usual case must not wait for the store's writer, who may be closing a batch for its proof.
            return
        now = self.clock.now()
        await self._refusals.record(
            [
                Refusal(at=now, sender=sender, uuid=uuid[:64], field=field[:200], reason=reason[:1000])
                for uuid, field, reason in refused
            ]
        )
