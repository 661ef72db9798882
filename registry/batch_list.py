"""The list of batches: what was proved together, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select

from registry import tables
from registry.listing import Order, Page, read_page
from registry.proof_state import ProofState
from registry.reading import Reads

BATCHES: Final = Order(name="batches", columns=(tables.batch.c.closed_at, tables.batch.c.id), kinds=(int, int))
"""Newest first."""

_PLAIN = ("number", "first_index", "last_index", "count", "closed_at", "state", "reason")


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchLine:
    """A closed batch."""

    engine: str
    """Bare JID of the engine whose log it is a part of."""
    epoch: str
    """Epoch of that log."""
    number: int
    """Its number in the log, from 1."""
    first_index: int
    """First `log_index`."""
    last_index: int
    """Last `log_index`."""
    count: int
    """How many statements."""
    root: str
    """Root of the hash tree, hexadecimal: what authorities stamp."""
    previous_root: str | None
    """Root of the batch before, hexadecimal; null in the first."""
    closed_at: int
    """Microseconds since 1970."""
    state: ProofState
    """How far it is proved."""
    reason: str
    """Why it failed; empty otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchesWanted:
    """Which batches to list; what is None does not matter."""

    engine: str | None = None
    """Bare JID of the engine."""
    state: ProofState | None = None
    """How far proved."""
    since: int | None = None
    """Microseconds since 1970: closed then or later."""
    until: int | None = None
    """Microseconds since 1970: closed before."""


class BatchList:
    """The list of all batches of a store."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def page(self, *, wanted: BatchesWanted, limit: int, cursor: str | None = None) -> Page[BatchLine]:
        """Return the newest batches that are wanted, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = batch_query(wanted)
        return await self._database.read(
            lambda connection: read_page(
                connection,
                query,
                order=BATCHES,
                limit=limit,
                cursor=cursor,
                row=_line,
                keep=lambda row: wanted.engine in (None, row["engine"]),
            )
        )


def batch_query(wanted: BatchesWanted) -> Select[Any]:
    """Return the query of the list; of which engine a batch is, is not in it."""
    batch, chain = tables.batch, tables.chain
    columns = [batch.c[name] for name in (*_PLAIN, "root", "previous_root")]
    query = select(*columns, chain.c.engine, chain.c.epoch).join(chain, chain.c.id == batch.c.chain_id)
    if wanted.state is not None:
        query = query.where(batch.c.state == wanted.state.value)
    if wanted.since is not None:
        query = query.where(batch.c.closed_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(batch.c.closed_at < wanted.until)
    return query


def _line(row: RowMapping) -> BatchLine:
    values = {name: row[name] for name in (*_PLAIN, "engine", "epoch")}
    previous = row["previous_root"]
    return BatchLine(
        **values | {"state": ProofState(row["state"])},
        root=row["root"].hex(),
        previous_root=None if previous is None else previous.hex(),
    )
