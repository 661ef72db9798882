"""Keeping SQLite's write-ahead log small, which it does not do by itself where several processes write.

SQLite writes the log back after every 16 MB, but begins it anew only if a transaction starts when all of it is
written back and nobody reads it. Another process that commits one row meanwhile is enough for it to grow without end.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from vedette.log import logger

EMPTIED_FROM: Final = 64 * 2**20
"""Bytes from which on the log is emptied before the next transaction."""

REST: Final = 2.0
"""Seconds between two attempts of which the first was in vain."""

_PATIENCE: Final = 100
"""Milliseconds that an attempt waits for those who read the log; other writers wait as long."""


class WriteAheadLog:
    """The write-ahead log of one store's file."""

    def __init__(self, store: Path) -> None:
        """Describe it.

        Args:
            store: the store's file, which the log lies beside.
        """
        self._path = store.with_name(f"{store.name}-wal")
        self._next_attempt = 0.0
        self._log = logger("store")

    @property
    def size(self) -> int:
        """Bytes that the log takes on the disk; 0 where there is none."""
        # Never opened: closing it would let go of every lock that this process holds on it (POSIX record locks).
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def bound(self, engine: Engine) -> None:
        """Empty the log if it is large; the writer calls this between two transactions.

        What cannot be emptied now, since somebody reads it for long, is tried again later. It fails nobody: what was
        committed is safe in the log, however large that is.
        """
        if self.size < EMPTIED_FROM or time.monotonic() < self._next_attempt:
            return
        try:
            emptied = self._empty(engine)
        except sqlite3.Error as error:
            self._log.warning("the write-ahead log cannot be emptied", reason=str(error), bytes=self.size)
            emptied = False
        self._next_attempt = 0.0 if emptied else time.monotonic() + REST

    def _empty(self, engine: Engine) -> bool:
        """Write everything back and cut the file; False where a reader or another process is in the way."""
        with engine.connect() as borrowed:
            connection = borrowed.connection.driver_connection
            if not isinstance(connection, sqlite3.Connection):
                return False
            with closing(connection.cursor()) as cursor:
                ((usual,),) = cursor.execute("PRAGMA busy_timeout").fetchall()
                cursor.execute(f"PRAGMA busy_timeout={_PATIENCE}")
                try:
                    ((busy, _, _),) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    cursor.execute(f"PRAGMA busy_timeout={usual}")
        return not busy
