"""What is read from an outbox's tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from registry.outbox_work import MAX_BACKOFF, DeadLetter, OutboxItem
from vedette.canonical import parse_json
from vedette.clock import MICROSECONDS
from vedette.messages.batch import Signed

UNKNOWN_TYPE = "application/octet-stream"
"""MIME type of what an item says nothing of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxStatus:
    """What an outbox holds, for views and for presence."""

    epoch: str
    """Epoch of its numbers."""
    next_seq: int
    """The `origin_seq` that the next item gets."""
    items: int
    """Items that are not confirmed."""
    size: int
    """Bytes of their JSON."""
    oldest: int
    """Microseconds that the oldest of them has waited; 0 where there is none."""
    dead_letters: int
    """Items that were given up and wait for a person."""
    discarded: int
    """Tombstones."""
    receipts: int
    """Receipts whose items are not known to be proved."""

    def reported(self) -> dict[str, int]:
        """Return what a heartbeat says of it."""
        return {"pending": self.items, "oldest": self.oldest, "dead_letters": self.dead_letters}


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentToUpload:
    """A document that the engine must have before the items that refer to it."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal."""
    content_type: str
    """MIME type, as the first of the items has it."""
    uuids: list[str]
    """The items that wait for it."""


def next_batch(
    connection: sqlite3.Connection, *, max_items: int, max_bytes: int, after: int, exclude: Collection[int], now: int
) -> list[OutboxItem]:
    """Return the first items past `after` that may be sent now, in order; at least one whatever its size."""
    # A retry further away than the longest backoff was set before the clock was put back: do not wait for it.
    rows = connection.execute(
        "SELECT seq, uuid, digest, data FROM item WHERE seq > ? AND uploaded AND (retry_at <= ? OR retry_at > ?)"
        " ORDER BY seq",
        (after, now, now + MAX_BACKOFF * MICROSECONDS),
    )
    batch: list[OutboxItem] = []
    size = 0
    for seq, uuid, digest, data in rows:
        if seq in exclude:
            continue
        size += len(data)
        if batch and (len(batch) >= max_items or size > max_bytes):
            break
        batch.append(OutboxItem(seq=seq, uuid=uuid, digest=digest.hex(), data=data))
    rows.close()
    return batch


def dead_letters(connection: sqlite3.Connection) -> list[DeadLetter]:
    """Return all dead letters, oldest number first."""
    rows = connection.execute(
        "SELECT seq, uuid, digest, data, added_at, died_at, attempts, field, reason FROM dead_letter ORDER BY seq"
    )
    return [
        DeadLetter(
            seq=seq,
            uuid=uuid,
            digest=digest.hex(),
            data=data,
            added_at=added_at,
            died_at=died_at,
            attempts=attempts,
            field=field,
            reason=reason,
        )
        for seq, uuid, digest, data, added_at, died_at, attempts, field, reason in rows
    ]


def to_upload(connection: sqlite3.Connection, *, now: int) -> DocumentToUpload | None:
    """Return the document that has waited longest of those that may be uploaded now."""
    row = connection.execute(
        "SELECT document, data FROM item WHERE document IS NOT NULL AND NOT uploaded"
        " AND (retry_at <= ? OR retry_at > ?) ORDER BY seq LIMIT 1",
        (now, now + MAX_BACKOFF * MICROSECONDS),
    ).fetchone()
    if row is None:
        return None
    content_type = parse_json(row[1])["meta"].get("content_type")
    waiting = connection.execute("SELECT uuid FROM item WHERE document = ? AND NOT uploaded ORDER BY seq", (row[0],))
    return DocumentToUpload(
        sha256=row[0], content_type=content_type or UNKNOWN_TYPE, uuids=[uuid for (uuid,) in waiting]
    )


def documents(connection: sqlite3.Connection) -> set[str]:
    """Return the documents that items and dead letters refer to."""
    query = (
        "SELECT document FROM item WHERE document IS NOT NULL"
        " UNION SELECT document FROM dead_letter WHERE document IS NOT NULL"
    )
    return {document for (document,) in connection.execute(query)}


def receipts(connection: sqlite3.Connection, *, limit: int, skip: int) -> list[Signed]:
    """Return the oldest receipts whose items are not known to be proved, after `skip` of them."""
    query = "SELECT text, signature FROM receipt WHERE NOT proved ORDER BY id LIMIT ? OFFSET ?"
    rows = connection.execute(query, (limit, skip))
    return [Signed(text=text, signature=signature) for text, signature in rows]


def status(connection: sqlite3.Connection, *, now: int) -> OutboxStatus:
    """Return what the outbox holds."""
    (epoch,) = connection.execute("SELECT value FROM fact WHERE name = 'epoch'").fetchone()
    (next_seq,) = connection.execute("SELECT value FROM fact WHERE name = 'next_seq'").fetchone()
    items, size = connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM item").fetchone()
    first = connection.execute("SELECT added_at FROM item ORDER BY seq LIMIT 1").fetchone()
    dead, discarded, kept = connection.execute(
        "SELECT (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM tombstone),"
        " (SELECT count(*) FROM receipt WHERE NOT proved)"
    ).fetchone()
    return OutboxStatus(
        epoch=epoch,
        next_seq=next_seq,
        items=items,
        size=size,
        oldest=max(0, now - first[0]) if first else 0,
        dead_letters=dead,
        discarded=discarded,
        receipts=kept,
    )
