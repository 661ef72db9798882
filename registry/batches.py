"""Batches of a chain: contiguous ranges of items that are proved together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from registry import tables
from registry.chain import ChainState, read_chain
from registry.log import count_audits, read_statements, received_at_of
from registry.proof_state import ProofState
from vedette.errors import StoreError
from vedette.evidence.hashtree import HashTree
from vedette.evidence.spot_check import top_of
from vedette.evidence.statement import batch_statement, leaf

# Built once: the two are asked again and again, and to build a statement takes longer than to execute it.
_CHAINS = (
    select(tables.chain.c.id)
    .where(tables.chain.c.engine.in_(bindparam("engines", expanding=True)))
    .order_by(tables.chain.c.id)
)
_LAST_BATCH = (
    select(tables.batch.c.number, tables.batch.c.last_index, tables.batch.c.root)
    .where(tables.batch.c.chain_id == bindparam("chain"))
    .order_by(tables.batch.c.last_index.desc())
    .limit(1)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unbatched:
    """Items that are in no batch yet."""

    count: int
    """How many."""
    oldest_received_at: int
    """Microseconds since 1970: when the oldest arrived; 0 where there is none."""
    urgent: bool = False
    """Whether an urgent item is among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingBatch:
    """A closed batch whose root can be time-stamped."""

    id: int
    """What tokens refer to."""
    chain_id: int
    """Its chain."""
    number: int
    """Number in its chain, from 1."""
    first_index: int
    """First `log_index`."""
    last_index: int
    """Last `log_index`."""
    count: int
    """How many items and audit entries."""
    audit_count: int = 0
    """How many of them are audit entries."""
    root: bytes
    """Root of the hash tree, 32 bytes."""
    closed_at: int
    """Microseconds since 1970."""
    state: ProofState
    """How far it is proved."""
    reason: str
    """Why it failed, empty otherwise."""

    @property
    def items(self) -> int:
        """How many items."""
        return self.count - self.audit_count


def pending_query() -> Select[tuple[Any, ...]]:
    """Return the query for batches, to be narrowed."""
    table = tables.batch
    names = (
        "id",
        "chain_id",
        "number",
        "first_index",
        "last_index",
        "count",
        "audit_count",
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


def chain_ids(connection: Connection, engines: Collection[str]) -> list[int]:
    """Return the chains of some engines, oldest first: a restored backup leaves more than one of each."""
    return list(connection.execute(_CHAINS, {"engines": list(engines)}).scalars())


def last_batch(connection: Connection, chain_id: int) -> tuple[int, int, bytes | None]:
    """Return number, last index and root of the chain's last batch; (0, -1, None) before the first."""
    row = connection.execute(_LAST_BATCH, {"chain": chain_id}).one_or_none()
    return (row.number, row.last_index, row.root) if row is not None else (0, -1, None)


def unbatched(connection: Connection, engines: Collection[str]) -> Unbatched:
    """Return what waits to be put into batches in the chains of some engines."""
    count, oldest, urgent = 0, 0, False
    for chain_id in chain_ids(connection, engines):
        first = last_batch(connection, chain_id)[1] + 1
        chain = read_chain(connection, chain_id)
        waiting = chain.next_index - first
        if waiting <= 0:
            continue
        received_at = received_at_of(connection, chain_id, first)
        oldest = received_at if count == 0 else min(oldest, received_at)
        count += waiting
        urgent = urgent or chain.urgent_index >= first
    return Unbatched(count=count, oldest_received_at=oldest, urgent=urgent)


def next_batch_row(
    connection: Connection, engines: Collection[str], *, max_items: int, now: int
) -> dict[str, Any] | None:
    """Return the row of the next batch to store, or None where no item waits.

    Raises:
        StoreError: the chain has a gap.
    """
    for chain_id in chain_ids(connection, engines):
        chain = read_chain(connection, chain_id)
        number, last, root = last_batch(connection, chain_id)
        if last + 1 < chain.next_index:
            last_index = min(last + max_items, chain.next_index - 1)
            row = _describe(chain, number=number + 1, first=last + 1, last=last_index, previous_root=root)
            tree = batch_tree(connection, chain_id, last + 1, last_index, row["statement"])
            audits = count_audits(connection, chain_id, last + 1, last_index)
            # Its last column goes into a table of its own: see `top_of`.
            return row | {"root": tree.root, "closed_at": now, "audit_count": audits, "top": top_of(tree)}
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
    leaves = [leaf(data) for _, data in read_statements(connection, chain_id, first, last)]
    if len(leaves) != last - first + 1:
        raise StoreError(
            f"chain {chain_id} lacks {last - first + 1 - len(leaves)} of the items {first} to {last}:"
            " the store is damaged; restore a backup"
        )
    return HashTree([*leaves, leaf(statement)])
