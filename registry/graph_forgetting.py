"""Forgetting in the graph what was deleted: the texts of items, and what they said where a policy wants it so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from registry.audit import AuditEntry, record_audit
from registry.database import Database
from registry.gone_bytes import deleted_items
from registry.graph import graph_database, has_graph
from registry.graph_annotations import annotated_items
from registry.graph_tables import origin
from registry.graph_writing import GraphWriter
from registry.retention_tables import item_tombstone
from vedette.clock import Clock

TOGETHER: Final = 500
"""Tombstones that are looked at together."""

WHO: Final = "retention"
"""Who takes back."""


class GraphForgetting:
    """Compares what was deleted with what the graph knows; whoever was killed in it goes on the next time."""

    def __init__(self, *, store: Database, graph_url: str, policies: Collection[str], clock: Clock) -> None:
        """Describe it.

        Args:
            store: where the tombstones are, open.
            graph_url: where the graph is; it is opened for the time of a round.
            policies: names of those that want what was said taken back.
            clock: what tells the time.
        """
        self._store = store
        self._graph_url = graph_url
        self._policies = sorted(policies)
        self._clock = clock

    async def round(self) -> int:
        """Delete the texts of items whose bytes are gone, and take back what they said; returns of how many items.

        Raises:
            StoreError: a database failed, or there is no graph.
        """
        count = 0
        if not self._policies and not has_graph(self._graph_url):
            return count
        with graph_database(self._graph_url) as graph:
            rows = await self._store.read(partial(_deleted, policies=self._policies, after=""))
            while rows:
                live = await graph.read(partial(_live, items=[row.uuid for row in rows]))
                count += await self._take_back(graph, [row for row in rows if row.uuid in live])
                rows = await self._store.read(partial(_deleted, policies=self._policies, after=rows[-1].uuid))
            await self._forget_texts(graph)
        return count

    async def _forget_texts(self, graph: Database) -> None:
        """Delete the texts of items whose bytes were deleted, whoever did that."""
        writing = GraphWriter(database=graph, clock=self._clock)
        after = ""
        while items := await graph.read(partial(annotated_items, after=after, limit=TOGETHER)):
            deleted = await self._store.read(partial(deleted_items, uuids=items))
            if deleted:
                await writing.forget_texts(deleted)
            after = items[-1]

    async def _take_back(self, graph: Database, rows: Sequence[Any]) -> int:
        writing = GraphWriter(database=graph, clock=self._clock)
        for row in rows:
            await writing.withdraw(item=row.uuid, who=WHO, why=f"its bytes were deleted, policy {row.policy}")
        if rows:
            detail = f"{len(rows)} items whose payloads were deleted, {rows[0].uuid} to {rows[-1].uuid}"
            entry = AuditEntry(who=WHO, action="graph.withdraw", object="items", origin="policy", detail=detail)
            await self._store.write(partial(record_audit, entry=entry, now=self._clock.now()))
        return len(rows)


def _deleted(connection: Connection, *, policies: Collection[str], after: str) -> Sequence[Any]:
    table = item_tombstone
    query = select(table.c.uuid, table.c.policy).where(table.c.policy.in_(policies), table.c.uuid > after)
    return connection.execute(query.order_by(table.c.uuid).limit(TOGETHER)).all()


def _live(connection: Connection, *, items: Collection[str]) -> set[str]:
    query = select(origin.c.item).where(origin.c.item.in_(items), origin.c.withdrawn_at.is_(None))
    return set(connection.execute(query).scalars())
