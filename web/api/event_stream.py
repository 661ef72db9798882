"""Events for many subscribers from one reader of the store.

The newest events are kept in a ring, encoded once. A subscriber is a place in it, not a queue: who is slow falls
out of the ring and reads from the store until it is back, or is broken off; memory does not depend on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from registry.live_events import LiveEvent, LiveEvents, Position
from vedette.errors import StoreError, VedetteError
from vedette.log import logger
from web.api.concurrency import STREAMS

KEPT = 4096
"""Events in the ring."""

PAGE = 256
"""Events of each kind read at once, and events that a subscriber is given at once."""

PAUSE = 0.05
"""Seconds between two looks in a burst: what is committed meanwhile travels together."""

LOOK_EVERY = 1.0
"""Seconds between looks while nobody says that something happened, as when another process committed."""

HEARTBEAT = 15.0
"""Seconds after which a subscriber who got nothing is given a sign of life."""

CATCHING_UP = 2
"""Subscribers that read from the store at the same time: the rest of the API reads there, too."""


class CrowdedError(VedetteError):
    """As many subscribers are connected as may be."""


class StoppedError(VedetteError):
    """The stream ends, because the hub does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it is sent."""

    event: LiveEvent
    """The event."""
    data: bytes
    """Its fields as JSON."""
    frame: bytes
    """It as a server-sent event, whose id is the position after it."""

    @classmethod
    def of(cls, event: LiveEvent) -> Entry:
        """Return an event encoded."""
        data = orjson.dumps(event.fields)
        frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (str(event.position).encode(), event.topic.encode(), data)
        return cls(event, data, frame)


class EventStream:
    """Reads what happens and gives it to whoever subscribed."""

    def __init__(self, *, events: LiveEvents, limit: int = STREAMS, kept: int = KEPT) -> None:
        """Describe it; `limit` subscribers at most, `kept` events in the ring."""
        self._events = events
        self._limit = limit
        self._ring: deque[Entry] = deque(maxlen=kept)
        self._end = 0
        self._position: Position | None = None
        self._stir = asyncio.Event()
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self._catching_up = asyncio.Semaphore(CATCHING_UP)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        self._log = logger("events")
        self._problem = ""
        self.subscribers = 0
        """How many are connected."""
        self.counters: Counter[str] = Counter()
        """Events read, subscribers refused, broken off and caught up."""

    def start(self) -> None:
        """Begin to read, as soon as somebody subscribes."""
        self._tasks = [
            asyncio.create_task(self._work(), name="events"),
            asyncio.create_task(self._beat(), name="events-heartbeat"),
        ]

    async def stop(self) -> None:
        """End every stream."""
        self._stopped = True
        self._tell()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def is_full(self) -> bool:
        """Whether nobody more may subscribe."""
        return self.subscribers >= self._limit

    def wake(self) -> None:
        """Say that something happened."""
        if self.subscribers:
            self._stir.set()

    @asynccontextmanager
    async def subscribe(self, topics: Collection[str], *, after: Position | None = None) -> AsyncIterator[Subscriber]:
        """Subscribe while the context lasts; without `after`, to what happens from now on.

        Raises:
            CrowdedError: as many are connected as may be.
            StoreError: the database failed.
        """
        if self.is_full:
            self.counters["refused"] += 1
            raise CrowdedError("as many subscribers are connected as may be; try again later")
        self.subscribers += 1
        try:
            position = await self._ensure_position()
            yield Subscriber(self, topics, position=after or position, behind=after is not None)
        finally:
            self.subscribers -= 1
            if self.subscribers == 0:
                # Nobody listens: nothing is read, and who comes next begins anew.
                self._position = None
                self._ring.clear()

    # For subscribers ------------------------------------------------------------------

    @property
    def begin(self) -> int:
        """Number of the oldest event in the ring."""
        return self._end - len(self._ring)

    @property
    def end(self) -> int:
        """Number that the next event gets."""
        return self._end

    def entries(self, first: int) -> list[Entry]:
        """Return events of the ring from a number on, at most a page."""
        offset = first - self.begin
        return [self._ring[place] for place in range(offset, min(offset + PAGE, len(self._ring)))]

    async def stored(self, position: Position) -> list[Entry]:
        """Return events from the store, at most a page of each kind.

        Raises:
            StoreError: the database failed.
        """
        async with self._catching_up:
            return [Entry.of(event) for event in await self._events.after(position, limit=PAGE)]

    async def news(self) -> None:
        """Wait for an event or a heartbeat.

        Raises:
            StoppedError: the stream ends.
        """
        if not self._stopped:
            await self._news.wait()
        if self._stopped:
            raise StoppedError("the hub is stopping")

    # Reading --------------------------------------------------------------------------

    async def _ensure_position(self) -> Position:
        async with self._reading:
            if self._position is None:
                self._position = await self._events.now()
            return self._position

    async def _work(self) -> None:
        while True:
            # Not wait_for: before Python 3.12 it can swallow the cancellation that ends this (python/cpython#86296).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._stir.wait()
            self._stir.clear()
            try:
                if await self._read():
                    # There may be more, and what is committed meanwhile travels together.
                    self._stir.set()
                    await asyncio.sleep(PAUSE)
                self._problem = ""
            except Exception as error:  # noqa: BLE001  the boundary: the stream outlives whatever fails
                self.counters["failed"] += 1
                if str(error) != self._problem:
                    self._problem = str(error)
                    unknown = None if isinstance(error, StoreError) else error
                    self._log.error("events cannot be read", reason=self._problem, exc_info=unknown)
                await asyncio.sleep(LOOK_EVERY)

    async def _read(self) -> bool:
        async with self._reading:
            position = self._position
            if position is None:
                return False
            events = await self._events.after(position, limit=PAGE)
            if not events or self._position is None:
                return False
            self._position = events[-1].position
            self._ring.extend(map(Entry.of, events))
            self._end += len(events)
            self.counters["events"] += len(events)
        self._tell()
        return True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Subscriber:
    """One subscriber's place."""

    def __init__(self, stream: EventStream, topics: Collection[str], *, position: Position, behind: bool) -> None:
        self._stream = stream
        self._place = stream.end
        self._behind = behind
        self._ahead = False
        self.position = position
        """How far it has got."""
        self.topics = set(topics)
        """What it wants to know of; may change."""

    async def next(self) -> Sequence[Entry]:
        """Return what follows; nothing is a sign of life.

        Raises:
            StoppedError: the stream ends.
            StoreError: the database failed.
        """
        while True:
            if self._behind or self._place < self._stream.begin:
                entries = await self._catch_up()
            elif self._place < self._stream.end:
                entries = self._follow()
            else:
                place = self._place
                await self._stream.news()
                if place == self._stream.end:
                    return ()
                continue
            wanted = [entry for entry in entries if entry.event.topic in self.topics]
            if wanted:
                return wanted

    def _follow(self) -> list[Entry]:
        entries = self._stream.entries(self._place)
        self._place += len(entries)
        reached = entries[-1].event.position
        if not self._ahead:
            self.position = reached
            return entries
        # It read from the store what the ring tells again now.
        fresh = [entry for entry in entries if not entry.event.is_before(self.position)]
        self._ahead = not reached.covers(self.position)
        self.position = self.position.further(reached)
        return fresh

    async def _catch_up(self) -> list[Entry]:
        # What is in the ring up to here is in the store, too, and is read from there.
        place = self._stream.end
        entries = await self._stream.stored(self.position)
        self._behind = self._ahead = True
        if entries:
            self.position = entries[-1].event.position
            self._stream.counters["caught up"] += len(entries)
        else:
            self._behind = False
            self._place = place
        return entries
