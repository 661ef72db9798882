"""How far an engine's log is time-stamped without a gap."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from registry import tables
from registry.database import Database
from registry.proof_state import ProofState

_BATCHES = 1_000
"""Batches that one look passes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of the log in which every item is stamped."""

    first: int
    """Its first `log_index`."""
    up_to: int
    """Its last one."""
    states: tuple[tuple[int, ProofState], ...]
    """Last `log_index` and state of each run of equal state."""


class ProofProgress:
    """The progress of one engine's proofs."""

    def __init__(self, *, database: Database, engine: str) -> None:
        self._database = database
        self._engine = engine

    async def stretch(self, *, epoch: str, first: int, runs: int, engine: str | None = None) -> Stretch | None:
        """Return what is stamped from `first` on; None where `first` itself is not, or the epoch is unknown.

        Args:
            epoch: of one of the engine's chains.
            engine: whose chain; None: this one's. All engines see the same store.
            first: the `log_index` to begin with.
            runs: runs of equal state at most; the stretch ends there.

        Raises:
            StoreError: the database failed.
        """
        whose = engine or self._engine
        return await self._database.read(
            lambda connection: _stretch(connection, whose, epoch=epoch, first=first, runs=runs)
        )


def _stretch(connection: Connection, engine: str, *, epoch: str, first: int, runs: int) -> Stretch | None:
    chain, batch = tables.chain, tables.batch
    chain_id = select(chain.c.id).where(chain.c.engine == engine, chain.c.epoch == epoch).scalar_subquery()
    query = select(batch.c.first_index, batch.c.last_index, batch.c.state)
    query = query.where(batch.c.chain_id == chain_id, batch.c.last_index >= first)
    up_to, states = first - 1, list[tuple[int, ProofState]]()
    for row in connection.execute(query.order_by(batch.c.last_index).limit(_BATCHES)):
        state = ProofState(row.state)
        if not state.is_stamped or row.first_index > up_to + 1:
            break
        if states and states[-1][1] is state:
            states.pop()
        elif len(states) == runs:
            break
        up_to = row.last_index
        states.append((up_to, state))
    return Stretch(first=first, up_to=up_to, states=tuple(states)) if states else None
