"""Sending stored items through RT again: those that the graph knows nothing of, or all of them.

What is handed to the queue is merged as ever: what the graph has changes nothing, what people decided stays, and what
was taken back stays so. So it can be broken off, done again, and done while everything runs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select, tuple_

from registry import queue_tables, tables
from registry.database import Database
from registry.enqueue import hold
from registry.graph_tables import origin
from registry.queue_bindings import is_not_in
from registry.queue_errors import UnknownQueueError
from registry.retention_rows import read_payloads
from vedette.routing import matches

TOGETHER: Final = 500
"""Items that are looked at, and held, in one transaction: collection waits for the same writer."""

Place = tuple[int, int]
"""Chain and `log_index` of the last item that was looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RebuildStep:
    """What was found among some items, and done."""

    looked: int
    """Items of the queue's routing keys that were looked at."""
    known: int
    """How many of them the graph knows: read, or read and taken back."""
    gone: int
    """How many it does not know, and never will: their bytes were deleted."""
    held: int
    """How many wait for RT now and did not before."""
    after: Place
    """Where the next step begins."""


class GraphRebuild:
    """Compares a store's items with what a graph knows of them."""

    def __init__(self, *, store: Database, graph: Database, queue: str) -> None:
        """Describe it.

        Args:
            store: where the items are, open.
            graph: which is made of them, open.
            queue: RT's queue.
        """
        self._store = store
        self._graph = graph
        self._queue = queue

    def step(self, *, after: Place | None = None, everything: bool = False) -> RebuildStep | None:
        """Look at the next items, and hold for RT what the graph knows nothing of; None where there are no more.

        Args:
            after: where the step before ended.
            everything: hold also what the graph knows.

        Raises:
            UnknownQueueError: RT made no queue yet.
            StoreError: a database failed.
        """
        patterns, rows = self._store.read_sync(lambda connection: _next(connection, self._queue, after))
        if not rows:
            return None
        ours = [row for row in rows if any(matches(pattern, row.source) for pattern in patterns)]
        uuids = [row.uuid for row in ours]
        known = self._graph.read_sync(lambda connection: _known(connection, uuids))
        wanted = [row for row in ours if everything or row.uuid not in known]
        there = self._store.read_sync(lambda connection: read_payloads(connection, [row.uuid for row in wanted]))
        held = self._hold(patterns, [row for row in wanted if row.uuid in there])
        return RebuildStep(
            looked=len(ours),
            known=len(known),
            gone=len({row.uuid for row in wanted} - there.keys() - known),
            held=held,
            after=(rows[-1].chain_id, rows[-1].log_index),
        )

    def _hold(self, patterns: Collection[str], rows: Sequence[Any]) -> int:
        if not rows:
            return 0

        def work(connection: Connection) -> int:
            # Locked: two that do this at a time would hold an item twice.
            queue_id = _queue_id(connection, self._queue, locked=True)
            own = (queue_tables.queue_item, queue_tables.queue_dead_letter)
            wanted = tables.item.c.uuid.in_([row.uuid for row in rows])
            among = [wanted, *(is_not_in(table, queue_id) for table in own)]
            sources = {row.source for row in rows}
            return hold(connection, queue_id, patterns=patterns, sources=sources, among=among)

        return self._store.write_sync(work)

    def unknown(self) -> int:
        """Return how many items the graph knows and the store does not, as after a restore: nothing proves them.

        Raises:
            StoreError: a database failed.
        """
        count, uuids = 0, self._graph.read_sync(partial(_origins, after=""))
        while uuids:
            count += len(uuids) - len(self._store.read_sync(partial(_stored, uuids=uuids)))
            uuids = self._graph.read_sync(partial(_origins, after=uuids[-1]))
        return count


def _queue_id(connection: Connection, name: str, *, locked: bool = False) -> int:
    table = queue_tables.queue
    query = select(table.c.id).where(table.c.name == name)
    found = connection.execute(query.with_for_update() if locked else query).scalar_one_or_none()
    if found is None:
        raise UnknownQueueError(name)
    return int(found)


def _next(connection: Connection, queue: str, after: Place | None) -> tuple[list[str], Sequence[Any]]:
    binding, item = queue_tables.binding, tables.item
    patterns = select(binding.c.pattern).where(binding.c.queue_id == _queue_id(connection, queue))
    order = (item.c.chain_id, item.c.log_index)
    query = select(*order, item.c.uuid, item.c.source).order_by(*order).limit(TOGETHER)
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    return list(connection.execute(patterns).scalars()), connection.execute(query).all()


def _known(connection: Connection, uuids: Collection[str]) -> set[str]:
    return set(connection.execute(select(origin.c.item).where(origin.c.item.in_(uuids))).scalars())


def _origins(connection: Connection, after: str) -> list[str]:
    query = select(origin.c.item).where(origin.c.item > after).distinct().order_by(origin.c.item)
    return list(connection.execute(query.limit(TOGETHER)).scalars())


def _stored(connection: Connection, uuids: Collection[str]) -> set[str]:
    return set(connection.execute(select(tables.item.c.uuid).where(tables.item.c.uuid.in_(uuids))).scalars())
