"""Questions to a replica: in threads of their own, each on a state that has what must be seen."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import Connection, event, text

from registry.database_errors import wrapped
from registry.engines import parse_url, place_of, reading_engine
from vedette.configuration.database_url import is_pooled
from vedette.errors import StoreError

T = TypeVar("T")

WAIT: Final = 0.05
"""Seconds that a question waits for the replica to come so far; it usually takes one or two milliseconds."""

_POLL: Final = 0.002
_REPLAYED: Final = "replayed"
_WHERE: Final = text("SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint")


class BehindError(StoreError):
    """The replica has not replayed yet what must be seen; the store has it."""


class ReplicaReading:
    """Connections to a replica, and the threads that read over them."""

    def __init__(self, url: str, *, readers: int) -> None:
        """Describe it; nothing is opened yet.

        Args:
            url: where the replica is.
            readers: connections that read at the same time.

        Raises:
            StoreError: the URL is none of a database.
        """
        parsed = parse_url(url)
        self.place = place_of(parsed)
        """Its host and database."""
        # Behind a pooler the same connection may be another server process than before, or of a server started anew.
        self._remembers = not is_pooled(url)
        self._engine = reading_engine(parsed, readers=readers, pooled=is_pooled(url))
        self._sockets: dict[int, socket.socket] = {}
        self._noting = threading.Lock()
        event.listen(self._engine, "connect", self._note_socket)
        event.listen(self._engine, "close", self._forget_socket)
        self._threads = ThreadPoolExecutor(max_workers=readers, thread_name_prefix="replica-reader")

    def submit(self, work: Callable[[Connection], T], *, mark: int) -> Future[T]:
        """Run `work` in a thread on a state that has all that the store had written at `mark`.

        The result raises BehindError where the replica does not come so far in time, and StoreError where it fails.
        """
        return self._threads.submit(self._run, work, mark)

    def cut(self) -> None:
        """Break every connection at once, also those over which a server that hangs is being asked.

        The next question to each finds it broken and makes another.
        """
        with self._noting:
            for one in self._sockets.values():
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()
        for one in self._sockets.values():
            one.close()

    def _note_socket(self, connection: psycopg.Connection[Any], record: object) -> None:
        # libpq's own belongs to the thread that waits for it; through a second descriptor another one can end it.
        with self._noting:
            self._sockets[id(connection)] = socket.socket(fileno=os.dup(connection.fileno()))

    def _forget_socket(self, connection: psycopg.Connection[Any], record: object) -> None:
        with self._noting:
            known = self._sockets.pop(id(connection), None)
        if known is not None:
            known.close()

    def _run(self, work: Callable[[Connection], T], mark: int) -> T:
        with wrapped(self.place), self._engine.connect() as connection:
            self._await(connection, mark)
            with connection.begin():
                return work(connection)

    def _await(self, connection: Connection, mark: int) -> None:
        """Wait until the server of this connection has replayed the store's log up to the mark.

        Each connection remembers how far it knows its server to be: one that was started anew may be further back.
        """
        known: int = connection.info.get(_REPLAYED, 0) if self._remembers else 0
        until = time.monotonic() + WAIT
        while known < mark:
            # In a transaction of its own: what a transaction sees is settled by its first question.
            with connection.begin():
                known = connection.execute(_WHERE).scalar_one() or 0
            if known < mark:
                if time.monotonic() >= until:
                    raise BehindError(f"{self.place}: has not replayed yet what was committed last")
                time.sleep(_POLL)
        connection.info[_REPLAYED] = known
