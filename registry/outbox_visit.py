"""Looking into an outbox that another process may be using, and deciding about its dead letters.

SQLite's write-ahead log lets both work; the agent notices what changed at its next commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from registry import outbox_reading, outbox_work
from registry.outbox_file import APPLICATION, SCHEMA_VERSION
from registry.outbox_work import DeadLetter, NotInOutboxError, Tally, Work
from vedette.clock import Clock
from vedette.errors import StoreError

T = TypeVar("T")

_BUSY = 10.0
"""Seconds to wait for the agent's transaction: group commits are short."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """A dead letter that a person discarded."""

    seq: int
    """Its `origin_seq`."""
    uuid: str
    """The item's uuid."""
    discarded_at: int
    """Microseconds since 1970."""
    field: str
    """Where the last refusal pointed."""
    reason: str
    """Why it was refused."""
    why: str
    """Why it was discarded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """What became of an outbox's numbers, as far as it knows itself."""

    epoch: str
    """What they belong to."""
    next_seq: int
    """The `origin_seq` that the next item gets."""
    held: frozenset[int]
    """Those of items that wait, of dead letters and of tombstones."""
    waiting: int
    """Items that wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxDepth:
    """How much an outbox holds."""

    items: int
    """Items that are not confirmed."""
    since: int | None
    """Microseconds since 1970 by the agent's clock: since when the oldest of them waits; None where there is none."""
    dead_letters: int
    """Items that were given up and wait for a person."""


class OutboxVisit:
    """Somebody else's outbox; blocking, each call opens the file and closes it again."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.path = path
        """The file."""
        self._clock = clock

    def agent(self) -> str:
        """Return the bare JID of its agent.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        return self._read(lambda connection: str(_fact(connection, "agent")))

    def depth(self) -> OutboxDepth:
        """Return how much it holds.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        query = (
            "SELECT (SELECT count(*) FROM item), (SELECT added_at FROM item ORDER BY seq LIMIT 1),"
            " (SELECT count(*) FROM dead_letter)"
        )
        items, since, dead_letters = self._read(lambda connection: connection.execute(query).fetchone())
        return OutboxDepth(items=items, since=since, dead_letters=dead_letters)

    def oldest_at(self) -> int | None:
        """Return when the oldest item that waits was made; None where none does.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        query = "SELECT added_at FROM item ORDER BY seq LIMIT 1"
        row = self._read(lambda connection: connection.execute(query).fetchone())
        return None if row is None else int(row[0])

    def dead_letters(self) -> list[DeadLetter]:
        """Return the items that were given up, with their content, oldest number first.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        return self._read(outbox_reading.dead_letters)

    def tombstones(self) -> list[Tombstone]:
        """Return what was discarded, oldest number first.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        query = "SELECT seq, uuid, discarded_at, field, reason, why FROM tombstone ORDER BY seq"
        rows = self._read(lambda connection: connection.execute(query).fetchall())
        return [
            Tombstone(seq=seq, uuid=uuid, discarded_at=at, field=field, reason=reason, why=why)
            for seq, uuid, at, field, reason, why in rows
        ]

    def numbers(self) -> Numbers:
        """Return what became of its numbers: all below `next_seq` that are not held were confirmed.

        Raises:
            StoreError: the file is not an outbox of this release, or cannot be read.
        """
        return self._read(_numbers)

    def replay(self, uuid: str) -> None:
        """Let a dead letter wait again; its agent finds it within seconds, or when it is started.

        Raises:
            NotInOutboxError: there is no such dead letter.
            StoreError: the file cannot be written.
        """
        self._write(outbox_work.replay(uuid))

    def discard(self, uuid: str, reason: str) -> None:
        """Delete a dead letter's content, leaving a tombstone that says why.

        Raises:
            NotInOutboxError: there is no such dead letter.
            StoreError: the file cannot be written.
        """
        self._write(outbox_work.discard(uuid, reason, now=self._clock.now()))

    def decide(self, uuids: Sequence[str], *, reason: str | None) -> list[str]:
        """Replay dead letters, or with a reason discard them, in one transaction; returns those that were there.

        Raises:
            StoreError: the file cannot be written; nothing was done.
        """
        done: list[str] = []

        def work(connection: sqlite3.Connection, tally: Tally) -> tuple[list[str], Tally]:
            now = self._clock.now()
            for uuid in uuids:
                one: Work[None] = (
                    outbox_work.replay(uuid) if reason is None else outbox_work.discard(uuid, reason, now=now)
                )
                # Somebody else may have decided about it since it was chosen.
                with suppress(NotInOutboxError):
                    _, tally = one(connection, tally)
                    done.append(uuid)
            return done, tally

        return self._write(work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._wrapped(), closing(self._open("ro")) as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        with self._wrapped(), closing(self._open("rw")) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            # What raises leaves the transaction open, and closing rolls it back.
            result, _ = work(connection, outbox_work.read_tally(connection))
            connection.execute("COMMIT")
            return result

    def _open(self, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY, isolation_level=None)
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION:
                raise StoreError(f"{self.path}: is not an outbox")
            if version != SCHEMA_VERSION:
                raise StoreError(
                    f"{self.path}: the outbox has form {version}; this release reads form {SCHEMA_VERSION}"
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: the outbox cannot be used: {error}") from error


def _numbers(connection: sqlite3.Connection) -> Numbers:
    connection.execute("BEGIN")
    held = connection.execute(
        "SELECT seq FROM item UNION SELECT seq FROM dead_letter UNION SELECT seq FROM tombstone"
    )
    (waiting,) = connection.execute("SELECT count(*) FROM item").fetchone()
    return Numbers(
        epoch=str(_fact(connection, "epoch")),
        next_seq=int(str(_fact(connection, "next_seq"))),
        held=frozenset(seq for (seq,) in held),
        waiting=waiting,
    )


def _fact(connection: sqlite3.Connection, name: str) -> object:
    (value,) = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return value
