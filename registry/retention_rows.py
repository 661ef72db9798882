"""What retention reads and changes in the database, each in a caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, insert, literal, or_, select, tuple_, update

from registry import tables
from registry.document_rows import Tombstone, bury_document, find_content
from registry.document_tables import document
from registry.proof_state import ProofState
from registry.queue_tables import queue_item
from registry.retention_tables import item_tombstone, retention_hold
from registry.text import storable
from vedette.canonical import canonical_json, parse_json
from vedette.evidence.deletion import Deletion
from vedette.evidence.retention import Candidate
from vedette.messages.limits import MAX_TEXT

Place = tuple[int, int, int]
"""`received_at`, chain and `log_index`: the order in which items are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """A payload that may be deleted."""

    candidate: Candidate
    """What decides about it."""
    sha256: str
    """SHA-256 of its bytes, hexadecimal."""
    inline: bool
    """Whether it is in the item's row; else in a document, or gone with one."""
    place: Place
    """Where it is in the order."""


def read_payloads(connection: Connection, uuids: Collection[str]) -> dict[str, Payload]:
    """Return those of these items whose payload was not deleted."""
    query = _payloads().where(tables.item.c.uuid.in_(list(uuids)))
    return {row.uuid: _payload(row) for row in connection.execute(query)}


def next_payloads(
    connection: Connection, *, before: int, types: Collection[str] | None, after: Place | None, limit: int
) -> list[Payload]:
    """Return the next payloads that are there, of items received by a time, oldest first."""
    item = tables.item
    order = (item.c.received_at, item.c.chain_id, item.c.log_index)
    query = _payloads().where(item.c.received_at <= before)
    if types is not None:
        query = query.where(item.c.type.in_(sorted(types)))
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    return [_payload(row) for row in connection.execute(query.order_by(*order).limit(limit))]


def bury_payload(connection: Connection, payload: Payload, deletion: Deletion) -> bool:
    """Delete a payload, leaving a tombstone; True where its document's file must go, too, once this is committed."""
    item, uuid = tables.item, payload.candidate.uuid
    by, reason = storable(deletion.by, limit=MAX_TEXT), storable(deletion.reason, limit=MAX_TEXT)
    row = {
        "uuid": uuid,
        "size": payload.candidate.size,
        "payload_sha256": payload.sha256,
        "policy": deletion.policy,
        "deleted_at": deletion.at,
        "deleted_by": by,
        "reason": reason,
    }
    connection.execute(insert(item_tombstone).values(row))
    _forget_extra(connection, uuid)
    connection.execute(update(item).where(item.c.uuid == uuid).values(payload=None))
    if payload.inline or _is_needed(connection, payload.sha256):
        return False
    return bury_document(connection, payload.sha256, at=deletion.at, by=by, reason=reason) is not None


def deletion_of(connection: Connection, uuid: str, sha256: str, payload: bytes | None = None) -> Deletion | None:
    """Return what is said of an item's payload that is gone: its own tombstone, else its document's."""
    if payload is not None:
        return None
    table = item_tombstone
    row = connection.execute(select(table).where(table.c.uuid == uuid)).one_or_none()
    if row is not None:
        return Deletion(at=row.deleted_at, by=row.deleted_by, reason=row.reason, policy=row.policy)
    found = find_content(connection, sha256)
    if not isinstance(found, Tombstone):
        return None
    return Deletion(at=found.deleted_at, by=found.deleted_by, reason=found.reason)


def overwrite_deleted(connection: Connection) -> None:
    """Let SQLite write zeros over what is deleted, which some builds of it else leave in the file's free pages."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON").close()


def _forget_extra(connection: Connection, uuid: str) -> None:
    """Delete the unknown fields that came within the payload."""
    item = tables.item
    extra = connection.execute(select(item.c.extra).where(item.c.uuid == uuid)).scalar_one()
    if extra is None:
        return
    kept = canonical_json(parse_json(extra) | {"payload": {}})
    connection.execute(update(item).where(item.c.uuid == uuid).values(extra=kept))


def _is_needed(connection: Connection, sha256: str) -> bool:
    """Tell whether another item, whose payload was not deleted, refers to a document."""
    item = tables.item
    # Locked, as an item that refers to it may be committed at this moment (PostgreSQL; SQLite has one writer).
    connection.execute(select(document.c.sha256).where(document.c.sha256 == sha256).with_for_update())
    others = select(item.c.uuid).where(item.c.payload_sha256 == sha256, item.c.payload.is_(None), ~_is_deleted())
    return connection.execute(others.limit(1)).first() is not None


def _is_deleted() -> ColumnElement[bool]:
    return exists().where(item_tombstone.c.uuid == tables.item.c.uuid)


def _payloads() -> Select[Any]:
    item, batch = tables.item, tables.batch
    # Batches are contiguous, so the first that ends past an item holds it.
    state = select(batch.c.state).where(batch.c.chain_id == item.c.chain_id, batch.c.last_index >= item.c.log_index)
    waits = (queue_item.c.chain_id == item.c.chain_id) & (queue_item.c.log_index == item.c.log_index)
    names = ("uuid", "type", "source", "received_at", "size", "payload_sha256", "chain_id", "log_index")
    return select(
        *(item.c[name] for name in names),
        item.c.payload.is_not(None).label("inline"),
        func.coalesce(
            state.order_by(batch.c.last_index).limit(1).correlate(item).scalar_subquery(),
            literal(ProofState.PENDING.value),
        ).label("state"),
        exists().where(retention_hold.c.uuid == item.c.uuid).label("held"),
        exists().where(waits).label("queued"),
        # What went with its document keeps that document's tombstone, and what is lost stays an alarm.
    ).where(
        ~_is_deleted(), or_(item.c.payload.is_not(None), exists().where(document.c.sha256 == item.c.payload_sha256))
    )


def _payload(row: Any) -> Payload:
    candidate = Candidate(
        uuid=row.uuid,
        type=row.type,
        source=row.source,
        received_at=row.received_at,
        size=row.size,
        state=row.state,
        held=bool(row.held),
        queued=bool(row.queued),
    )
    place = (row.received_at, row.chain_id, row.log_index)
    return Payload(candidate=candidate, sha256=row.payload_sha256, inline=bool(row.inline), place=place)


def uuids_of(payloads: Sequence[Payload]) -> list[str]:
    """Return the uuids of payloads."""
    return [payload.candidate.uuid for payload in payloads]
