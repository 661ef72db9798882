"""The last item of each of many agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from registry import tables
from registry.reading import Reads

MAX_AGENTS = 200
"""Agents that are asked for at once: each is one step down an index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastResult:
    """The newest item of an agent."""

    uuid: str
    """The item's uuid."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    type: str
    """`meta.type`."""
    target: str | None
    """`meta.target`."""
    verdict: str | None
    """`meta.verdict`."""


class LastResults:
    """The newest items of a store's agents."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def of(self, jids: Sequence[str]) -> Mapping[str, LastResult]:
        """Return the newest item of each agent that sent one, by bare JID.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _newest(connection, jids[:MAX_AGENTS]))


def _newest(connection: Connection, jids: Sequence[str]) -> dict[str, LastResult]:
    item, agent = tables.item, tables.agent
    mine = select(item.c.uuid).where(item.c.agent == agent.c.jid).order_by(item.c.received_at.desc()).limit(1)
    newest = select(mine.correlate(agent).scalar_subquery()).where(agent.c.jid.in_(jids))
    uuids = [uuid for uuid in connection.execute(newest).scalars() if uuid is not None]
    names = LastResult.__dataclass_fields__
    query = select(item.c.agent, *(item.c[name] for name in names)).where(item.c.uuid.in_(uuids))
    rows = connection.execute(query).mappings()
    return {row["agent"]: LastResult(**{name: row[name] for name in names}) for row in rows}
