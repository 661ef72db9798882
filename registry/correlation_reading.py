"""Which items the correlation reads next, and how far it came: each chain in the order of its log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from registry import tables
from registry.correlation_tables import correlation_position
from registry.log import received_at_of
from registry.payload_rows import inline_payload
from registry.retention_tables import item_tombstone
from vedette.clock import MICROSECONDS

TOGETHER_BYTES = 256 * 1024
"""Bytes of payloads in one step, but for a single larger one: the store's only writer waits meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Items of one chain."""

    chain_id: int
    """The chain."""
    position: int
    """The `log_index` it begins with."""
    following: int
    """The one to go on with."""
    more: bool
    """Whether more waited when these were read."""
    rows: Sequence[Any] = field(default=())
    """The items; audit entries have places in the log, too, and are not here."""

    @property
    def places(self) -> int:
        """How many places of the log it covers."""
        return self.following - self.position


def next_items(connection: Connection, engines: Collection[str], *, limit: int) -> Reading | None:
    """Return the next items of one of these engines, at most `limit`; None where none waits."""
    for chain_id, position, end in connection.execute(_POSITIONS, {"engines": list(engines)}).all():
        if position < end:
            wanted = {"chain": chain_id, "first": position, "end": min(position + limit, end)}
            # Their sizes first: of what does not fit no payload is read, only to be read again with the next step.
            wanted["end"] = following = _fitting(connection.execute(_SIZES, wanted).all(), wanted["end"])
            rows = connection.execute(_ITEMS, wanted).all()
            return Reading(chain_id=chain_id, position=position, following=following, more=following < end, rows=rows)
    return None


def read_until(connection: Connection, *, now: int) -> int:
    """Return until when everything that was committed is correlated, by any engine: `now` where nothing waits."""
    waiting = connection.execute(_WAITING).all()
    return min([now, *(received_at_of(connection, chain_id, position) for chain_id, position in waiting)])


def move(connection: Connection, read: Reading) -> bool:
    """Move the position on; False where somebody else did."""
    place = correlation_position
    if read.position == 0:
        known = select(place.c.next_index).where(place.c.chain_id == read.chain_id)
        if connection.execute(known).scalar_one_or_none() is not None:
            return False
        connection.execute(insert(place).values(chain_id=read.chain_id, next_index=read.following))
        return True
    moved = {"chain": read.chain_id, "here": read.position, "next_index": read.following}
    return connection.execute(_MOVE, moved).rowcount == 1


def seen_at(row: Any) -> int:
    """Return when an item was observed, microseconds since 1970, as far as its agent's clock can be believed."""
    at = row.collected_at if row.collected_at is not None else row.ts * MICROSECONDS
    # One that runs ahead must not make everything that follows late, and one that is far behind says times that no
    # database can add up.
    return int(max(0, min(at, row.received_at)))


def _fitting(sizes: Sequence[Any], end: int) -> int:
    """Return the place behind those that one step may hold, at least one; `end` where that is all of them."""
    room = TOGETHER_BYTES
    for number, row in enumerate(sizes):
        room -= row.size
        if room < 0 and number:
            return int(row.log_index)
    return end


def _positions() -> Select[Any]:
    """Return the query for how far each chain of some engines was read, oldest first, and where it ends."""
    chain, place = tables.chain, correlation_position
    query = select(chain.c.id, _HERE, chain.c.next_index)
    query = query.outerjoin_from(chain, place, place.c.chain_id == chain.c.id)
    return query.where(chain.c.engine.in_(bindparam("engines", expanding=True))).order_by(chain.c.id)


def _waiting() -> Select[Any]:
    """Return the query for the chains with something that was not read yet, and where that begins."""
    chain, place = tables.chain, correlation_position
    query = select(chain.c.id, _HERE).outerjoin_from(chain, place, place.c.chain_id == chain.c.id)
    return query.where(chain.c.next_index > _HERE)


def _sizes() -> Select[Any]:
    """Return the query for the places and sizes of items, in order."""
    item = tables.item
    return select(item.c.log_index, item.c.size).where(*_WITHIN).order_by(item.c.log_index)


def _items() -> Select[Any]:
    item = tables.item
    names = ("uuid", "agent", "format", "target", "check", "ts", "collected_at", "received_at", "verdict")
    columns = [item.c[name] for name in (*names, "log_index", "size", "payload_sha256")]
    deleted = select(item_tombstone.c.uuid).where(item_tombstone.c.uuid == item.c.uuid).exists()
    return select(*columns, inline_payload(), deleted.label("is_deleted")).where(*_WITHIN).order_by(item.c.log_index)


# Built once: a look happens many times a second, and to build a statement takes longer than to execute it.
_HERE = func.coalesce(correlation_position.c.next_index, 0)
_WITHIN = (
    tables.item.c.chain_id == bindparam("chain"),
    tables.item.c.log_index >= bindparam("first"),
    tables.item.c.log_index < bindparam("end"),
)
_POSITIONS = _positions()
_WAITING = _waiting()
_SIZES = _sizes()
_ITEMS = _items()
_MOVE = update(correlation_position).where(
    correlation_position.c.chain_id == bindparam("chain"), correlation_position.c.next_index == bindparam("here")
)
