"""What retention reads and changes in the database, each in a caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from registry import tables
from registry.audit import AuditEntry
from registry.document_rows import Tombstone, bury_document, find_content
from registry.document_tables import document
from registry.payload_rows import KEY, is_inline, is_of_item, remove_payload
from registry.payload_tables import item_payload
from registry.proof_state import ProofState
from registry.queue_tables import queue_item
from registry.retention_tables import item_tombstone, retention_hold
from vedette.canonical import canonical_json, parse_json
from vedette.evidence.deletion import Deletion
from vedette.evidence.partition_retention import PayloadGroup
from vedette.evidence.retention import Candidate
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

_PIECE = 1_000
"""Inline payloads that are looked at together."""

OLD_ENOUGH = "old enough"
"""The reason in a tombstone that a policy leaves."""

Place = tuple[int, int, int]
"""`received_at`, chain and `log_index`: the order in which inline payloads are looked at."""

Position = tuple[int, int, int] | tuple[str, int, int]
"""How far a look at all payloads came: the place of an inline one, or past those document, chain and `log_index`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """A payload that may be deleted."""

    candidate: Candidate
    """What decides about it."""
    sha256: str
    """SHA-256 of its bytes, hexadecimal."""
    inline: bool
    """Whether it is beside the item's row; else in a document, or gone with one."""
    place: Place
    """Where its item is."""

    @property
    def position(self) -> Position:
        """Where it is in the order."""
        return self.place if self.inline else (self.sha256, *self.place[1:])


def read_payloads(connection: Connection, uuids: Collection[str]) -> dict[str, Payload]:
    """Return those of these items whose payload was not deleted."""
    item = tables.item
    # What went with its document keeps that document's tombstone, and what is lost stays an alarm.
    there = or_(is_inline(), exists().where(document.c.sha256 == item.c.payload_sha256))
    query = _payloads().where(item.c.uuid.in_(list(uuids)), there)
    return {row.uuid: _payload(row) for row in connection.execute(query)}


def next_payloads(
    connection: Connection,
    *,
    before: int,
    types: Collection[str] | None,
    after: Position | None,
    limit: int,
    spared: Collection[tuple[int, int]] = (),
) -> list[Payload]:
    """Return the next payloads that are there, of items received by a time.

    Those that are kept inline come first, oldest first; but for those received within one of the `spared` spans. Then
    come documents. Items whose payload is gone are not even looked at: in the end, they are most.
    """
    item = tables.item
    query = _payloads().where(item.c.received_at <= before)
    if types is not None:
        query = query.where(item.c.type.in_(sorted(types)))
    if after is None or isinstance(after[0], int):
        if found := _inline_after(connection, query, after, limit=limit, before=before, spared=spared):
            return found
        after = None
    return _in_documents_after(connection, query, after, limit=limit)


def _inline_after(
    connection: Connection,
    query: Select[Any],
    after: Position | None,
    *,
    limit: int,
    before: int,
    spared: Collection[tuple[int, int]],
) -> list[Payload]:
    order, item = [item_payload.c[name] for name in KEY], tables.item
    places = select(*order).where(order[0] <= before).order_by(*order).limit(_PIECE)
    for start, end in spared:
        places = places.where(or_(order[0] < start, order[0] >= end))
    while True:
        # A piece at a time, or PostgreSQL would join all payloads with all items, which it takes for few.
        piece = places if after is None else places.where(tuple_(*order) > tuple_(*after))
        some = piece.subquery("some")
        same = and_(*(some.c[name] == item.c[name] for name in KEY))
        ordered = query.join_from(some, item, same).order_by(*(some.c[name] for name in KEY)).limit(limit)
        if found := connection.execute(ordered).all():
            return [_payload(row) for row in found]
        seen = connection.execute(piece).all()
        if not seen:
            return []
        after = tuple(seen[-1])


def _in_documents_after(
    connection: Connection, query: Select[Any], after: Position | None, *, limit: int
) -> list[Payload]:
    item = tables.item
    place = (item.c.chain_id, item.c.log_index)
    query = query.join_from(document, item, item.c.payload_sha256 == document.c.sha256).where(~is_inline())
    query = query.order_by(document.c.sha256, *place).limit(limit)
    if after is not None:
        rest = query.where(document.c.sha256 == after[0], tuple_(*place) > tuple_(*after[1:]))
        if found := connection.execute(rest).all():
            return [_payload(row) for row in found]
        query = query.where(document.c.sha256 > after[0])
    return [_payload(row) for row in connection.execute(query)]


def payload_groups(connection: Connection, start: int, end: int) -> list[PayloadGroup]:
    """Return the inline payloads that are there of items received within a span, as groups."""
    item = tables.item
    both = (item_payload.c.received_at, item.c.received_at)
    within = [condition for column in both for condition in (column >= start, column < end)]
    found = _payloads().join_from(item_payload, item, is_of_item()).where(*within).subquery()
    alike = [found.c[name] for name in ("type", "source", "state", "held", "queued")]
    newest, size = func.max(found.c.received_at), func.sum(found.c.size)
    query = select(*alike, newest.label("newest"), size.label("size"), func.count().label("payloads")).group_by(
        *alike
    )
    return [
        PayloadGroup(
            newest=Candidate(
                uuid="",
                type=row.type,
                source=row.source,
                received_at=row.newest,
                size=int(row.size),
                state=row.state,
                held=bool(row.held),
                queued=bool(row.queued),
            ),
            count=row.payloads,
        )
        for row in connection.execute(query)
    ]


def bury_payload(connection: Connection, payload: Payload, deletion: Deletion) -> bool:
    """Delete a payload, leaving a tombstone; True where its document's file must go, too, once this is committed."""
    uuid = payload.candidate.uuid
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
    forget_extra(connection, uuid)
    remove_payload(connection, payload.place)
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


def forget_extra(connection: Connection, uuid: str) -> None:
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
    others = select(item.c.uuid).where(item.c.payload_sha256 == sha256, ~is_inline(), ~_is_deleted())
    return connection.execute(others.limit(1)).first() is not None


def _is_deleted() -> ColumnElement[bool]:
    return exists().where(item_tombstone.c.uuid == tables.item.c.uuid)


def _payloads() -> Select[Any]:
    item, batch = tables.item, tables.batch
    # Batches are contiguous, so the first that ends past an item holds it.
    state = select(batch.c.state).where(batch.c.chain_id == item.c.chain_id, batch.c.last_index >= item.c.log_index)
    held = select(retention_hold.c.uuid).where(retention_hold.c.uuid == item.c.uuid)
    same = (queue_item.c.chain_id == item.c.chain_id) & (queue_item.c.log_index == item.c.log_index)
    waits = select(queue_item.c.id).where(same)
    names = ("uuid", "type", "source", "received_at", "size", "payload_sha256", "chain_id", "log_index")
    return select(
        *(item.c[name] for name in names),
        is_inline().label("inline"),
        func.coalesce(
            state.order_by(batch.c.last_index).limit(1).correlate(item).scalar_subquery(),
            literal(ProofState.PENDING.value),
        ).label("state"),
        # No EXISTS, which PostgreSQL might answer by a hash of the whole table.
        held.correlate(item).scalar_subquery().is_not(None).label("held"),
        waits.correlate(item).limit(1).scalar_subquery().is_not(None).label("queued"),
    ).where(~_is_deleted())


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


def policy_entry(policy: str, *, count: int, first: str, last: str, digest: str) -> AuditEntry:
    """Return one audit entry for many payloads: their uuids are bound by a digest, as the tombstones list them."""
    detail = f"{count} payloads, {first} to {last}; SHA-256 of their uuids, sorted, one a line: {digest}"
    return AuditEntry(who="retention", action="item.delete", object=policy, origin="policy", detail=detail)


def uuids_of(payloads: Sequence[Payload]) -> list[str]:
    """Return the uuids of payloads."""
    return [payload.candidate.uuid for payload in payloads]
