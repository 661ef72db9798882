"""The chain of an engine: where its log stands, read and moved on inside the transaction that commits."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from registry import tables
from vedette.errors import StoreError

GENESIS = bytes(32)
"""The head of an empty chain."""


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
    chain = tables.chain
    query = select(chain.c.id, chain.c.engine, chain.c.epoch, chain.c.next_index, chain.c.head)
    query = query.where(chain.c.id == chain_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise StoreError(f"chain {chain_id} is not in the store; was it replaced while running?")
    return ChainState(id=row.id, engine=row.engine, epoch=row.epoch, next_index=row.next_index, head=row.head)


def advance_chain(connection: Connection, chain_id: int, *, next_index: int, head: bytes) -> None:
    """Move the chain on; only for the holder of its lock."""
    chain = tables.chain
    connection.execute(update(chain).where(chain.c.id == chain_id).values(next_index=next_index, head=head))
