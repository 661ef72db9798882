"""Reading what is stored: items in SCANDALE's standard form, lists of them, and how far they are proved."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal, select, tuple_

from registry import tables
from registry.audit_tables import audit
from registry.database import Database
from registry.payload_rows import inline_payload
from registry.proof_state import ProofState
from registry.retention_rows import deletion_of
from vedette.canonical import parse_json
from vedette.errors import RefusedError, VedetteError
from vedette.evidence.deletion import Deletion

__all__ = ["ItemFilter", "ItemPage", "ItemProof", "ItemSummary", "Items", "UnknownItemError"]

MAX_PAGE = 1_000
"""Items in one page at most."""


class UnknownItemError(VedetteError):
    """There is no item with this uuid in the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemFilter:
    """Which items to list; what is None does not matter."""

    agent: str | None = None
    """Bare JID of the sender."""
    type: str | None = None
    """`meta.type`."""
    check: str | None = None
    """`meta.check`."""
    target: str | None = None
    """`meta.target`."""
    verdict: str | None = None
    """`meta.verdict`."""
    since: int | None = None
    """Microseconds since 1970: received then or later."""
    until: int | None = None
    """Microseconds since 1970: received before."""
    state: ProofState | None = None
    """How far proved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemSummary:
    """A line of a list."""

    uuid: str
    """The item's uuid."""
    log_index: int
    """Its place in its engine's chain."""
    agent: str
    """Bare JID of the sender."""
    type: str
    """`meta.type`."""
    format: str
    """Format of the payload."""
    target: str | None
    """`meta.target`."""
    source: str | None
    """`meta.source`."""
    check: str | None
    """`meta.check`."""
    ts: int
    """`meta.ts`, seconds since 1970."""
    collected_at: int | None
    """Microseconds since 1970 by the agent's clock."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    verdict: str | None
    """`meta.verdict`."""
    exit_code: int | None
    """`meta.exit_code`."""
    size: int
    """Bytes of the decoded payload."""
    unsigned: bool
    """Whether it came without a signed manifest."""
    skew: bool
    """Whether the agent's clock was wrong by more than a day."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    state: ProofState
    """How far proved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """Some items of a list, newest first."""

    items: list[ItemSummary]
    """The items."""
    cursor: str | None
    """Give it back to get what follows; None at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemToken:
    """One authority's time-stamp over the item's batch."""

    tsa: str
    """Name of the authority."""
    external: bool
    """False: the time is self-asserted."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    policy: str
    """OID of its policy."""
    serial: str
    """Its serial number, decimal."""
    token: bytes
    """DER of the TimeStampToken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemProof:
    """How far an item is proved, and by whom."""

    state: ProofState
    """How far."""
    reason: str
    """Why it failed, empty otherwise."""
    engine: str
    """Bare JID of the engine whose chain it is in."""
    epoch: str
    """Epoch of the chain."""
    log_index: int
    """Its place there."""
    batch: int | None
    """Number of its batch; None while it is in none."""
    tokens: list[ItemToken]
    """What authorities said, first come first."""


class Items:
    """The items of a store."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def get(self, uuid: str) -> dict[str, Any]:
        """Return an item in SCANDALE's standard form, as it came.

        Raises:
            UnknownItemError: there is none with this uuid.
            StoreError: the database failed.
        """
        found = await self._database.read(lambda connection: _get(connection, uuid))
        if found is None:
            raise UnknownItemError(f"{uuid}: there is no such item in the store")
        return found

    async def page(self, *, wanted: ItemFilter, limit: int = 100, cursor: str | None = None) -> ItemPage:
        """Return the newest items that are wanted; pages stay stable while items arrive.

        Raises:
            RefusedError: the cursor is not one of ours.
            StoreError: the database failed.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = _list_query(wanted, _read_cursor(cursor)).limit(limit + 1)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        found = [dict(row) for row in rows]
        following = _cursor_after(found[limit - 1]) if len(found) > limit else None
        return ItemPage(items=[_summary(row) for row in found[:limit]], cursor=following)

    async def proof(self, uuid: str) -> ItemProof:
        """Return how far an item is proved.

        Raises:
            UnknownItemError: there is none with this uuid.
            StoreError: the database failed.
        """
        found = await self._database.read(lambda connection: _proof(connection, uuid))
        if found is None:
            raise UnknownItemError(f"{uuid}: there is no such item in the store")
        return found

    async def counts(self) -> dict[ProofState, int]:
        """Return how many items there are in each state, over all engines.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(_counts)


def _get(connection: Connection, uuid: str) -> dict[str, Any] | None:
    table = tables.item
    names = ("version", "format", "statement", "payload_sha256", "extra")
    query = select(*(table.c[name] for name in names), inline_payload()).where(table.c.uuid == uuid)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return standard_form(row, deletion=deletion_of(connection, uuid, row["payload_sha256"], row["payload"]))


def standard_form(row: RowMapping, *, deletion: Deletion | None = None) -> dict[str, Any]:
    """Return an item as it came, from `version`, `format`, `statement`, `payload` and `extra` of its row.

    A payload that was deleted is a document that is not there any more, with what its tombstone says beside it.
    """
    extra = parse_json(row["extra"]) if row["extra"] is not None else {"item": {}, "payload": {}}
    statement = parse_json(row["statement"])
    # Bytes that are not kept inline are a document, whose id is their SHA-256.
    raw = row["payload"]
    payload: dict[str, Any] = {"document": statement["payload_sha256"]}
    if raw is not None:
        payload = {"raw": base64.b64encode(raw).decode()}
    elif deletion is not None:
        payload["deleted"] = deletion.as_json()
    return {
        "version": row["version"],
        "format": row["format"],
        "meta": statement["meta"],
        "payload": payload | extra["payload"],
        **extra["item"],
    }


def state_column() -> ColumnElement[str]:
    """Return the state of the item's batch: batches are contiguous, so the first that ends past it holds it."""
    batch, item = tables.batch, tables.item
    state = select(batch.c.state).where(batch.c.chain_id == item.c.chain_id, batch.c.last_index >= item.c.log_index)
    return func.coalesce(
        state.order_by(batch.c.last_index).limit(1).correlate(item).scalar_subquery(),
        literal(ProofState.PENDING.value),
    )


_SUMMARY_COLUMNS = tuple(name for name in ItemSummary.__dataclass_fields__ if name != "state")


def _list_query(wanted: ItemFilter, after: tuple[int, int, int] | None) -> Select[Any]:
    table = tables.item
    columns = [table.c[name] for name in (*_SUMMARY_COLUMNS, "chain_id")]
    query = select(*columns, state_column().label("state")).where(*_conditions(wanted))
    order = (table.c.received_at, table.c.chain_id, table.c.log_index)
    if after is not None:
        query = query.where(tuple_(*order) < tuple_(*after))
    return query.order_by(*(column.desc() for column in order))


def _conditions(wanted: ItemFilter) -> list[ColumnElement[bool]]:
    table = tables.item
    names = ("agent", "type", "check", "target", "verdict")
    given = {name: getattr(wanted, name) for name in names}
    conditions = [table.c[name] == value for name, value in given.items() if value is not None]
    if wanted.since is not None:
        conditions.append(table.c.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.c.received_at < wanted.until)
    if wanted.state is not None:
        conditions.append(state_column() == wanted.state.value)
    return conditions


def _cursor_after(row: dict[str, Any]) -> str:
    return f"{row['received_at']}.{row['chain_id']}.{row['log_index']}"


def _read_cursor(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        received_at, chain_id, log_index = (int(part) for part in text[:64].split("."))
    except ValueError as error:
        raise RefusedError("cursor", "is not one that a list of items gave") from error
    return received_at, chain_id, log_index


def _summary(row: dict[str, Any]) -> ItemSummary:
    values = {name: row[name] for name in _SUMMARY_COLUMNS}
    return ItemSummary(**values, state=ProofState(row["state"]))


def _proof(connection: Connection, uuid: str) -> ItemProof | None:
    item, chain, batch = tables.item, tables.chain, tables.batch
    query = select(item.c.chain_id, item.c.log_index, chain.c.engine, chain.c.epoch)
    query = query.join(chain, chain.c.id == item.c.chain_id).where(item.c.uuid == uuid)
    place = connection.execute(query).one_or_none()
    if place is None:
        return None
    holding = select(batch.c.id, batch.c.number, batch.c.state, batch.c.reason)
    holding = holding.where(batch.c.chain_id == place.chain_id, batch.c.last_index >= place.log_index)
    held = connection.execute(holding.order_by(batch.c.last_index).limit(1)).one_or_none()
    return ItemProof(
        state=ProofState(held.state) if held is not None else ProofState.PENDING,
        reason=held.reason if held is not None else "",
        engine=place.engine,
        epoch=place.epoch,
        log_index=place.log_index,
        batch=held.number if held is not None else None,
        tokens=_tokens(connection, held.id) if held is not None else [],
    )


def _tokens(connection: Connection, batch_id: int) -> list[ItemToken]:
    table = tables.token
    columns = [table.c[name] for name in ItemToken.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(table.c.batch_id == batch_id).order_by(table.c.id))
    return [ItemToken(**row._mapping) for row in rows]


def _counts(connection: Connection) -> dict[ProofState, int]:
    batch, chain = tables.batch, tables.chain
    counts = dict.fromkeys(ProofState, 0)
    items = func.sum(batch.c.count - batch.c.audit_count)
    for state, number in connection.execute(select(batch.c.state, items).group_by(batch.c.state)):
        counts[ProofState(state)] += int(number)
    logged = connection.execute(select(func.coalesce(func.sum(chain.c.next_index), 0))).scalar_one()
    audits = connection.execute(select(func.count()).where(audit.c.chain_id.is_not(None))).scalar_one()
    counts[ProofState.PENDING] += int(logged) - int(audits) - sum(counts.values())
    return counts
