"""What is done to an outbox's tables: plain functions on a connection, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import orjson

from vedette.canonical import canonical_json, parse_json
from vedette.clock import MICROSECONDS
from vedette.errors import ConflictError, RefusedError, VedetteError
from vedette.messages.batch import Signed
from vedette.messages.item import DOCUMENT_FIELD, ReceivedItem

MAX_BACKOFF = 300
"""Seconds at most before a refused item is tried again."""

T = TypeVar("T")


class OutboxFullError(VedetteError):
    """The outbox is at its limit: stop producing until the engine has confirmed something."""


class NotInOutboxError(VedetteError):
    """There is no such item or dead letter in the outbox."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What the outbox holds; the truth is in the file, this is what it was at the last commit."""

    next_seq: int
    """The `origin_seq` that the next item gets."""
    count: int
    """Items that are not confirmed."""
    size: int
    """Bytes of their JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When the outbox is full, and when an item is given up."""

    items: int
    """Items that may wait."""
    size: int
    """Bytes of JSON that may wait."""
    attempts: int
    """Refusals after which an item becomes a dead letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxItem:
    """An item that waits to be confirmed."""

    seq: int
    """Its `origin_seq`."""
    uuid: str
    """Its uuid."""
    digest: str
    """What the manifest lists for it, hexadecimal."""
    data: bytes
    """The item as canonical JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """An item that was refused too often, with its full content."""

    seq: int
    """Its `origin_seq`."""
    uuid: str
    """Its uuid."""
    digest: str
    """What the manifest listed for it, hexadecimal."""
    data: bytes
    """The item as canonical JSON."""
    added_at: int
    """Microseconds since 1970: when it was made."""
    died_at: int
    """Microseconds since 1970: when it was given up."""
    attempts: int
    """How often it was refused."""
    field: str
    """Where the last refusal pointed."""
    reason: str
    """Why."""


Work = Callable[[sqlite3.Connection, Tally], tuple[T, Tally]]
"""One change: takes the tally, returns its result and the tally after it."""


def read_tally(connection: sqlite3.Connection) -> Tally:
    """Return what the file holds."""
    (next_seq,) = connection.execute("SELECT value FROM fact WHERE name = 'next_seq'").fetchone()
    count, size = connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM item").fetchone()
    return Tally(next_seq=next_seq, count=count, size=size)


def write_next_seq(connection: sqlite3.Connection, next_seq: int) -> None:
    """Store the number that the next item gets."""
    connection.execute("UPDATE fact SET value = ? WHERE name = 'next_seq'", (next_seq,))


def add(items: Sequence[dict[str, Any]], *, agent: str, now: int, limits: Limits) -> Work[list[dict[str, Any]]]:
    """Store items under the next numbers and return them as they will travel.

    The work raises RefusedError (an item is not valid), ConflictError (its uuid waits already) or
    OutboxFullError; then nothing is stored.
    """

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[list[dict[str, Any]], Tally]:
        numbered = [_number(data, agent, tally.next_seq + place) for place, data in enumerate(items)]
        rows = [_row(data, now) for data in numbered]
        after = Tally(
            next_seq=tally.next_seq + len(rows),
            count=tally.count + len(rows),
            size=tally.size + sum(row[3] for row in rows),
        )
        _check_room(after, limits)
        _check_no_dead_letter(connection, [row[1] for row in rows])
        try:
            connection.executemany(
                "INSERT INTO item (seq, uuid, digest, size, added_at, data, document, uploaded)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        except sqlite3.IntegrityError as error:
            raise ConflictError("meta.uuid", "an item with this uuid waits in the outbox already") from error
        return numbered, after

    return work


def _number(data: dict[str, Any], agent: str, seq: int) -> dict[str, Any]:
    meta = data.get("meta")
    if not isinstance(meta, dict):
        raise RefusedError("meta", "must be an object")
    return {**data, "meta": {**meta, "agent": agent, "origin_seq": seq}}


def _row(data: dict[str, Any], now: int) -> tuple[int, str, bytes, int, int, bytes, str | None, bool]:
    item = ReceivedItem(data)
    text = canonical_json(data)
    document = item.item.payload.document
    # What waits in the spool counts, too: the outbox bounds what an agent keeps on its disk.
    size = len(text) + (item.item.meta.size or 0 if document is not None else 0)
    return data["meta"]["origin_seq"], item.uuid, item.digest, size, now, text, document, document is None


def _check_room(after: Tally, limits: Limits) -> None:
    if after.count > limits.items:
        raise OutboxFullError(f"the outbox is full: {limits.items} items may wait for the engine's receipt")
    if after.size > limits.size:
        raise OutboxFullError(f"the outbox is full: {limits.size} bytes may wait for the engine's receipt")


def _check_no_dead_letter(connection: sqlite3.Connection, uuids: Sequence[str]) -> None:
    # Else the item could never be given up: its place among the dead letters is taken.
    query = "SELECT uuid FROM dead_letter WHERE uuid IN (SELECT value FROM json_each(?)) LIMIT 1"
    found = connection.execute(query, (orjson.dumps(uuids).decode(),)).fetchone()
    if found is not None:
        raise ConflictError("meta.uuid", f"{found[0]} is a dead letter of this outbox; replay or discard it")


def confirm(receipt: Signed, uuids: Sequence[str], *, now: int) -> Work[int]:
    """Keep the receipt, forget the items' bytes and return how many were waiting."""
    engine = _engine_of(receipt)

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[int, Tally]:
        connection.execute(
            "INSERT OR IGNORE INTO receipt (sha256, text, signature, received_at, engine) VALUES (?, ?, ?, ?, ?)",
            (receipt.sha256, receipt.text, receipt.signature, now, engine),
        )
        keys = (orjson.dumps(list(uuids)).decode(),)
        listed = "uuid IN (SELECT value FROM json_each(?))"
        query = f"SELECT count(*), coalesce(sum(size), 0) FROM item WHERE {listed}"  # noqa: S608  # constant text
        count, size = connection.execute(query, keys).fetchone()
        for table in ("item", "dead_letter"):
            connection.execute(f"DELETE FROM {table} WHERE {listed}", keys)  # noqa: S608  # constant text
        return count, replace(tally, count=tally.count - count, size=tally.size - size)

    return work


def _engine_of(receipt: Signed) -> str:
    """Return who signed a receipt; empty where it does not say, which no checked one does."""
    with suppress(RefusedError):
        value = parse_json(receipt.text)
        return str(value.get("engine", "")) if isinstance(value, dict) else ""
    return ""


def refuse(uuid: str, field: str, reason: str, *, now: int, limits: Limits) -> Work[bool]:
    """Note a refusal; return whether the item is a dead letter now. Unknown items are ignored."""

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[bool, Tally]:
        found = connection.execute("SELECT attempts, size FROM item WHERE uuid = ?", (uuid,)).fetchone()
        if found is None:
            return False, tally
        attempts, size = found[0] + 1, found[1]
        retry_at = now + min(2**attempts, MAX_BACKOFF) * MICROSECONDS
        connection.execute(
            "UPDATE item SET attempts = ?, retry_at = ?, field = ?, reason = ?, uploaded = uploaded AND ?"
            " WHERE uuid = ?",
            (attempts, retry_at, field, reason, field != DOCUMENT_FIELD, uuid),
        )
        if attempts < limits.attempts:
            return False, tally
        _bury(connection, uuid, now)
        return True, replace(tally, count=tally.count - 1, size=tally.size - size)

    return work


def _bury(connection: sqlite3.Connection, uuid: str, now: int) -> None:
    connection.execute(
        "INSERT INTO dead_letter"
        " (seq, uuid, digest, size, added_at, attempts, died_at, field, reason, data, document)"
        " SELECT seq, uuid, digest, size, added_at, attempts, ?, field, reason, data, document FROM item"
        " WHERE uuid = ?",
        (now, uuid),
    )
    connection.execute("DELETE FROM item WHERE uuid = ?", (uuid,))


def uploaded(document: str) -> Work[None]:
    """Let the items that refer to a document be sent."""

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
        connection.execute(
            "UPDATE item SET uploaded = 1, retry_at = 0 WHERE document = ? AND uploaded = 0", (document,)
        )
        return None, tally

    return work


def replay(uuid: str) -> Work[None]:
    """Let a dead letter wait again under its old number; the work raises NotInOutboxError."""

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
        size = _dead_size(connection, uuid)
        connection.execute(
            "INSERT INTO item (seq, uuid, digest, size, added_at, data, document, uploaded)"
            " SELECT seq, uuid, digest, size, added_at, data, document, document IS NULL FROM dead_letter"
            " WHERE uuid = ?",
            (uuid,),
        )
        connection.execute("DELETE FROM dead_letter WHERE uuid = ?", (uuid,))
        return None, replace(tally, count=tally.count + 1, size=tally.size + size)

    return work


def discard(uuid: str, why: str, *, now: int) -> Work[None]:
    """Delete a dead letter's content; a tombstone says what it was and why. May raise NotInOutboxError."""

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
        _dead_size(connection, uuid)
        connection.execute(
            "INSERT INTO tombstone (seq, uuid, digest, size, discarded_at, field, reason, why)"
            " SELECT seq, uuid, digest, size, ?, field, reason, ? FROM dead_letter WHERE uuid = ?",
            (now, why, uuid),
        )
        connection.execute("DELETE FROM dead_letter WHERE uuid = ?", (uuid,))
        return None, tally

    return work


def _dead_size(connection: sqlite3.Connection, uuid: str) -> int:
    found = connection.execute("SELECT size FROM dead_letter WHERE uuid = ?", (uuid,)).fetchone()
    if found is None:
        raise NotInOutboxError(f"{uuid}: there is no such dead letter in this outbox")
    return int(found[0])


def drop_receipts(sha256s: Sequence[str]) -> Work[int]:
    """Note that the items of receipts are proved, and return how many receipts there were.

    The newest of each engine stays: as long as its sender has it, the end of that log cannot be cut off unseen.
    """

    def work(connection: sqlite3.Connection, tally: Tally) -> tuple[int, Tally]:
        listed = "UPDATE receipt SET proved = 1 WHERE NOT proved AND sha256 IN (SELECT value FROM json_each(?))"
        count = connection.execute(listed, (orjson.dumps(list(sha256s)).decode(),)).rowcount
        connection.execute(
            "DELETE FROM receipt WHERE proved"
            " AND id < (SELECT max(id) FROM receipt AS newer WHERE newer.engine = receipt.engine)"
        )
        return count, tally

    return work
