"""The store's database: one writer thread, a few readers, one transaction a piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from registry import migrations
from registry.backup_sqlite import copy_store
from registry.engines import READERS, create_file, is_sqlite, parse_url, place_of, reading_engine, writing_engine
from registry.lock import FileLock
from registry.restore_marks import refuse_half_restored, refuse_half_restored_file
from registry.write_ahead import WriteAheadLog
from vedette.clock import SystemClock
from vedette.errors import StoreError

T = TypeVar("T")

_MIGRATION_LOCK = 0x7665_6465
"""Key of PostgreSQL's advisory lock around migrations."""

_RACES = ("40001", "40P01")
"""PostgreSQL's SQLSTATEs for a serialization failure and a deadlock."""

_TRIES = 5
"""Times that a transaction is tried which the database undid for another one's sake."""


class ConcurrentWriteError(StoreError):
    """Another process wrote the same rows at the same moment; trying again will see what it wrote."""


class Database:
    """The store, by URL: `sqlite:///path` or `postgresql+psycopg://…`.

    Writes run one after the other in a thread of their own, each in one transaction: what chains
    must not interleave. Reads run beside them and never wait for them.
    """

    def __init__(
        self,
        url: str,
        *,
        lock_wait: float = 5.0,
        schema: migrations.Schema = migrations.CURRENT,
        readers: int = READERS,
        pooled: bool = False,
    ) -> None:
        """Describe the store; nothing is opened yet.

        Args:
            url: where it is.
            lock_wait: seconds to wait for a migration to end, or for users of the store before one.
            schema: what the store must be; this release's.
            readers: connections that read at the same time.
            pooled: whether a pooler hands each transaction another of PostgreSQL's connections (PgBouncer's
                transaction mode): nothing is prepared on one then.

        Raises:
            StoreError: the URL is not one of the two forms.
        """
        self._url = parse_url(url)
        self.place = place_of(self._url)
        """The file, or host and database: for messages, without a password."""
        self._writing: Engine = writing_engine(self._url, pooled=pooled)
        self._reading: Engine = reading_engine(self._url, readers=readers, pooled=pooled)
        self._most_readers = readers
        self._pooled = pooled
        self._writer: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._lock: FileLock | None = None
        self._identity: tuple[int, int] | None = None
        self._lock_wait = lock_wait
        self._schema = schema
        self._write_ahead = WriteAheadLog(self._file) if is_sqlite(self._url) else None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    @property
    def write_ahead_bytes(self) -> int:
        """What SQLite's write-ahead log takes on the disk; 0 with PostgreSQL, which sees to its own."""
        return 0 if self._write_ahead is None else self._write_ahead.size

    def migrate(self) -> Path | None:
        """Bring the schema to this release's, making the store if there is none; under a lock.

        Returns:
            The safety copy that was made of an older SQLite store first.

        Raises:
            StoreError: the store is in use, half restored, newer than this release, or cannot be written.
            BackupError: the safety copy cannot be made; nothing was changed.
        """
        try:
            return self._migrate_alone()
        finally:
            if self._writer is None:
                # Who only migrates has nothing to close.
                self._writing.dispose()

    def _migrate_alone(self) -> Path | None:
        if not is_sqlite(self._url):
            self._migrate()
            return None
        refuse_half_restored_file(self._file)
        create_file(self._url)
        with FileLock(self._lock_path, exclusive=True, wait=self._lock_wait):
            copy = self._copy_before()
            self._migrate()
        return copy

    def _copy_before(self) -> Path | None:
        with self._wrapped(), self._writing.connect() as connection:
            revision = self._schema.revision(connection)
        if revision is None or revision == self._schema.head or not self._schema.is_known(revision):
            return None
        copy = self._file.with_name(f"{self._file.name}.before-migration-{revision}-{SystemClock().now()}")
        copy_store(self._file, copy)
        return copy

    def _migrate(self) -> None:
        with self._wrapped(), self._writing.begin() as connection:
            if not is_sqlite(self._url):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            refuse_half_restored(connection, self.place)
            self._schema.upgrade(connection)

    def open(self) -> None:
        """Open the store for work; does nothing when it is open.

        Raises:
            StoreError: it does not exist, is not current (says to run `vedette migrate`), is being
                migrated, or cannot be reached.
        """
        if self._writer is not None:
            return
        if is_sqlite(self._url):
            self._lock_file()
        try:
            with self._wrapped(), self._writing.connect() as connection:
                refuse_half_restored(connection, self.place)
                revision = self._schema.revision(connection)
            self._check_revision(revision)
        except BaseException:
            self.close()
            raise
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(max_workers=self._most_readers, thread_name_prefix="store-reader")

    def _lock_file(self) -> None:
        refuse_half_restored_file(self._file)
        if not self._file.is_file():
            raise StoreError(f"{self.place}: there is no store yet; run: vedette migrate")
        lock = FileLock(self._lock_path, exclusive=False, wait=self._lock_wait)
        lock.acquire()
        self._lock = lock
        self._identity = self._identity_now()

    def _identity_now(self) -> tuple[int, int] | None:
        """Return what tells the file at our place from any other; None: there is none."""
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _check_file(self) -> None:
        """Refuse to use a file that is not at its place any more: what is written to it would be lost with it.

        A reader's new connection would make an empty file there.
        """
        if self._identity is not None and self._identity_now() != self._identity:
            raise StoreError(
                f"{self.place}: the file was taken away or replaced while it is in use; put it back, or start again"
            )

    @property
    def _file(self) -> Path:
        return Path(str(self._url.database))

    @property
    def _lock_path(self) -> Path:
        return Path(f"{self._url.database}.lock")

    def _check_revision(self, revision: str | None) -> None:
        if revision == self._schema.head:
            return
        if revision is None or self._schema.is_known(revision):
            raise StoreError(f"{self.place}: the schema is not this release's; run: vedette migrate")
        raise StoreError(
            f"{self.place}: the schema ({revision}) is newer than this release; install the release that made it"
        )

    def close(self) -> None:
        """Finish the work that was handed in and let go of the store; it can be opened again."""
        for executor in (self._writer, self._readers):
            if executor is not None:
                executor.shutdown(wait=True)
        self._writer = self._readers = None
        self._writing.dispose()
        self._reading.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Database:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer's thread within one transaction; what it raises rolls it back.

        A cancelled caller does not stop it: the transaction ends by itself. It is called again where the database
        undid it because two processes waited for each other, so it must do nothing but use its connection.

        Raises:
            ConcurrentWriteError: a key exists already, or two writers blocked each other.
            StoreError: the database failed, or is not open.
        """
        return await asyncio.wrap_future(self._submit(self._writer, self._writing, work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a reader's thread on one unchanging state of the store.

        Raises:
            StoreError: the database failed, or is not open.
        """
        return await asyncio.wrap_future(self._submit(self._readers, self._reading, work))

    def write_sync(self, work: Callable[[Connection], T]) -> T:
        """Do what `write` does and wait for it, for callers without an event loop."""
        return self._submit(self._writer, self._writing, work).result()

    def read_sync(self, work: Callable[[Connection], T]) -> T:
        """Do what `read` does and wait for it, for callers without an event loop."""
        return self._submit(self._readers, self._reading, work).result()

    async def write_beside(self, work: Callable[[Connection], T]) -> T:
        """Do what `write` does, with PostgreSQL on a connection for this alone: for what takes too long to wait for.

        The writer goes on meanwhile, so `work` must lock whatever has to stay as it is.

        Raises:
            StoreError: the database failed, or is not open.
        """
        if self._writer is None or is_sqlite(self._url):
            return await self.write(work)
        return await asyncio.to_thread(self._run_beside, work)

    def _run_beside(self, work: Callable[[Connection], T]) -> T:
        engine = writing_engine(self._url, pooled=self._pooled)
        try:
            return self._run(engine, work)
        finally:
            engine.dispose()

    def _submit(
        self, executor: ThreadPoolExecutor | None, engine: Engine, work: Callable[[Connection], T]
    ) -> Future[T]:
        if executor is None:
            raise StoreError(f"{self.place}: the store is not open")
        return executor.submit(self._run, engine, work)

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return self._run_once(engine, work)
            except ConcurrentWriteError as error:
                if not _was_undone(error.__cause__):
                    raise
        return self._run_once(engine, work)

    def _run_once(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        self._check_file()
        with self._wrapped():
            if self._write_ahead is not None and engine is self._writing:
                # Before the transaction: who waited for the last one has its answer.
                self._write_ahead.bound(engine)
            with engine.begin() as connection:
                return work(connection)

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if _lost_a_race(error):
                raise ConcurrentWriteError(f"{self.place}: {_first_line(error)}") from error
            raise StoreError(f"{self.place}: {_first_line(error)}") from error


def _lost_a_race(error: SQLAlchemyError) -> bool:
    return isinstance(error, IntegrityError) or _was_undone(error)


def _was_undone(error: BaseException | None) -> bool:
    """Tell whether the database undid a transaction for another one's sake."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RACES


def _first_line(error: SQLAlchemyError) -> str:
    """Return the driver's own words: SQLAlchemy's hold the statement and its parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
