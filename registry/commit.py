"""One group commit: decides about each item and gathers the rows, then writes them all."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import sqlite

from registry import tables
from registry.admission import check_admission, check_of, extra_of, is_skewed, is_urgent
from registry.chain import ChainState, advance_chain, next_head
from registry.delivery import Committed, Delivery
from registry.documents import known_documents
from registry.enqueue import enqueue
from registry.payload_rows import KEY, insert_payloads
from registry.refusals import Refusal, record_refusals
from registry.tally import tally
from vedette.errors import ConflictError, RefusedError
from vedette.evidence.statement import item_statement, leaf
from vedette.messages.batch import ELSEWHERE
from vedette.messages.item import ReceivedItem
from vedette.pieces import pieces
from vedette.storable import storable

_LOOK_UP = 1_000
"""Keys in one query: far below what either database takes."""

_SALT = 16
"""Bytes of an item's salt."""

# Built once: to build a statement takes longer than to execute it.
_STORED = select(*(tables.item.c[name] for name in ("uuid", "agent", "digest", "chain_id", "log_index"))).where(
    tables.item.c.uuid.in_(bindparam("uuids", expanding=True))
)
_INSERT = insert(tables.item)
_COMPILED = _INSERT.compile(dialect=sqlite.dialect())
_by_uuid = itemgetter("uuid")
_INSERT_TEXT, _in_order = str(_COMPILED), itemgetter(*_COMPILED.positiontup or ())


class _Stored(NamedTuple):
    """What is known of a uuid that is stored, or will be by this commit."""

    agent: str
    digest: bytes
    chain_id: int
    log_index: int


class GroupCommit:
    """Commits deliveries in the transaction of `connection`, whose chain is locked."""

    def __init__(self, connection: Connection, *, chain: ChainState) -> None:
        self._connection = connection
        self._chain = chain
        self._next_index = chain.next_index
        self._head = chain.head
        self._urgent_index: int | None = None
        self._items: list[dict[str, Any]] = []
        self._payloads: list[dict[str, Any]] = []
        self._manifests: dict[str, dict[str, Any]] = {}
        self._refusals: list[Refusal] = []
        self._known: dict[str, _Stored] = {}
        self._salts = b""
        self._documents: dict[str, int] = {}

    def run(self, deliveries: Sequence[Delivery]) -> list[Committed]:
        """Decide about every item, write what is new and return one answer a delivery, in order."""
        uuids = [item.uuid for delivery in deliveries for item in delivery.items]
        self._known = _stored(self._connection, uuids)
        self._documents = _referred(self._connection, deliveries)
        self._salts = secrets.token_bytes(_SALT * len(uuids))
        answers = [self._enter(delivery) for delivery in deliveries]
        self._write()
        return answers

    def _enter(self, delivery: Delivery) -> Committed:
        committed: list[tuple[str, str, int]] = []
        refused: list[tuple[str, str, str]] = []
        before = self._next_index
        manifest_sha256 = delivery.signed.sha256 if delivery.signed is not None else ""
        for item in delivery.items:
            try:
                index = self._place(item, delivery, manifest_sha256)
            except RefusedError as error:
                refused.append((item.uuid, error.field, error.reason))
                self._refuse(item, delivery, error)
            else:
                committed.append((item.uuid, item.digest.hex(), index))
        return Committed(
            committed=committed,
            refused=refused,
            duplicates=len(committed) - (self._next_index - before),
            log_index=self._next_index - 1,
            head=self._head.hex(),
        )

    def _place(self, item: ReceivedItem, delivery: Delivery, manifest_sha256: str) -> int:
        """Return the item's `log_index`: a new one, or the old one of a duplicate, `ELSEWHERE` in another chain.

        Raises:
            RefusedError: the item is not taken.
            ConflictError: the uuid is taken by another content or another agent.
        """
        stored = self._known.get(item.uuid)
        if stored is None:
            check_admission(item, sender=delivery.sender, document_size=self._documents.get(item.payload_sha256))
            return self._append(item, delivery, manifest_sha256)
        if stored.agent != delivery.sender:
            raise ConflictError("meta.uuid", "is already stored from another agent; nothing was changed")
        if stored.digest != item.digest:
            raise ConflictError("meta.uuid", "is already stored with another content; nothing was changed")
        return stored.log_index if stored.chain_id == self._chain.id else ELSEWHERE

    def _append(self, item: ReceivedItem, delivery: Delivery, manifest_sha256: str) -> int:
        index = self._next_index
        row = _item_row(item, delivery)
        if item.payload is None:
            row["size"] = self._documents[item.payload_sha256]
        salt = self._salts[len(self._items) * _SALT :][:_SALT]
        statement = item_statement(
            meta_json=item.meta_json,
            uuid=item.uuid,
            payload_sha256=item.payload_sha256,
            size=row["size"],
            received_at=delivery.received_at,
            engine=self._chain.engine,
            epoch=self._chain.epoch,
            log_index=index,
            manifest_sha256=manifest_sha256,
            salt=salt.hex(),
        )
        row["chain_id"] = self._chain.id
        row["log_index"] = index
        row["manifest_sha256"] = manifest_sha256 or None
        row["statement"] = statement
        self._items.append(row)
        if item.payload is not None:
            self._payloads.append(_payload_row(row, item.payload))
        self._keep_manifest(delivery, manifest_sha256)
        self._known[item.uuid] = _Stored(delivery.sender, item.digest, self._chain.id, index)
        self._head = next_head(self._head, leaf(statement))
        if is_urgent(item):
            self._urgent_index = index
        self._next_index = index + 1
        return index

    def _keep_manifest(self, delivery: Delivery, sha256: str) -> None:
        signed, manifest = delivery.signed, delivery.manifest
        if signed is None or manifest is None or sha256 in self._manifests:
            return
        self._manifests[sha256] = {
            "sha256": sha256,
            "agent": delivery.sender,
            "epoch": storable(manifest.epoch),
            "first": manifest.first,
            "last": manifest.last,
            "text": signed.text,
            "signature": signed.signature,
            "received_at": delivery.received_at,
        }

    def _refuse(self, item: ReceivedItem, delivery: Delivery, error: RefusedError) -> None:
        refusal = Refusal(
            at=delivery.received_at,
            sender=delivery.sender,
            uuid=item.uuid,
            field=error.field,
            reason=error.reason,
        )
        self._refusals.append(refusal)

    def _write(self) -> None:
        record_refusals(self._connection, self._refusals)
        if not self._items:
            return
        if self._manifests:
            _write_manifests(self._connection, self._manifests)
        _insert_items(self._connection, self._items)
        insert_payloads(self._connection, self._payloads)
        tally(self._connection, self._items, chain_id=self._chain.id)
        enqueue(self._connection, self._items)
        advance_chain(
            self._connection,
            self._chain.id,
            next_index=self._next_index,
            head=self._head,
            urgent_index=self._urgent_index,
        )


def _item_row(item: ReceivedItem, delivery: Delivery) -> dict[str, Any]:
    """Return the columns that do not depend on the item's place in the chain."""
    meta, payload = item.item.meta, item.payload
    return {
        "uuid": item.uuid,
        "agent": delivery.sender,
        "type": meta.type,
        "format": item.item.format,
        "version": item.item.version,
        "target": meta.target,
        "source": meta.source,
        "check": check_of(item),
        "ts": meta.ts,
        "collected_at": meta.collected_at,
        "received_at": delivery.received_at,
        "verdict": meta.verdict,
        "exit_code": meta.exit_code,
        "size": len(payload or b""),
        "unsigned": delivery.signed is None,
        "skew": is_skewed(ts=meta.ts, collected_at=meta.collected_at, received_at=delivery.received_at),
        "digest": item.digest,
        "payload_sha256": item.payload_sha256,
        "extra": extra_of(item),
    }


def _payload_row(row: dict[str, Any], payload: bytes) -> dict[str, Any]:
    return {name: row[name] for name in KEY} | {"payload": payload}


def _stored(connection: Connection, uuids: Sequence[str]) -> dict[str, _Stored]:
    """Return what is stored of these uuids."""
    found: dict[str, _Stored] = {}
    for keys in pieces(uuids, _LOOK_UP):
        for uuid, *stored in connection.execute(_STORED, {"uuids": keys}):
            found[uuid] = _Stored(*stored)
    return found


def _referred(connection: Connection, deliveries: Sequence[Delivery]) -> dict[str, int]:
    """Return the sizes of the documents that items refer to, of those that are stored."""
    items = (item for delivery in deliveries for item in delivery.items)
    ids = dict.fromkeys(item.payload_sha256 for item in items if item.payload is None)
    sizes: dict[str, int] = {}
    for keys in pieces(list(ids), _LOOK_UP):
        sizes |= known_documents(connection, keys, kept=True)
    return sizes


def _insert_items(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "sqlite":
        # SQLAlchemy would look at each value of each row once more, which takes half as long as to insert them.
        connection.exec_driver_sql(_INSERT_TEXT, [_in_order(row) for row in rows])
    else:
        # In one order always: two engines that commit the same items do not wait for each other in a circle.
        connection.execute(_INSERT, sorted(rows, key=_by_uuid))


def _write_manifests(connection: Connection, manifests: dict[str, dict[str, Any]]) -> None:
    """Store the manifests that are new, each with the key that its agent has now."""
    table, agent = tables.delivery, tables.agent
    known = select(table.c.sha256).where(table.c.sha256.in_(list(manifests)))
    present = set(connection.execute(known).scalars())
    senders = {row["agent"] for row in manifests.values()}
    keys = connection.execute(select(agent.c.jid, agent.c.public_key).where(agent.c.jid.in_(senders)))
    key_of: dict[str, str | None] = {jid: key for jid, key in keys}
    rows = [
        {**row, "public_key": key_of.get(row["agent"])}
        for sha256, row in sorted(manifests.items())
        if sha256 not in present
    ]
    if rows:
        connection.execute(insert(table), rows)
