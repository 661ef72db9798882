"""The outbox of an agent: what it observed is on disk before it is sent, until the receipt is there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from registry import outbox_reading, outbox_work
from registry.outbox_file import open_file
from registry.outbox_reading import DocumentToUpload, OutboxStatus
from registry.outbox_work import DeadLetter, Limits, NotInOutboxError, OutboxFullError, OutboxItem, Tally, Work
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.messages.batch import Signed

__all__ = [
    "DeadLetter",
    "DocumentToUpload",
    "NotInOutboxError",
    "Outbox",
    "OutboxFullError",
    "OutboxItem",
    "OutboxStatus",
]

T = TypeVar("T")

ATTEMPTS = 5
"""Refusals after which an item becomes a dead letter."""


class Outbox:
    """One SQLite file an agent, used from one thread; changes that meet share one fsync."""

    def __init__(
        self,
        path: Path,
        *,
        agent: str,
        clock: Clock,
        limit_items: int,
        limit_bytes: int,
        max_attempts: int = ATTEMPTS,
    ) -> None:
        self._path = path
        self._agent = agent
        self._clock = clock
        self._limits = Limits(items=limit_items, size=limit_bytes, attempts=max_attempts)
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._tally: Tally | None = None
        self._version = -1
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committer: asyncio.Task[None] | None = None
        self._epoch = ""
        self.added = asyncio.Event()
        """Set whenever there may be something new to send; who waits for it clears it."""

    @property
    def epoch(self) -> str:
        """Random hexadecimal made with the file: what its `origin_seq` numbers belong to; empty before `open`."""
        return self._epoch

    async def open(self) -> None:
        """Open the file, making it if there is none; does nothing when it is open.

        Raises:
            StoreError: the file is damaged, another agent's, or cannot be opened; names it.
        """
        if self._thread is not None:
            return
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        loop = asyncio.get_running_loop()
        try:
            self._connection = await loop.run_in_executor(thread, lambda: open_file(self._path, agent=self._agent))
        except StoreError:
            thread.shutdown()
            raise
        self._thread = thread
        self._epoch = (await self.status()).epoch
        self.added.set()

    async def close(self) -> None:
        """Finish what was handed in and close the file; it can be opened again."""
        while self._committer is not None:
            await asyncio.wait([self._committer])
        thread, connection = self._thread, self._connection
        if thread is None or connection is None:
            return
        self._thread = self._connection = self._tally = None
        await asyncio.get_running_loop().run_in_executor(thread, connection.close)
        thread.shutdown()

    async def add(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Number the items, store them and return them as they will travel; they are on disk then.

        Raises:
            RefusedError: an item is not valid, or its uuid waits already; nothing is stored.
            OutboxFullError: they do not fit; nothing is stored.
            StoreError: the file cannot be written.
        """
        work = outbox_work.add(items, agent=self._agent, now=self._clock.now(), limits=self._limits)
        numbered = await self._write(work)
        self.added.set()
        return numbered

    async def next_batch(
        self, *, max_items: int, max_bytes: int, after: int = -1, exclude: Collection[int] = ()
    ) -> list[OutboxItem]:
        """Return the first items that may be sent now, in order of `origin_seq`.

        Args:
            max_items: at most so many.
            max_bytes: at most so many bytes of JSON together; a single larger item comes alone.
            after: only numbers past this one.
            exclude: numbers that are on their way already.

        Raises:
            StoreError: the file cannot be read.
        """
        now = self._clock.now()
        return await self._read(
            lambda connection: outbox_reading.next_batch(
                connection, max_items=max_items, max_bytes=max_bytes, after=after, exclude=exclude, now=now
            )
        )

    async def confirm(self, receipt: Signed, uuids: Sequence[str]) -> int:
        """Keep the checked receipt, forget the bytes of what it confirms; returns how many waited.

        Raises:
            StoreError: the file cannot be written.
        """
        return await self._write(outbox_work.confirm(receipt, uuids, now=self._clock.now()))

    async def to_upload(self) -> DocumentToUpload | None:
        """Return the next document that must be uploaded before items that refer to it are sent; None if none.

        Raises:
            StoreError: the file cannot be read.
        """
        now = self._clock.now()
        return await self._read(lambda connection: outbox_reading.to_upload(connection, now=now))

    async def uploaded(self, document: str) -> None:
        """Note that the engine's side has a document: items that refer to it may be sent.

        Raises:
            StoreError: the file cannot be written.
        """
        await self._write(outbox_work.uploaded(document))
        self.added.set()

    async def documents(self) -> set[str]:
        """Return the documents that items and dead letters refer to.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._read(outbox_reading.documents)

    async def refuse(self, uuid: str, field: str, reason: str) -> bool:
        """Note that the engine refused an item: it waits and is tried again, or becomes a dead letter (True).

        Raises:
            StoreError: the file cannot be written.
        """
        work = outbox_work.refuse(uuid, field, reason, now=self._clock.now(), limits=self._limits)
        return await self._write(work)

    async def dead_letters(self) -> list[DeadLetter]:
        """Return the items that were given up, with their content.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._read(outbox_reading.dead_letters)

    async def replay(self, uuid: str) -> None:
        """Let a dead letter wait again, with all its attempts.

        Raises:
            NotInOutboxError: there is no such dead letter.
            StoreError: the file cannot be written.
        """
        await self._write(outbox_work.replay(uuid))
        self.added.set()

    async def discard(self, uuid: str, reason: str) -> None:
        """Delete a dead letter's content, leaving a tombstone that says why.

        Raises:
            NotInOutboxError: there is no such dead letter.
            StoreError: the file cannot be written.
        """
        await self._write(outbox_work.discard(uuid, reason, now=self._clock.now()))

    async def receipts(self, *, limit: int = 1000, skip: int = 0) -> list[Signed]:
        """Return the oldest receipts whose items are not known to be proved, after `skip` of them.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._read(lambda connection: outbox_reading.receipts(connection, limit=limit, skip=skip))

    async def drop_receipts(self, sha256s: Sequence[str]) -> int:
        """Forget receipts (by SHA-256 of their text) whose items are proved, but each engine's newest.

        Returns how many were not known to be proved before.

        Raises:
            StoreError: the file cannot be written.
        """
        return await self._write(outbox_work.drop_receipts(sha256s))

    async def status(self) -> OutboxStatus:
        """Return what the outbox holds.

        Raises:
            StoreError: the file cannot be read.
        """
        now = self._clock.now()
        return await self._read(lambda connection: outbox_reading.status(connection, now=now))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        thread, connection = self._opened()

        def guarded() -> T:
            try:
                return work(connection)
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: the outbox cannot be read: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(thread, guarded)

    async def _write(self, work: Work[T]) -> T:
        self._opened()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit_waiting(), name="outbox-commit")
        return await future

    def _opened(self) -> tuple[ThreadPoolExecutor, sqlite3.Connection]:
        if self._thread is None or self._connection is None:
            raise StoreError(f"{self._path}: the outbox is not open")
        return self._thread, self._connection

    async def _commit_waiting(self) -> None:
        """Commit what waits, together, until nothing does; work that meets a commit joins the next one."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._commit_group(group)
        finally:
            self._committer = None

    async def _commit_group(self, group: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        works = [work for work, _ in group]
        try:
            thread, connection = self._opened()
            results = await asyncio.get_running_loop().run_in_executor(thread, self._commit, connection, works)
        except StoreError as error:
            results = [error] * len(group)
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _commit(self, connection: sqlite3.Connection, works: list[Work[Any]]) -> list[Any]:
        """Run the works in one transaction; a work's own error undoes that work alone and is its result."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            before = tally = self._current(connection)
            results = []
            for work in works:
                result, tally = _run_alone(connection, work, tally)
                results.append(result)
            if tally.next_seq != before.next_seq:
                outbox_work.write_next_seq(connection, tally.next_seq)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._tally = None
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise StoreError(f"{self._path}: the outbox cannot be written: {error}") from error
        self._tally = tally
        return results

    def _current(self, connection: sqlite3.Connection) -> Tally:
        """Return the tally; from the file if another process changed it (`vedette dead-letters`)."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._tally is None or version != self._version:
            self._tally, self._version = outbox_work.read_tally(connection), version
        return self._tally


def _run_alone(connection: sqlite3.Connection, work: Work[Any], tally: Tally) -> tuple[Any, Tally]:
    connection.execute("SAVEPOINT work")
    try:
        result, after = work(connection, tally)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001  # belongs to that caller alone, whatever it is
        connection.execute("ROLLBACK TO work")
        result, after = error, tally
    connection.execute("RELEASE work")
    return result, after
