"""A streaming replica of the store's PostgreSQL, which answers what is only read.

It is asked while it is at most so far behind; else, and whenever it fails, the store itself answers. Whoever asks
sees at least what was committed in this process, or heard of, before the question: how far the store had written then
is the mark that the replica must have replayed. The mark is only asked for after something happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future as ConcurrentFuture
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from registry.database import Database
from registry.engines import READERS
from registry.reading import Reads
from registry.replica_lag import Outcome, ReplicaLag, ReplicaState
from registry.replica_reading import BehindError, ReplicaReading
from vedette.clock import Clock
from vedette.delivery.backoff import Backoff
from vedette.errors import StoreError
from vedette.log import logger

T = TypeVar("T")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at how far the replica is."""

ANSWER: Final = 3.0
"""Seconds within which a replica answers that is there."""

# A commit that is acknowledged is flushed, unless the server was told otherwise; what is not flushed is not sent yet.
_WRITTEN: Final = text(
    "SELECT ((CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()"
    " ELSE pg_current_wal_flush_lsn() END) - '0/0'::pg_lsn)::bigint"
)
_WHO: Final = "(SELECT current_database() || ' of ' || system_identifier FROM pg_control_system())"
_STORE: Final = text(f"SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS written, {_WHO} AS who")
_REPLAYED: Final = "coalesce((pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint, 0)"
_LOOK: Final = text(f"SELECT pg_is_in_recovery() AS replays, {_REPLAYED} AS replayed, {_WHO} AS who")


class Replica:
    """Reads a replica where that shows enough, and the store where not."""

    def __init__(self, url: str, *, store: Database, most_lag: float, clock: Clock, readers: int = READERS) -> None:
        """Describe it; nothing is opened yet.

        Args:
            url: where the replica is.
            store: what it is a replica of, open.
            most_lag: seconds that it may be behind.
            clock: the time.
            readers: connections to it that read at the same time; one more looks how far it is.

        Raises:
            StoreError: the URL is none of a database.
        """
        self._reading = ReplicaReading(url, readers=readers)
        # Of its own: while all others are busy it must be seen how far the replica is.
        self._looking = ReplicaReading(url, readers=1)
        self._store = store
        self._databases = [store]
        self._most_lag = most_lag
        self._every = min(LOOK_EVERY, most_lag / 2)
        self._clock = clock
        self._log = logger("replica")
        self._backoff = Backoff(first=0.5, most=10.0)
        self._task: asyncio.Task[None] | None = None
        self._reads: Counter[Outcome] = Counter(dict.fromkeys(Outcome, 0))
        self._reason, self._told = "it was not looked at yet", ""
        self._lag: float | None = None
        self._looked_at = 0.0
        self._lost = asyncio.Event()
        self._heard = 0
        self._marking = asyncio.Lock()
        self._marked = -1
        self._mark = 0
        self._missed = 0

    def state(self) -> ReplicaState:
        """Return how it fares."""
        return ReplicaState(
            place=self._reading.place,
            used=self._is_good(),
            lag=self._lag,
            reason=self._reason,
            reads=dict(self._reads),
        )

    def reader(self, database: Database) -> Reads:
        """Return what reads the replica for a database that it has: the store, or a graph beside it."""
        if database not in self._databases:
            self._databases.append(database)
        return _Reader(self, database)

    def telling(self, database: Database) -> Reads:
        """Return what reads the store itself to tell others: what it has read, they will ask for."""
        return _Telling(self, database)

    def heard(self) -> None:
        """Say that another process may have committed something that somebody will ask for."""
        self._heard += 1

    def start(self) -> None:
        """Begin to look at it; until it was found good, the store answers."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_looking(), name="replica")

    async def stop(self) -> None:
        """End all connections to it; the store answers on. Harmless when not started."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._lag = None
        self._lost.set()
        await asyncio.gather(*(asyncio.to_thread(one.close) for one in (self._looking, self._reading)))

    # Asking -----------------------------------------------------------------

    async def read(self, work: Callable[[Connection], T], *, database: Database) -> T:
        """Ask the replica, or the database itself.

        Raises:
            StoreError: the database itself failed.
        """
        outcome = Outcome.AWAY
        if self._is_good():
            mark = await self._needed()
            try:
                found = await self._ask(work, mark)
            except BehindError:
                # The first of several: where commits never end, the replica never has the newest.
                outcome, self._missed = Outcome.BEHIND, self._missed or mark
            except StoreError as error:
                outcome = Outcome.BROKEN
                self._note_failure(error)
            else:
                self._reads[Outcome.REPLICA] += 1
                return found
        self._reads[outcome] += 1
        return await database.read(work)

    async def _ask(self, work: Callable[[Connection], T], mark: int) -> T:
        if self._missed and mark >= self._missed:
            # Another question has waited for that; the next look will tell.
            raise BehindError(f"{self._reading.place}: has not replayed yet what was committed last")
        lost = asyncio.create_task(self._lost.wait(), name="replica-lost")
        try:
            return await self._first(self._reading.submit(work, mark=mark), lost)
        finally:
            lost.cancel()

    async def _first(
        self, asked: ConcurrentFuture[T], *others: asyncio.Future[Any], time_limit: float | None = None
    ) -> T:
        """Return the answer, unless something else is first: a server that hangs would never give it.

        Raises:
            StoreError: it failed, or something else was first.
        """
        answer = asyncio.wrap_future(asked)
        # Nobody may wait for it any more when it fails.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            waiting: set[asyncio.Future[Any]] = {answer, *others}
            await asyncio.wait(waiting, timeout=time_limit, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise StoreError(f"{self._reading.place}: {self._reason or 'does not answer'}")
        finally:
            answer.cancel()

    async def _needed(self) -> int:
        """Return how far the replica must be."""
        async with self._marking:
            seen = self._heard + sum(database.commits for database in self._databases)
            if seen != self._marked:
                self._mark = await self._store.read(lambda connection: connection.execute(_WRITTEN).scalar_one())
                self._marked = seen
            return self._mark

    def _is_good(self) -> bool:
        if self._reason or self._lag is None:
            return False
        return self._lag + self._clock.monotonic() - self._looked_at <= self._most_lag

    def _note_failure(self, error: StoreError) -> None:
        cause = error.__cause__
        if isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) is None:
            # The connection, not the question: PostgreSQL gives every reason of its own a number.
            self._lose(str(error))
        elif self._reads[Outcome.BROKEN] == 0:
            self._log.info("the replica gave up a question; the store answers", reason=str(error))

    # Looking ----------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            lag = ReplicaLag()
            try:
                while True:
                    await self._look(lag)
                    await asyncio.sleep(self._every)
            except StoreError as error:
                self._lose(str(error))
                await asyncio.gather(*(asyncio.to_thread(one.cut) for one in (self._looking, self._reading)))
                await asyncio.sleep(self._backoff.next())

    async def _look(self, lag: ReplicaLag) -> None:
        now = self._clock.monotonic()
        store = await self._store.read(lambda connection: connection.execute(_STORE).one())
        asked = self._looking.submit(lambda connection: connection.execute(_LOOK).one(), mark=0)
        found = await self._first(asked, time_limit=ANSWER)
        if not found.replays or found.who != store.who:
            raise StoreError(f"{self._reading.place}: is no replica of {self._store.place}")
        if self._lag is None:
            # As others will ask: what cannot be asked is not good, however well it replays.
            await self._first(self._reading.submit(lambda _: None, mark=0), time_limit=ANSWER)
        if found.replayed >= self._missed:
            self._missed = 0
        self._looked_at, self._lag = now, lag.seconds(now=now, written=store.written, replayed=found.replayed)
        if self._lag > self._most_lag:
            self._say("behind", f"{self._reading.place}: is {self._lag:.1f} s behind")
        else:
            self._find_good()

    def _find_good(self) -> None:
        self._backoff.reset()
        self._lost.clear()
        if self._reason:
            self._reason = self._told = ""
            self._log.info("the replica answers", place=self._reading.place)

    def _lose(self, reason: str) -> None:
        self._lag = None
        self._lost.set()
        self._say("lost", reason)

    def _say(self, kind: str, reason: str) -> None:
        self._reason = reason
        if kind != self._told:
            self._told = kind
            self._log.warning("the store answers for its replica", reason=reason)


class _Reader:
    """A database read at its replica where that will do."""

    def __init__(self, replica: Replica, database: Database) -> None:
        self._replica = replica
        self._database = database

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one unchanging state."""
        return await self._replica.read(work, database=self._database)


class _Telling:
    """A database whose readers tell others what they read."""

    def __init__(self, replica: Replica, database: Database) -> None:
        self._replica = replica
        self._database = database

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one unchanging state."""
        found = await self._database.read(work)
        self._replica.heard()
        return found
