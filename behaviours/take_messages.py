"""Taking messages from a broker: each becomes an item, and is acknowledged when the engine has committed that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from behaviours.supervised import SupervisedBehaviour
from registry.gateway_outbox import GatewayOutbox
from registry.gateway_work import Kept, Session
from registry.outbox import NotInOutboxError, OutboxFullError
from vedette.clock import Clock
from vedette.configuration.gateway import GatewaySection
from vedette.documents.client import DocumentClient
from vedette.errors import ConnectionFailedError, RefusedError
from vedette.gateway.broker import BrokerAccess, Delivery, Inlet, Outlet
from vedette.gateway.incoming import Taken, document_id, has_content, is_digest, take
from vedette.gateway.outgoing import dead_message
from vedette.messages.limits import MAX_BATCH_ITEMS
from vedette.messages.state import Cell, Panel
from vedette.routing import matches
from vedette.signing import SigningKey

MIB: Final = 1024 * 1024
"""Bytes of a mebibyte."""

GROUP_BYTES: Final = 8 * MIB
"""Bytes of bodies that are committed together, but at least one message."""

_IDLE: Final = 0.5
_FULL: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class _Burial:
    """A message that is not taken, on its way to the dead-letter exchange."""

    delivery: Delivery
    field: str
    reason: str
    uuid: str = ""
    """Its item in the outbox, where it came so far."""


class TakeMessages(SupervisedBehaviour):
    """Takes what a broker's queue holds into the outbox; answers the broker for each message, and only once."""

    name: ClassVar[str] = "take"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        section: GatewaySection,
        access: BrokerAccess,
        outbox: GatewayOutbox,
        documents: DocumentClient | None,
        key: SigningKey,
        committed: Callable[[], None],
        busy: Callable[[str], None],
    ) -> None:
        """Describe the work.

        Args:
            clock: tells the time.
            agent_name: for the log.
            section: what is taken.
            access: the broker.
            outbox: where items go; it tells what became of them.
            documents: resolves ids of documents; None: there is no document service.
            key: the gateway's; names items that travel sealed.
            committed: called when there is something to deliver.
            busy: called with why nothing is taken; empty: it is again.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._section = section
        self._access = access
        self._outbox = outbox
        self._documents = documents
        self._key = key
        self._on_commit = committed
        self._on_busy = busy
        self._stir = asyncio.Event()
        self._inlet: Inlet | None = None
        self._dead_letters = Outlet(
            access=access, name=f"vedette {section.name} gives up", exchange=section.dead_exchange, hold=True
        )
        self._session = Session(number=0, only_again=True)
        self._last_at = 0
        self._waiting: dict[str, list[Delivery]] = {}
        self._settled: deque[str] = deque()
        self._to_bury: deque[_Burial] = deque()
        self._bury_at = 0.0
        self.problem = "not connected yet"
        """Why nothing is taken; empty: it is."""
        outbox.settled = self._on_settled
        outbox.given_up = self._on_given_up

    async def run(self) -> None:
        """Take what came, and answer for what is settled; then wait for more.

        Raises:
            ConfigurationError: a file cannot be used.
            ConnectionFailedError: the broker cannot be reached, or the connection ended.
            StoreError: the outbox cannot be used.
        """
        self._stir.clear()
        try:
            inlet = self._inlet or await self._connect()
            if inlet.ended:
                raise self._access.failure(inlet.ended)
            await self._take_group(inlet)
            await self._answer(inlet)
            await self._bury(inlet)
        except Exception as error:
            await self._disconnect(str(error))
            raise
        if not inlet.arrived and not self._settled:
            self._doing = "waiting"
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE):
                    await self._stir.wait()

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, then close the connections: what waits is delivered again."""
        await super().ended()
        await self._disconnect("stopped")
        await self._dead_letters.close()
        if self._documents is not None:
            await self._documents.close()

    # The connection ------------------------------------------------------------------

    async def _connect(self) -> Inlet:
        inlet = Inlet(access=self._access, section=self._section, stir=self._stir.set)
        number = max(self._session.number, await self._outbox.last_session()) + 1
        await inlet.open()
        self._session = Session(number=number, only_again=True)
        self._inlet = inlet
        self._free("")
        self.counters["connections"] += 1
        self.log.info("broker connected", broker=self._access.url, queue=self._section.queue)
        return inlet

    async def _disconnect(self, reason: str) -> None:
        """Forget what was on its way: the broker delivers all of it again, and it is recognised."""
        inlet, self._inlet = self._inlet, None
        self._waiting.clear()
        self._settled.clear()
        self._to_bury.clear()
        self._free(reason)
        if inlet is not None:
            await inlet.close()

    def _free(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._on_busy(problem)

    # Taking --------------------------------------------------------------------------

    async def _take_group(self, inlet: Inlet) -> None:
        group = _group(inlet.arrived)
        if not group:
            return
        judged = [(delivery, await self._judge(delivery)) for delivery in group]
        good = [(delivery, taken) for delivery, taken in judged if taken is not None]
        try:
            kept = await self._outbox.take([taken for _, taken in good], self._session) if good else []
        except OutboxFullError as error:
            # They stay where they are; the broker hands out no more than it did, and holds the rest.
            self.counters["held back"] += 1
            self._to_bury = deque(burial for burial in self._to_bury if burial.delivery not in group)
            self._free(str(error))
            await self._answer(inlet)
            await self.pause(_FULL)
            return
        self._free("")
        for _ in group:
            inlet.arrived.popleft()
        if any(not taken.redelivered for _, taken in good):
            self._session = replace(self._session, only_again=False)
        await self._note(inlet, [delivery for delivery, _ in good], kept)

    async def _judge(self, delivery: Delivery) -> Taken | None:
        """Return what a message becomes; None where it is not taken, and why is told to the broker."""
        self._last_at = max(self.clock.now(), self._last_at + 1)
        message = delivery.message
        try:
            document = "" if has_content(message.headers) else await self._find(document_id(message))
            sealed = any(matches(pattern, message.routing_key) for pattern in self._section.sealed)
            return take(
                message,
                at=self._last_at,
                limit=self._section.largest * MIB,
                document=document,
                sealing=self._key if sealed else None,
            )
        except RefusedError as error:
            self._to_bury.append(_Burial(delivery=delivery, field=error.field, reason=error.reason))
            return None

    async def _find(self, identity: str) -> str:
        """Return the SHA-256 of the document that has an id or a name.

        Raises:
            RefusedError: there is none, or no document service.
            ConnectionFailedError: the document service does not answer.
        """
        if self._documents is None:
            raise RefusedError("HasContent", "is false, but the gateway has no document service: enrol it at the hub")
        # Where there is none with a digest it may still come: sender and collector of it may be two.
        found = identity if is_digest(identity) else await self._documents.find(identity)
        if found is None:
            raise RefusedError("body", f"the document service has no document {identity[:128]!r}")
        return found

    async def _note(self, inlet: Inlet, deliveries: Sequence[Delivery], kept: Sequence[Kept]) -> None:
        done: list[Delivery] = []
        for delivery, one in zip(deliveries, kept, strict=True):
            self.counters["taken" if one.new else "known already"] += 1
            if one.state == "waiting":
                self._waiting.setdefault(one.uuid, []).append(delivery)
            elif one.state == "dead":
                self._to_bury.append(_Burial(delivery=delivery, field=one.field, reason=one.reason, uuid=one.uuid))
            else:
                done.append(delivery)
        await self._acknowledge(inlet, done)
        if any(one.new for one in kept):
            self._on_commit()

    # Answering -----------------------------------------------------------------------

    def _on_settled(self, uuids: Sequence[str]) -> None:
        self._settled.extend(uuids)
        self._stir.set()

    def _on_given_up(self, uuid: str, field: str, reason: str) -> None:
        for delivery in self._waiting.pop(uuid, ()):
            self._to_bury.append(_Burial(delivery=delivery, field=field, reason=reason, uuid=uuid))
        self._stir.set()

    async def _answer(self, inlet: Inlet) -> None:
        """Acknowledge what the engine has committed."""
        done: list[Delivery] = []
        while self._settled:
            done += self._waiting.pop(self._settled.popleft(), ())
        await self._acknowledge(inlet, done)

    async def _acknowledge(self, inlet: Inlet, deliveries: Sequence[Delivery]) -> None:
        await inlet.acknowledge(deliveries)
        self.counters["acknowledged"] += len(deliveries)

    async def _bury(self, inlet: Inlet) -> None:
        """Bring what is not taken to the dead-letter exchange, and only then let the broker forget it."""
        if not self._to_bury or self.clock.monotonic() < self._bury_at:
            return
        burials = [self._to_bury.popleft() for _ in range(min(len(self._to_bury), MAX_BATCH_ITEMS))]
        letters = [dead_message(one.delivery.message, field=one.field, reason=one.reason) for one in burials]
        try:
            if not all(await self._dead_letters.publish(letters)):
                await self._dead_letters.close()
                raise self._access.failure(f"no queue is bound to {self._section.dead_exchange}")
        except ConnectionFailedError as error:
            self._to_bury.extendleft(reversed(burials))
            self._bury_at = self.clock.monotonic() + self.backoff.next()
            self.counters["dead letters delayed"] += 1
            self.log.warning("dead letters wait", count=len(self._to_bury), reason=str(error))
            return
        for one in burials:
            if one.uuid:
                with suppress(NotInOutboxError):
                    await self._outbox.discard(one.uuid, f"sent to {self._section.dead_exchange} with its reason")
            self.counters["dead letters"] += 1
            self.warn_once("message not taken", one.field, field=one.field, reason=one.reason[:400])
        await self._acknowledge(inlet, [one.delivery for one in burials])

    # What is shown -------------------------------------------------------------------

    def panel(self) -> Panel:
        """Return what is taken from where, and how it fares."""
        section, counters = self._section, self.counters
        shown = ("taken", "known already", "acknowledged", "dead letters")
        return Panel(
            title="Taken from the broker",
            columns=["Broker", "Exchange", "Queue", "State", "Waiting", *(name.capitalize() for name in shown)],
            rows=[
                [
                    Cell(text=self._access.url, kind="code"),
                    Cell(text=section.exchange, kind="code"),
                    Cell(text=section.queue, kind="code"),
                    Cell(text=self.problem or "connected"),
                    Cell(text=str(len(self._waiting)), kind="count"),
                    *(Cell(text=str(counters[name]), kind="count") for name in shown),
                ]
            ],
        )


def _group(arrived: deque[Delivery]) -> list[Delivery]:
    """Return the first deliveries, as many as are committed together; they stay where they are."""
    group: list[Delivery] = []
    size = 0
    for delivery in arrived:
        size += len(delivery.message.body)
        if len(group) >= MAX_BATCH_ITEMS or (group and size > GROUP_BYTES):
            break
        group.append(delivery)
    return group
