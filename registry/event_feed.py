"""What happened since a reader last looked: items committed and batches stamped by one engine.

The store itself is the queue of events: it is bounded by nothing but its reader's position, which costs no memory.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from registry import tables
from registry.batches import chain_ids
from registry.database import Database
from registry.sealed_items import SealedItems


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far a reader has read."""

    chain_id: int
    """The engine's last chain, 0 before its first."""
    next_index: int
    """The `log_index` to go on with."""
    token: int
    """Id of the last token that was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanEvent:
    """An item was committed."""

    uuid: str
    """The item's uuid."""
    log_index: int
    """Its place in the engine's chain; between two items there may be audit entries."""
    agent: str
    """Bare JID of the agent that observed it."""
    type: str
    """`meta.type`."""
    format: str
    """Format of the payload."""
    target: str | None
    """`meta.target`."""
    verdict: str | None
    """`meta.verdict`."""
    received_at: int
    """Microseconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StampEvent:
    """A batch got a time-stamp token."""

    token: int
    """Id of the token: where to go on."""
    batch: int
    """Number of the batch in its chain."""
    count: int
    """Items in it."""
    state: str
    """How far the batch is proved now."""
    tsa: str
    """Name of the authority."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    first_index: int
    """First `log_index`."""
    last_index: int
    """Last `log_index`."""
    uuids: tuple[str, ...]
    """The first items of the batch, up to a bound."""


class EventFeed:
    """The events of one engine."""

    def __init__(self, *, database: Database, engine: str) -> None:
        self._database = database
        self._engine = engine
        self._sealed = SealedItems(database=database)

    async def now(self) -> Position:
        """Return the position after everything that has happened.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _now(connection, self._engine))

    async def scans(self, position: Position, *, limit: int) -> list[ScanEvent]:
        """Return the items that follow the position, in order of the log.

        Raises:
            StoreError: the database failed.
        """
        wanted = {"chain": position.chain_id, "first": position.next_index, "most": limit}
        rows = await self._database.read(lambda connection: connection.execute(_SCANS, wanted).all())
        return [ScanEvent(**row._mapping) for row in rows]

    async def sealed(self, uuids: Collection[str]) -> frozenset[str]:
        """Return which of some items travelled sealed.

        Raises:
            StoreError: the database failed.
        """
        return await self._sealed.among(uuids)

    async def count(self, position: Position, *, until: int) -> int:
        """Return how many items there are from the position up to before the index `until`.

        Raises:
            StoreError: the database failed.
        """
        index = tables.item.c.log_index
        query = select(func.count()).where(tables.item.c.chain_id == position.chain_id)
        query = query.where(index >= position.next_index, index < until)
        return int(await self._database.read(lambda connection: connection.execute(query).scalar_one()))

    async def stamps(self, position: Position, *, limit: int, uuids: int) -> list[StampEvent]:
        """Return the tokens that follow the position, each with at most `uuids` of its items.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(
            lambda connection: _stamps(connection, self._engine, after=position.token, limit=limit, uuids=uuids)
        )


# Built once: they are asked many times a second, and to build a statement takes longer than to execute it.
_SCANS = (
    select(*(tables.item.c[name] for name in ScanEvent.__dataclass_fields__))
    .where(tables.item.c.chain_id == bindparam("chain"), tables.item.c.log_index >= bindparam("first"))
    .order_by(tables.item.c.log_index)
    .limit(bindparam("most"))
)
_LAST_CHAIN = (
    select(tables.chain.c.id, tables.chain.c.next_index)
    .where(tables.chain.c.engine == bindparam("engine"))
    .order_by(tables.chain.c.id.desc())
    .limit(1)
)
_NEWEST_TOKEN = select(func.max(tables.token.c.id))
_STAMPED = ("number", "count", "audit_count", "state", "first_index", "last_index", "chain_id")
_STAMPS = (
    select(
        tables.token.c.id, tables.token.c.tsa, tables.token.c.gen_time, *(tables.batch.c[name] for name in _STAMPED)
    )
    .join(tables.batch, tables.batch.c.id == tables.token.c.batch_id)
    # A batch that only holds audit entries is no news to those who wait for items.
    .where(tables.token.c.id > bindparam("after"), tables.batch.c.count > tables.batch.c.audit_count)
    .where(tables.batch.c.chain_id.in_(bindparam("chains", expanding=True)))
    .order_by(tables.token.c.id)
    .limit(bindparam("most"))
)


def _now(connection: Connection, engine: str) -> Position:
    last = connection.execute(_LAST_CHAIN, {"engine": engine}).one_or_none()
    newest = connection.execute(_NEWEST_TOKEN).scalar_one()
    return Position(
        chain_id=last.id if last is not None else 0,
        next_index=last.next_index if last is not None else 0,
        token=newest or 0,
    )


def _stamps(connection: Connection, engine: str, *, after: int, limit: int, uuids: int) -> list[StampEvent]:
    wanted = {"after": after, "chains": chain_ids(connection, [engine]), "most": limit}
    rows = connection.execute(_STAMPS, wanted).all()
    return [
        StampEvent(
            token=row.id,
            batch=row.number,
            count=row.count - row.audit_count,
            state=row.state,
            tsa=row.tsa,
            gen_time=row.gen_time,
            first_index=row.first_index,
            last_index=row.last_index,
            uuids=_uuids(connection, row, limit=uuids),
        )
        for row in map(_named, rows)
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    tsa: str
    gen_time: int
    number: int
    count: int
    audit_count: int
    state: str
    first_index: int
    last_index: int
    chain_id: int


def _named(row: Any) -> _Row:
    # A row of SQLAlchemy is a tuple, whose own `count` hides the column of that name.
    return _Row(**row._mapping)


def _uuids(connection: Connection, row: _Row, *, limit: int) -> tuple[str, ...]:
    item = tables.item
    within = item.c.log_index.between(row.first_index, row.last_index)
    query = select(item.c.uuid).where(item.c.chain_id == row.chain_id, within)
    return tuple(connection.execute(query.order_by(item.c.log_index).limit(limit)).scalars())
