"""The chain of an engine: where its log stands, read and moved on inside the transaction that commits."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from registry import tables
from vedette.errors import StoreError

GENESIS = bytes(32)
"""The head of an empty chain."""

NO_INDEX = -1
"""In place of a `log_index` where there is none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainState:
    """Where a chain stands."""

    id: int
    """What items and batches refer to."""
    engine: str
    """Bare JID of the engine."""
    epoch: str
    """Random hexadecimal."""
    next_index: int
    """The `log_index` that the next item gets."""
    head: bytes
    """SHA-256(previous head || leaf), 32 bytes."""
    urgent_index: int = NO_INDEX
    """The last `log_index` of an urgent item."""


_NAMES = ("id", "engine", "epoch", "next_index", "head", "urgent_index")

# Built once: to build a statement takes longer than to execute it.
_READ = select(*(tables.chain.c[name] for name in _NAMES)).where(tables.chain.c.id == bindparam("chain"))
_LOCK = _READ.with_for_update()
_ADVANCE = update(tables.chain).where(tables.chain.c.id == bindparam("chain"))


def next_head(head: bytes, leaf: bytes) -> bytes:
    """Return the head after one more leaf."""
    return hashlib.sha256(head + leaf).digest()


def continue_chain(connection: Connection, *, engine: str, now: int) -> int:
    """Return the id of the engine's last chain; starts one if there is none."""
    chain = tables.chain
    last = select(chain.c.id).where(chain.c.engine == engine).order_by(chain.c.id.desc()).limit(1)
    found = connection.execute(last).scalar_one_or_none()
    return found if found is not None else start_chain(connection, engine=engine, now=now)


def start_chain(connection: Connection, *, engine: str, now: int) -> int:
    """Start a new epoch, as after restoring a backup, and return the id of its chain."""
    row = {
        "engine": engine,
        "epoch": secrets.token_hex(8),
        "opened_at": now,
        "next_index": 0,
        "head": GENESIS,
        "urgent_index": NO_INDEX,
    }
    key = connection.execute(insert(tables.chain).values(row)).inserted_primary_key
    if key is None:
        raise StoreError(f"the chain of {engine} could not be started")
    return int(key[0])


def read_chain(connection: Connection, chain_id: int, *, lock: bool = False) -> ChainState:
    """Return where the chain stands; with `lock`, no other writer moves it before this transaction ends.

    Raises:
        StoreError: the chain is not there.
    """
    row = connection.execute(_LOCK if lock else _READ, {"chain": chain_id}).one_or_none()
    if row is None:
        raise StoreError(f"chain {chain_id} is not in the store; was it replaced while running?")
    return ChainState(**row._mapping)


def advance_chain(
    connection: Connection, chain_id: int, *, next_index: int, head: bytes, urgent_index: int | None = None
) -> None:
    """Move the chain on; only for the holder of its lock. Without `urgent_index`, nothing new is urgent."""
    values: dict[str, Any] = {"chain": chain_id, "next_index": next_index, "head": head}
    if urgent_index is not None:
        values["urgent_index"] = urgent_index
    connection.execute(_ADVANCE, values)
