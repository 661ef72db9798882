"""The store's database: one writer thread, a few readers, one transaction a piece of work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy import Connection, Engine, text

from registry import migrations
from registry.database_errors import ConcurrentWriteError, wrapped
from registry.engines import LISTENER, READERS, is_sqlite, parse_url, place_of, reading_engine, writing_engine
from registry.restore_marks import refuse_half_restored
from registry.store_file import StoreFile
from registry.write_ahead import WriteAheadLog
from vedette.configuration.database_url import is_pooled
from vedette.errors import StoreError

T = TypeVar("T")

_MIGRATION_LOCK = 0x7665_6465
"""Key of PostgreSQL's advisory lock around migrations."""

_TRIES = 5
"""Times that a transaction is tried which the database undid for another one's sake."""


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
    ) -> None:
        """Describe the store; nothing is opened yet.

        Args:
            url: where it is; with the mark that it is pooled, where a pooler hands each transaction another of
                PostgreSQL's connections (PgBouncer's transaction mode): nothing is prepared on one then.
            lock_wait: seconds to wait for a migration to end, or for users of the store before one.
            schema: what the store must be; this release's.
            readers: connections that read at the same time.

        Raises:
            StoreError: the URL is not one of the two forms.
        """
        self._url = parse_url(url)
        self.place = place_of(self._url)
        """The file, or host and database: for messages, without a password."""
        self._pooled = is_pooled(url)
        self._writing: Engine = writing_engine(self._url, pooled=self._pooled)
        self._reading: Engine = reading_engine(self._url, readers=readers, pooled=self._pooled)
        self._most_readers = readers
        self._writer: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._schema = schema
        path = Path(str(self._url.database))
        self._file = StoreFile(path, lock_wait=lock_wait) if is_sqlite(self._url) else None
        self._write_ahead = WriteAheadLog(path) if is_sqlite(self._url) else None
        self._commits = 0
        self._counting = threading.Lock()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    @property
    def write_ahead_bytes(self) -> int:
        """What SQLite's write-ahead log takes on the disk; 0 with PostgreSQL, which sees to its own."""
        return 0 if self._write_ahead is None else self._write_ahead.size

    @property
    def commits(self) -> int:
        """Grows with each commit here, before anybody is told of it."""
        return self._commits

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
        if self._file is None:
            self._migrate()
            return None
        with self._file.locked_to_migrate():
            copy = self._copy_before(self._file)
            self._migrate()
        return copy

    def _copy_before(self, file: StoreFile) -> Path | None:
        with wrapped(self.place), self._writing.connect() as connection:
            revision = self._schema.revision(connection)
        if revision is None or revision == self._schema.head or not self._schema.is_known(revision):
            return None
        return file.copy(revision)

    def _migrate(self) -> None:
        with wrapped(self.place), self._writing.begin() as connection:
            if self._file is None:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                self._refuse_running(connection)
            refuse_half_restored(connection, self.place)
            self._schema.upgrade(connection)

    def _refuse_running(self, connection: Connection) -> None:
        """Refuse to change the schema under hubs and engines that work on it: each listens for notices."""
        revision = self._schema.revision(connection)
        if revision is None or revision == self._schema.head:
            return
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"
        )
        count = connection.execute(query, {"name": LISTENER}).scalar_one()
        if count:
            raise StoreError(
                f"{self.place}: {count} hubs or engines work on the store; end every host that opens it, then migrate"
            )

    def open(self) -> None:
        """Open the store for work; does nothing when it is open.

        Raises:
            StoreError: it does not exist, is not current (says to run `vedette migrate`), is being
                migrated, or cannot be reached.
        """
        if self._writer is not None:
            return
        if self._file is not None:
            self._file.use()
        try:
            with wrapped(self.place), self._writing.connect() as connection:
                refuse_half_restored(connection, self.place)
                revision = self._schema.revision(connection)
            self._check_revision(revision)
        except BaseException:
            self.close()
            raise
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(max_workers=self._most_readers, thread_name_prefix="store-reader")

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
        if self._file is not None:
            self._file.release()

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
        if self._writer is None or self._file is not None:
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
                if not error.was_undone:
                    raise
        return self._run_once(engine, work)

    def _run_once(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        if self._file is not None:
            self._file.check()
        with wrapped(self.place):
            if self._write_ahead is not None and engine is self._writing:
                # Before the transaction: who waited for the last one has its answer.
                self._write_ahead.bound(engine)
            try:
                with engine.begin() as connection:
                    return work(connection)
            finally:
                # Failed ones, too: a connection may break after its commit. And one may write beside the writer.
                if engine is not self._reading:
                    with self._counting:
                        self._commits += 1
