"""One item with all that is known of it: what it says, when and where it was committed, and how far it is proved."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from registry import tables
from registry.items import UnknownItemError
from registry.payload_rows import inline_payload, is_inline
from registry.proof_state import ProofState
from registry.reading import Reads
from registry.retention_tables import item_tombstone
from vedette.canonical import parse_json

CONTENT_TYPE = "application/octet-stream"
"""MIME type of a payload of which nothing is said (RFC 9110, 8.3)."""

_PLAIN = (
    "uuid",
    "log_index",
    "agent",
    "version",
    "format",
    "received_at",
    "collected_at",
    "size",
    "unsigned",
    "skew",
    "payload_sha256",
    "manifest_sha256",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenDetail:
    """One authority's time-stamp over the item's batch."""

    tsa: str
    """Name of the authority."""
    external: bool
    """False: the time is self-asserted."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    obtained_at: int
    """Microseconds since 1970 by the engine's clock, when it came."""
    policy: str
    """OID of its policy."""
    serial: str
    """Its serial number, decimal."""
    token: str
    """DER of the TimeStampToken in base64."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadDeletion:
    """That the payload was deleted; statement and proof stay."""

    deleted_at: int
    """Microseconds since 1970."""
    deleted_by: str
    """Who deleted it."""
    reason: str
    """Why."""
    policy: str
    """Name of the policy that said so; empty where a person did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemDetail:
    """An item without its payload."""

    uuid: str
    """The item's uuid."""
    agent: str
    """Bare JID of the sender."""
    version: str
    """Version of the item form."""
    format: str
    """Format of the payload."""
    meta: dict[str, Any]
    """The item's meta as it came, whole."""
    content_type: str
    """MIME type of the payload."""
    size: int
    """Bytes of the decoded payload."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    inline: bool
    """Whether the bytes are in the store; else they are a document, or deleted."""
    deleted: PayloadDeletion | None
    """When and why the payload was deleted; null while it is there."""
    collected_at: int | None
    """Microseconds since 1970 by the agent's clock."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    skew: bool
    """Whether the two disagree by more than a day."""
    unsigned: bool
    """Whether it came without a signed manifest."""
    manifest_sha256: str | None
    """SHA-256 of the manifest that it came with, hexadecimal."""
    engine: str
    """Bare JID of the engine whose log it is in."""
    epoch: str
    """Epoch of that log."""
    log_index: int
    """Its place there."""
    statement: str
    """Statement v1 in base64: the bytes whose SHA-256 is the leaf."""
    batch: int | None
    """Number of its batch; null while it is in none."""
    state: ProofState
    """How far it is proved."""
    reason: str
    """Why its batch failed; empty otherwise."""
    tokens: list[TokenDetail]
    """What authorities said, first come first."""


class ItemDetails:
    """The items of a store, one at a time."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def find(self, uuid: str) -> ItemDetail:
        """Return all that is known of an item, its payload apart.

        Raises:
            UnknownItemError: there is none with this uuid.
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _detail(connection, uuid))

    async def inline(self, uuid: str) -> bytes | None:
        """Return the payload of an item that is kept in the store; None where it is not.

        Raises:
            StoreError: the database failed.
        """
        query = select(inline_payload()).where(tables.item.c.uuid == uuid)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())


def _detail(connection: Connection, uuid: str) -> ItemDetail:
    item, chain = tables.item, tables.chain
    columns = [item.c[name] for name in (*_PLAIN, "chain_id", "statement")]
    query = select(*columns, is_inline().label("inline"), chain.c.engine, chain.c.epoch)
    query = query.join(chain, chain.c.id == item.c.chain_id).where(item.c.uuid == uuid)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownItemError(f"{uuid[:64]}: there is no such item in the store")
    meta = parse_json(row["statement"])["meta"]
    batch = _batch(connection, row)
    return ItemDetail(
        **{name: row[name] for name in (*_PLAIN, "inline", "engine", "epoch")},
        meta=meta,
        content_type=meta.get("content_type") or CONTENT_TYPE,
        deleted=_deletion(connection, uuid),
        statement=base64.b64encode(row["statement"]).decode(),
        batch=None if batch is None else batch["number"],
        state=ProofState.PENDING if batch is None else ProofState(batch["state"]),
        reason="" if batch is None else batch["reason"],
        tokens=[] if batch is None else _tokens(connection, batch["id"]),
    )


def _batch(connection: Connection, item: RowMapping) -> RowMapping | None:
    batch = tables.batch
    query = select(batch.c.id, batch.c.number, batch.c.state, batch.c.reason)
    query = query.where(batch.c.chain_id == item["chain_id"], batch.c.last_index >= item["log_index"])
    return connection.execute(query.order_by(batch.c.last_index).limit(1)).mappings().one_or_none()


def _tokens(connection: Connection, batch_id: int) -> list[TokenDetail]:
    token = tables.token
    columns = [token.c[name] for name in TokenDetail.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(token.c.batch_id == batch_id).order_by(token.c.id)).mappings()
    return [TokenDetail(**{**row, "token": base64.b64encode(row["token"]).decode()}) for row in rows]


def _deletion(connection: Connection, uuid: str) -> PayloadDeletion | None:
    names = PayloadDeletion.__dataclass_fields__
    query = select(*(item_tombstone.c[name] for name in names)).where(item_tombstone.c.uuid == uuid)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PayloadDeletion(**row)
