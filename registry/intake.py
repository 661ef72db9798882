"""The one intake: what it has committed may be acknowledged, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from registry.chain import continue_chain, read_chain
from registry.commit import GroupCommit
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.delivery import Committed, Delivery
from vedette.clock import Clock
from vedette.errors import StoreError

__all__ = ["Committed", "Delivery", "Intake"]

_TRIES = 3
"""Times that a commit is tried when another engine commits the same items at the same moment."""


class Intake:
    """Commits deliveries to the engine's chain."""

    def __init__(self, *, database: Database, engine: str, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._chain_id: int | None = None
        self._epoch = ""

    @property
    def epoch(self) -> str:
        """Epoch of the chain that is written; empty before `open`."""
        return self._epoch

    async def open(self) -> None:
        """Continue the engine's last chain, or start its first.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> tuple[int, str]:
            chain_id = continue_chain(connection, engine=self._engine, now=now)
            return chain_id, read_chain(connection, chain_id).epoch

        self._chain_id, self._epoch = await self._database.write(work)

    async def commit(self, deliveries: Sequence[Delivery]) -> list[Committed]:
        """Commit all deliveries in one transaction; after it returns they are on disk.

        Either everything is stored or nothing: the chain's state lives in the store alone.

        Raises:
            StoreError: the database failed, or `open` was not called.
        """
        chain_id = self._chain_id
        if chain_id is None:
            raise StoreError("the intake is not open")
        for _ in range(_TRIES - 1):
            try:
                return await self._database.write(lambda connection: _commit(connection, chain_id, deliveries))
            except ConcurrentWriteError:
                continue
        return await self._database.write(lambda connection: _commit(connection, chain_id, deliveries))


def _commit(connection: Connection, chain_id: int, deliveries: Sequence[Delivery]) -> list[Committed]:
    chain = read_chain(connection, chain_id, lock=True)
    return GroupCommit(connection, chain=chain).run(deliveries)
