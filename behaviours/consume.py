"""The consumer's side of a durable queue: fetch, handle, and only then acknowledge."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel
from spade.message import Message

from behaviours.exchange import Incoming, compose
from behaviours.peers import Peer, Peers
from behaviours.queue_wanted import QueueWanted
from behaviours.register import Session
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.delivery.sharing import choose_engine
from vedette.errors import ConnectionFailedError, RefusedError, StoreError, VedetteError
from vedette.messages.batch import Signed, parse_model
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.queue import Acknowledge, Bind, Fetch, QueuedItem, Reject, Settled, open_hand_out
from vedette.sealing.envelope import UNTOLD
from vedette.sealing.keys import SealingKeys
from vedette.signing import SigningKey

Handler = Callable[[Sequence[QueuedItem]], Awaitable[Mapping[int, Exception] | None]]
"""Handles items; payloads by reference are its to resolve.

It handles all or none: what it raises says why it could not. Or it returns, by their ids, why it could not handle
some; all others are handled then.
"""

NOT_THE_ITEM = (StoreError, ConnectionFailedError)
"""Errors of a handler that say nothing about the items: they are given back unblamed."""

ANSWER_WITHIN = 5.0
"""Seconds to wait for an answer; for a fetch, on top of the time that the engine may wait."""

LOOK_EVERY = 0.5
"""Seconds between looks whether the session in which something was asked is still there."""


class NotTriedError(VedetteError):
    """A handler had no time left for an item: it comes again, uncounted."""


class Consume(SupervisedBehaviour):
    """Handles what a queue holds; what fails is told apart, item by item."""

    name: ClassVar[str] = "consume"

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Session,
        peers: Peers,
        key: SigningKey,
        wanted: QueueWanted,
        handle: Handler,
    ) -> None:
        super().__init__(clock=clock, agent_name=agent.split("@", maxsplit=1)[0])
        self._agent = agent
        self._exchange = exchange
        self._peers = peers
        self._key = key
        self.wanted = wanted
        """Which queue, and how."""
        self.depth: int | None = None
        """Items that the queue held when the engine counted last; None: it did not say yet."""
        self._handle = handle
        self._sealing = SealingKeys(clock=clock)
        self._life = secrets.token_hex(8)
        self._bound_at = ""
        self._to_acknowledge: list[int] = []
        self._to_reject: list[tuple[int, str]] = []
        self._to_release: list[tuple[int, str]] = []

    @property
    def engine(self) -> str:
        """JID of the engine that serves the queue, empty while there is none."""
        return self._bound_at

    async def run(self) -> None:
        """Answer for what was handled, then fetch and handle more."""
        engine = await self._find_engine() if self._exchange.online else None
        if engine is None:
            await self.pause(0.5)
            return
        if not await self._settle(engine) or not await self._bind(engine):
            await self.pause(self.backoff.next())
            return
        for items in await self._fetch(engine):
            await self._handle_all(items)
        await self._settle(engine)

    # Asking --------------------------------------------------------------------------

    async def _find_engine(self) -> Peer | None:
        engines = {peer.jid: peer for peer in await self._peers.of_role(Role.AGGREGATION)}
        chosen = choose_engine(engines, agent=self._agent, check=self.wanted.name)
        return None if chosen is None else engines[chosen]

    async def _ask(self, engine: Peer, request: BaseModel, *, time_limit: float = ANSWER_WITHIN) -> Incoming | None:
        """Return the answer; None where none came or the engine could not do it now.

        Raises:
            RefusedError: the engine refuses.
        """
        message = compose(
            to=engine.jid,
            performative=Performative.REQUEST,
            action=Action.QUEUE,
            value=Signed.seal(request, self._key).model_dump(),
        )
        answer = await self._answer_in_this_session(message, time_limit=time_limit)
        if answer is None or answer.performative is Performative.FAILURE:
            self.counters["unanswered"] += 1
            return None
        if answer.performative not in (Performative.CONFIRM, Performative.INFORM):
            self._bound_at = ""
            refused = answer.value()
            reason = refused.get("reason", "") if isinstance(refused, dict) else refused
            raise RefusedError("queue", f"{engine.jid} refuses: {str(reason)[:500]}")
        return answer

    async def _answer_in_this_session(self, message: Message, *, time_limit: float) -> Incoming | None:
        """Wait for the answer, but not longer than the session: it would not arrive in another one."""
        session = self._exchange.session
        asking = asyncio.ensure_future(self._exchange.ask(message, time_limit=time_limit))
        try:
            while self._exchange.online and self._exchange.session == session:
                await asyncio.wait({asking}, timeout=LOOK_EVERY)
                if asking.done():
                    return asking.result()
            return None
        finally:
            asking.cancel()

    async def _bind(self, engine: Peer) -> bool:
        if self._bound_at == engine.jid:
            return True
        wanted = self.wanted
        request = Bind(
            queue=wanted.name,
            consumer=self._agent,
            patterns=list(wanted.patterns),
            shared=wanted.shared,
            from_start=wanted.from_start,
        )
        if await self._ask(engine, request) is None:
            return False
        self._bound_at = engine.jid
        self.log.info("queue bound", queue=wanted.name, engine=engine.jid, patterns=wanted.patterns)
        return True

    async def _fetch(self, engine: Peer) -> list[tuple[QueuedItem, ...]]:
        """Return the items that were handed out, as one group or none."""
        wanted = self.wanted
        request = Fetch(
            queue=wanted.name,
            consumer=self._agent,
            life=self._life,
            limit=wanted.limit,
            lease_seconds=wanted.lease_seconds,
            wait=wanted.wait,
            sealing_key=self._sealing.current.text,
        )
        self._doing = "waiting"
        answer = await self._ask(engine, request, time_limit=wanted.wait + ANSWER_WITHIN)
        self._doing = "running"
        if answer is None:
            return []
        opened = open_hand_out(
            answer.value(),
            engine=engine.jid,
            queue=wanted.name,
            consumer=self._agent,
            conversation=answer.conversation,
            key=engine.verifying(),
            sealing=self._sealing,
        )
        self._to_reject += opened.failures
        self.counters["fetched"] += len(opened.items)
        return [opened.items] if opened.items else []

    # Handling ------------------------------------------------------------------------

    async def _handle_all(self, items: Sequence[QueuedItem]) -> None:
        """Handle a group at once; where that fails one by one, so that each failure is its own item's."""
        until = self.clock.monotonic() + self.wanted.handle_within
        within = self.wanted.handle_within if len(items) == 1 else self.wanted.group_within
        problem = await self._try(items, within=within)
        if problem is None:
            return
        if len(items) == 1:
            self._fail(items[0], problem)
        else:
            self.counters["groups retried"] += 1
            await self._handle_singly(items, until=until)

    async def _handle_singly(self, items: Sequence[QueuedItem], *, until: float) -> None:
        for place, item in enumerate(items):
            within = until - self.clock.monotonic()
            if within < self.wanted.handle_within / 4:
                # Too little to blame an item for taking longer: these come again, uncounted.
                self._to_release += [(late.id, "no time left in this lease") for late in items[place:]]
                return
            problem = await self._try([item], within=within)
            if problem is not None:
                self._fail(item, problem)

    async def _try(self, items: Sequence[QueuedItem], *, within: float) -> str | None:
        """Return None where the handler did it, or said of which items it did not, else why not.

        Raises:
            StoreError, ConnectionFailedError: not the items' fault; they are given back.
        """
        try:
            async with asyncio.timeout(within) as limit:
                left = await self._handle(items) or {}
        except NOT_THE_ITEM as error:
            self._to_release += [(item.id, str(error)[:1000]) for item in items]
            raise
        except Exception as error:  # whatever else a handler raises is about its items
            if limit.expired():
                return f"took longer than {within:.1f} s"
            self.log.warning("cannot handle", items=len(items), item=items[0].uuid, exc_info=error)
            return _told(error)
        self._note(items, left)
        return None

    def _note(self, items: Sequence[QueuedItem], left: Mapping[int, Exception]) -> None:
        """Keep what is to be told of items of which a handler left some.

        Raises:
            StoreError, ConnectionFailedError: why it left some: not their fault, and worth a pause.
        """
        done = [item.id for item in items if item.id not in left]
        self._to_acknowledge += done
        self.counters["handled"] += len(done)
        for item in items:
            problem = left.get(item.id)
            if isinstance(problem, (*NOT_THE_ITEM, NotTriedError)):
                self._to_release.append((item.id, str(problem)[:1000]))
            elif problem is not None:
                self._fail(item, _told(problem))
        for problem in left.values():
            if isinstance(problem, NOT_THE_ITEM):
                raise problem

    def _fail(self, item: QueuedItem, problem: str) -> None:
        self.counters["failed"] += 1
        # The answer travels in the clear, and a reason may quote the item: its kind says enough.
        told = f"{problem.partition(':')[0]}: {UNTOLD}" if item.item.item.meta.sealed else problem
        self._to_reject.append((item.id, told))

    # Answering -----------------------------------------------------------------------

    async def _settle(self, engine: Peer) -> bool:
        """Tell the engine what became of the items; what it does not confirm is told again."""
        name, agent, life = self.wanted.name, self._agent, self._life
        handled, failed, untried = self._to_acknowledge, self._to_reject, self._to_release
        try:
            if handled:
                request = Acknowledge(queue=name, consumer=agent, life=life, ids=handled)
                if not await self._tell(engine, request):
                    return False
                self._to_acknowledge = []
            for failures, blamed in ((failed, True), (untried, False)):
                reject = Reject(queue=name, consumer=agent, life=life, failures=failures, blamed=blamed)
                if failures and not await self._tell(engine, reject):
                    return False
            self._to_reject, self._to_release = [], []
        except RefusedError:
            # The queue is gone or not ours any more: nobody waits for this answer.
            self._to_acknowledge, self._to_reject, self._to_release = [], [], []
            raise
        return True

    async def _tell(self, engine: Peer, request: Acknowledge | Reject) -> bool:
        answer = await self._ask(engine, request)
        if answer is None:
            return False
        settled = parse_model(Settled, answer.value())
        self.counters["acknowledged" if isinstance(request, Acknowledge) else "given back"] += settled.settled
        self.counters["dead letters"] += len(settled.dead)
        self.depth = settled.depth
        return True


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:1000]


__all__ = ["Consume", "Handler", "NotTriedError", "QueueWanted", "QueuedItem"]
