"""The presence of many agents over the last hours, for showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from registry.directory_rows import HISTORY
from registry.reading import Reads
from registry.tables import presence_change

MAX_AGENTS = 200
"""Agents that are asked for at once; of each a bounded number of changes is kept."""


class PresenceHistory:
    """The changes of presence of a store's agents."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def since(self, jids: Sequence[str], *, since: int) -> Mapping[str, Sequence[tuple[int, str]]]:
        """Return when each agent's presence became what, oldest first; the last change before `since` is the first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _since(connection, jids[:MAX_AGENTS], since))


def _since(connection: Connection, jids: Sequence[str], since: int) -> dict[str, list[tuple[int, str]]]:
    table = presence_change
    last = (
        select(func.max(table.c.id)).where(table.c.jid.in_(jids), table.c.at < since).group_by(table.c.jid).subquery()
    )
    changes = select(table.c.jid, table.c.at, table.c.show)
    earlier = changes.where(table.c.id.in_(select(last)))
    later = changes.where(table.c.jid.in_(jids), table.c.at >= since).order_by(table.c.id)
    found: dict[str, list[tuple[int, str]]] = {jid: [] for jid in jids}
    for query in (earlier, later.limit(MAX_AGENTS * HISTORY)):
        for row in connection.execute(query):
            found[row.jid].append((row.at, row.show))
    return found
