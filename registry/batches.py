"""Batches of a chain: contiguous ranges of items that are proved together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from registry import tables
from registry.chain import ChainState, read_chain
from registry.proof_state import ProofState
from vedette.errors import StoreError
from vedette.evidence.hashtree import HashTree
from vedette.evidence.statement import batch_statement, leaf


@dataclass(frozen=True, kw_only=True, slots=True)
class Unbatched:
    """Items that are in no batch yet."""

    count: int
    """How many."""
    oldest_received_at: int
    """Microseconds since 1970: when the oldest arrived; 0 where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingBatch:
    """A closed batch whose root can be time-stamped."""

    id: int
    """What tokens refer to."""
    number: int
    """Number in its chain, from 1."""
    first_index: int
    """First `log_index`."""
    last_index: int
    """Last `log_index`."""
    count: int
    """How many items."""
    root: bytes
    """Root of the hash tree, 32 bytes."""
    closed_at: int
    """Microseconds since 1970."""
    state: ProofState
    """How far it is proved."""
    reason: str
    """Why it failed, empty otherwise."""


def pending_query() -> Select[tuple[Any, ...]]:
    """Return the query for batches, to be narrowed."""
    table = tables.batch
    names = (
        "id",
        "number",
        "first_index",
        "last_index",
        "count",
        "root",
        "closed_at",
        "state",
        "reason",
    )
    return select(*(table.c[name] for name in names))


def pending_of(row: Row[tuple[Any, ...]]) -> PendingBatch:
    """Return a row of `pending_query` as a value."""
    values = dict(row._mapping)
    return PendingBatch(**values | {"state": ProofState(values["state"])})


def chain_ids(connection: Connection, engine: str) -> list[int]:
    """Return the engine's chains, oldest first: a restored backup leaves more than one."""
    chain = tables.chain
    return list(connection.execute(select(chain.c.id).where(chain.c.engine == engine).order_by(chain.c.id)).scalars())


def last_batch(connection: Connection, chain_id: int) -> tuple[int, int, bytes | None]:
    """Return number, last index and root of the chain's last batch; (0, -1, None) before the first."""
    table = tables.batch
    query = select(table.c.number, table.c.last_index, table.c.root).where(table.c.chain_id == chain_id)
    row = connection.execute(query.order_by(table.c.last_index.desc()).limit(1)).one_or_none()
    return (row.number, row.last_index, row.root) if row is not None else (0, -1, None)


def unbatched(connection: Connection, engine: str) -> Unbatched:
    """Return what waits to be put into batches."""
    count, oldest = 0, 0
    for chain_id in chain_ids(connection, engine):
        first = last_batch(connection, chain_id)[1] + 1
        waiting = read_chain(connection, chain_id).next_index - first
        if waiting <= 0:
            continue
        received_at = received_at_of(connection, chain_id, first)
        oldest = received_at if count == 0 else min(oldest, received_at)
        count += waiting
    return Unbatched(count=count, oldest_received_at=oldest)


def received_at_of(connection: Connection, chain_id: int, log_index: int) -> int:
    """Return when an item arrived, in microseconds since 1970.

    Raises:
        StoreError: the chain has a gap there.
    """
    table = tables.item
    query = select(table.c.received_at).where(table.c.chain_id == chain_id, table.c.log_index == log_index)
    found: int | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise StoreError(f"chain {chain_id} has no item {log_index}: the store is damaged; restore a backup")
    return found


def next_batch_row(connection: Connection, engine: str, *, max_items: int, now: int) -> dict[str, Any] | None:
    """Return the row of the next batch to store, or None where no item waits.

    Raises:
        StoreError: the chain has a gap.
    """
    for chain_id in chain_ids(connection, engine):
        chain = read_chain(connection, chain_id)
        number, last, root = last_batch(connection, chain_id)
        if last + 1 < chain.next_index:
            last_index = min(last + max_items, chain.next_index - 1)
            row = _describe(chain, number=number + 1, first=last + 1, last=last_index, previous_root=root)
            tree = batch_tree(connection, chain_id, last + 1, last_index, row["statement"])
            return row | {"root": tree.root, "closed_at": now}
    return None


def _describe(
    chain: ChainState, *, number: int, first: int, last: int, previous_root: bytes | None
) -> dict[str, Any]:
    """Return the columns of a batch that its range decides."""
    statement = batch_statement(
        engine=chain.engine,
        epoch=chain.epoch,
        number=number,
        count=last - first + 1,
        first_log_index=first,
        last_log_index=last,
        previous_root=previous_root.hex() if previous_root is not None else "",
    )
    return {
        "chain_id": chain.id,
        "number": number,
        "first_index": first,
        "last_index": last,
        "count": last - first + 1,
        "statement": statement,
        "previous_root": previous_root,
        "state": ProofState.PENDING.value,
        "reason": "",
    }


def batch_tree(connection: Connection, chain_id: int, first: int, last: int, statement: bytes) -> HashTree:
    """Return the tree over the items' leaves in order, and the batch statement's as the last.

    Raises:
        StoreError: the chain has a gap in this range.
    """
    table = tables.item
    query = select(table.c.statement).where(table.c.chain_id == chain_id, table.c.log_index.between(first, last))
    leaves = [leaf(data) for data in connection.execute(query.order_by(table.c.log_index)).scalars()]
    if len(leaves) != last - first + 1:
        raise StoreError(
            f"chain {chain_id} lacks {last - first + 1 - len(leaves)} of the items {first} to {last}:"
            " the store is damaged; restore a backup"
        )
    return HashTree([*leaves, leaf(statement)])
