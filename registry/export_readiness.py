"""Whether what belongs into a share's export is there: read into the graph, and proved where that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, exists, func, select

from registry import queue_tables, tables
from registry.database import Database
from registry.proof_state import ProofState
from vedette.clock import MICROSECONDS, Clock
from vedette.configuration.sharing import SharingSection
from vedette.sharing.request import Export

PATIENCE: Final = 600 * MICROSECONDS
"""Microseconds after its request when an export waits no longer, and another one follows it."""

_LOOKED_BACK: Final = 86_400 * MICROSECONDS
"""Microseconds before the request in which batches were closed whose proof is awaited."""

_FOLLOWS: Final = (60.0, 6 * 3_600.0)
"""Seconds after which the export that follows comes, at least and at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """Whether an export may be gathered."""

    reason: str = ""
    """What it waits for; empty: it may go."""
    follows: float | None = None
    """Seconds after which another one has to follow, as it goes without all of it; None: it has all."""


class ShareReadiness:
    """Looks at the store for what an export of a share waits for."""

    def __init__(self, *, database: Database, clock: Clock, sharing: SharingSection, reading: str) -> None:
        """Describe it.

        Args:
            database: the store.
            clock: tells the time.
            sharing: the shares.
            reading: name of the durable queue from which items are read into the graph.
        """
        self._database = database
        self._clock = clock
        self._sharing = sharing
        self._reading = reading

    async def of(self, export: Export) -> Readiness:
        """Return whether an export may be gathered; who asks for one in person gets what there is.

        Raises:
            RefusedError: its share is no more.
            StoreError: the database failed.
        """
        if not export.share:
            return Readiness()
        proof, now = self._sharing.share(export.share).proof, self._clock.now()

        def work(connection: Connection) -> Readiness:
            since = _unread_since(connection, self._reading)
            unread = since is not None and since <= export.woken_at
            if unread and now - export.requested_at < PATIENCE:
                return Readiness(reason="items of it are yet to be read into the graph")
            if proof and _is_unproved(connection, export):
                if now - export.requested_at < PATIENCE or not _any_proved(connection, export):
                    return Readiness(reason="its items are yet to be proved by an authority outside of this fleet")
                return Readiness(follows=_FOLLOWS[0])
            if unread and since is not None:
                # The longer nobody has read it, the longer it may take: that is a repair of its own.
                return Readiness(follows=min(max((now - since) / MICROSECONDS, _FOLLOWS[0]), _FOLLOWS[1]))
            return Readiness()

        return await self._database.read(work)


def _unread_since(connection: Connection, name: str) -> int | None:
    """Return when the oldest item that a queue holds was committed; None: it holds none, or is not there."""
    queue, held = queue_tables.queue, queue_tables.queue_item
    number = select(queue.c.id).where(queue.c.name == name).scalar_subquery()
    query = select(held.c.queued_at).where(held.c.queue_id == number).order_by(held.c.id).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _is_unproved(connection: Connection, export: Export) -> bool:
    """Tell whether what was committed before the export was asked for last still waits for a proof."""
    batch, item = tables.batch, tables.item
    of_batch = (
        item.c.chain_id == batch.c.chain_id,
        item.c.log_index.between(batch.c.first_index, batch.c.last_index),
    )
    waits = batch.c.state.in_((ProofState.PENDING.value, ProofState.SELF_ASSERTED.value))
    # A batch holds audit entries, too, and items that came later.
    ours = exists().where(*of_batch, item.c.received_at <= export.woken_at)
    recent = and_(batch.c.closed_at >= export.requested_at - _LOOKED_BACK, ours)
    if connection.execute(select(batch.c.id).where(waits, recent).limit(1)).first() is not None:
        return True
    return _is_unbatched(connection, export.woken_at)


def _is_unbatched(connection: Connection, until: int) -> bool:
    """Tell whether an item that was received until then is in no batch yet."""
    batch, chain, item = tables.batch, tables.chain, tables.item
    for number in connection.execute(select(chain.c.id)).scalars():
        last = select(func.max(batch.c.last_index)).where(batch.c.chain_id == number)
        end = connection.execute(last).scalar_one_or_none()
        query = select(item.c.received_at).where(
            item.c.chain_id == number, item.c.log_index > (-1 if end is None else end)
        )
        first = connection.execute(query.order_by(item.c.log_index).limit(1)).scalar_one_or_none()
        if first is not None and first <= until:
            return True
    return False


def _any_proved(connection: Connection, export: Export) -> bool:
    """Tell whether a batch was proved that was closed since the export was asked for: proofs do come."""
    batch = tables.batch
    proved = batch.c.state.in_((ProofState.PROVED.value, ProofState.STRONG.value))
    query = select(batch.c.id).where(proved, batch.c.closed_at >= export.requested_at).limit(1)
    return connection.execute(query).first() is not None
