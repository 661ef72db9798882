"""`POST /items/`: the one intake over HTTP. What waits is committed together, and only then answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.delivery import Committed, Delivery
from registry.intake import Intake
from registry.refusals import Refusal, Refusals
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.errors import ConflictError, RefusedError, StoreError, VedetteError
from vedette.log import logger
from vedette.messages.item import ReceivedItem
from vedette.messages.scandale import standardized

GROUP = 256
"""Items committed together at most: past a hundred, one more costs nothing less."""

GROUP_BYTES = 4 * 1024 * 1024
"""Bytes of their bodies at most, but for a single larger one."""

WAITING = 1024
"""Items that wait for a commit at most; one more is told to come again."""


LINGER = 0.002
"""Seconds at most that a group waits until it is as large as the one before: whoever was answered then may be about
to come again, and a commit costs as much as eight more items in it."""


NEWS_EVERY = 0.05
"""Seconds between two tellings that something was committed: each wakes whatever works on items, which costs more
than a commit."""


class BusyError(VedetteError):
    """More items wait than may; the sender keeps its item and sends it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """What became of an item."""

    item: ReceivedItem
    """The item as it was understood."""
    new: bool
    """Whether it was not stored before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    delivery: Delivery
    size: int
    answer: asyncio.Future[Committed]


class ItemIntake:
    """Hands items to the intake, many in one commit."""

    def __init__(
        self, *, intake: Intake, refusals: Refusals, clock: Clock, committed: Callable[[int, list[str]], None]
    ) -> None:
        """Describe it.

        Args:
            intake: the one intake.
            refusals: where what is refused is kept.
            clock: says when something was received.
            committed: called after a commit with the number of new items and their senders.
        """
        self._intake = intake
        self._refusals = refusals
        self._clock = clock
        self._committed = committed
        self._waiting: deque[_Waiting] = deque()
        self._stir = asyncio.Event()
        self._full = asyncio.Event()
        self._usual = 1
        self._fresh = 0
        self._senders: set[str] = set()
        self._telling: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._log = logger("api")
        self._warned: set[tuple[str, str]] = set()
        self.counters: Counter[str] = Counter()
        """Items, duplicates, refused, commits, busy."""

    def start(self) -> None:
        """Begin to commit."""
        self._task = asyncio.create_task(self._work(), name="post-items")

    async def stop(self) -> None:
        """Stop committing; whoever still waits is told that nothing was stored."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        while self._waiting:
            _fail(self._waiting.popleft(), StoreError("the hub is stopping"))
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self._fresh:
            self._committed(self._fresh, sorted(self._senders))
            self._fresh = 0

    async def post(self, body: bytes, *, sender: str) -> Posted:
        """Commit an item; when this returns, it is on disk.

        Raises:
            RefusedError: it is not taken; names the field and the reason.
            ConflictError: the uuid is taken by another content or another sender.
            BusyError: too many wait.
            StoreError: the database failed.
        """
        if len(self._waiting) >= WAITING or self._task is None:
            self.counters["busy"] += 1
            raise BusyError("too many items wait to be stored; send it again in a moment")
        try:
            item = ReceivedItem(standardized(parse_json(body), agent=sender))
        except RefusedError as error:
            await self._refuse(sender, "", error)
            raise
        now = self._clock.now()
        delivery = Delivery(sender=sender, signed=None, manifest=None, items=(item,), received_at=now)
        waiting = _Waiting(delivery=delivery, size=len(body), answer=asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._stir.set()
        if len(self._waiting) >= self._usual:
            self._full.set()
        # Who stops waiting does not stop the commit.
        return self._understood(item, await waiting.answer, sender)

    def _understood(self, item: ReceivedItem, result: Committed, sender: str) -> Posted:
        for _uuid, field, reason in result.refused:
            self._note_refusal(sender, field, reason)
            # Nothing else is refused at a commit with this field: validation refused its wrong forms before.
            raise (ConflictError if field == "meta.uuid" else RefusedError)(field, reason)
        self.counters["duplicates"] += result.duplicates
        return Posted(item=item, new=not result.duplicates)

    async def _refuse(self, sender: str, uuid: str, error: RefusedError) -> None:
        self._note_refusal(sender, error.field, error.reason)
        refusal = Refusal(
            at=self._clock.now(), sender=sender, uuid=uuid, field=error.field[:200], reason=error.reason[:1000]
        )
        await self._refusals.record([refusal])

    def _note_refusal(self, sender: str, field: str, reason: str) -> None:
        self.counters["refused"] += 1
        # The store keeps every refusal; the log says the first of each kind.
        if len(self._warned) < WAITING and (sender, field) not in self._warned:
            self._warned.add((sender, field))
            self._log.warning("item refused", sender=sender, field=field, reason=reason)

    # Committing -----------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._stir.wait()
            self._stir.clear()
            while self._waiting:
                await self._gather()
                group = self._take()
                self._usual = len(group)
                await self._commit(group)

    async def _gather(self) -> None:
        """Wait for others, if others came last time."""
        if len(self._waiting) >= self._usual:
            return
        self._full.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._full.wait()

    def _take(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        room = GROUP_BYTES - group[0].size
        while self._waiting and len(group) < GROUP and self._waiting[0].size <= room:
            room -= self._waiting[0].size
            group.append(self._waiting.popleft())
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await self._intake.commit([one.delivery for one in group])
        except asyncio.CancelledError:
            for one in group:
                _fail(one, StoreError("the hub is stopping; send it again to learn whether it was stored"))
            raise
        except Exception as error:  # noqa: BLE001  the boundary: whatever fails, the next group is committed
            self.counters["failed commits"] += 1
            self._log.error("items were not stored", count=len(group), reason=str(error), exc_info=_unknown(error))
            for one in group:
                _fail(one, error if isinstance(error, VedetteError) else StoreError("the commit failed"))
            return
        self.counters["commits"] += 1
        for one, result in zip(group, results, strict=True):
            if not one.answer.done():
                one.answer.set_result(result)
        self._note(group, results)

    def _note(self, group: Sequence[_Waiting], results: Sequence[Committed]) -> None:
        fresh = sum(len(result.committed) - result.duplicates for result in results)
        self.counters["items"] += fresh
        self._fresh += fresh
        self._senders |= {one.delivery.sender for one in group}
        if fresh and self._telling is None:
            self._tell()

    def _tell(self) -> None:
        """Tell what was committed, now and again after a while if there is more by then."""
        fresh, senders = self._fresh, sorted(self._senders)
        self._fresh, self._senders, self._telling = 0, set(), None
        if fresh:
            self._telling = asyncio.get_running_loop().call_later(NEWS_EVERY, self._tell)
            self._committed(fresh, senders)


def _unknown(error: Exception) -> Exception | None:
    """Return an error that nobody raised on purpose: its trace is needed."""
    return None if isinstance(error, VedetteError) else error


def _fail(waiting: _Waiting, error: VedetteError) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
        # Nobody may be there any more to hear it.
        waiting.answer.exception()
