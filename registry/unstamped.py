"""What has no time-stamp yet: items in no batch, and in batches without a token."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from registry import batches, tables
from registry.log import received_at_of
from registry.proof_state import ProofState


@dataclass(frozen=True, kw_only=True, slots=True)
class Unstamped:
    """Items without any token, in a batch or not."""

    count: int
    """How many."""
    oldest_received_at: int
    """Microseconds since 1970: when the oldest arrived; 0 where there is none."""
    failed: int
    """How many of them are in a batch that failed."""


def unstamped(connection: Connection, engines: Collection[str]) -> Unstamped:
    """Return what waits in the chains of some engines."""
    waiting = batches.unbatched(connection, engines)
    count, oldest, failed = waiting.count, waiting.oldest_received_at, 0
    table = tables.batch
    mine = table.c.chain_id.in_(batches.chain_ids(connection, engines))
    for state in (ProofState.PENDING, ProofState.FAILED):
        number, first_id = connection.execute(
            select(func.coalesce(func.sum(table.c.count), 0), func.min(table.c.id)).where(
                mine, table.c.state == state.value
            )
        ).one()
        if first_id is None:
            continue
        first = connection.execute(select(table.c.chain_id, table.c.first_index).where(table.c.id == first_id)).one()
        received_at = received_at_of(connection, first.chain_id, first.first_index)
        oldest = min(oldest, received_at) if count else received_at
        count += int(number)
        failed += int(number) if state is ProofState.FAILED else 0
    return Unstamped(count=count, oldest_received_at=oldest, failed=failed)
