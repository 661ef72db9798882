"""The roots of an engine's batches, in order, as they are published."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from registry import tables
from registry.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRoots:
    """A log of the engine."""

    chain_id: int
    """Its chain."""
    epoch: str
    """Epoch of the chain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRoot:
    """The root of one batch."""

    size: int
    """Entries of the log up to the end of the batch: the next `log_index`."""
    root: bytes
    """Root of its hash tree."""


class Roots:
    """The roots of one engine's batches."""

    def __init__(self, *, database: Database, engine: str) -> None:
        self._database = database
        self._engine = engine

    async def logs(self) -> list[LogRoots]:
        """Return the engine's logs, oldest first.

        Raises:
            StoreError: the database failed.
        """
        chain = tables.chain
        query = select(chain.c.id, chain.c.epoch).where(chain.c.engine == self._engine).order_by(chain.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [LogRoots(chain_id=row.id, epoch=row.epoch) for row in rows]

    async def after(self, log: LogRoots, *, size: int, limit: int) -> list[BatchRoot]:
        """Return the batches that end past `size`, in order.

        Raises:
            StoreError: the database failed.
        """
        batch = tables.batch
        query = select(batch.c.last_index, batch.c.root).where(
            batch.c.chain_id == log.chain_id, batch.c.last_index >= size
        )
        query = query.order_by(batch.c.last_index).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [BatchRoot(size=row.last_index + 1, root=row.root) for row in rows]

    async def at(self, log: LogRoots, *, size: int) -> BatchRoot | None:
        """Return the batch that ends at `size`; None where no batch does.

        Raises:
            StoreError: the database failed.
        """
        found = await self.after(log, size=size - 1, limit=1)
        return found[0] if found and found[0].size == size else None
