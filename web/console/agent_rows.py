"""Agents as pages show them: what the directory knows, their last hours, what waits with them, their last result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.agent_list import AgentLine
from registry.directory_rows import LIVE
from registry.last_results import LastResult, LastResults
from registry.outbox_depths import OutboxDepths
from registry.outbox_visit import OutboxDepth
from registry.presence_history import PresenceHistory
from vedette.clock import MICROSECONDS, Clock
from vedette.messages.card import ROLE_ACTIONS, Role
from vedette.messages.envelope import Action
from web.console.heartbeat import WINDOW, Heartbeats, heartbeats

STALE: Final = 30 * MICROSECONDS
"""Age from which on a report is no news any more: three heartbeats are missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """What waits with an agent."""

    waiting: int
    """Items that are not confirmed."""
    since: int | None
    """Microseconds since 1970: since when the oldest waits; None where none does."""
    dead_letters: int
    """Items that were given up."""
    at: int
    """Microseconds since 1970: when that was so."""
    stale: bool
    """Whether it may be otherwise by now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRow:
    """An agent on a page."""

    agent: AgentLine
    """What the directory knows."""
    beats: Heartbeats
    """Its last hours."""
    queue: Queue | None
    """What waits with it; None where nobody knows, or there is no outbox."""
    sends: bool
    """Whether agents of its role send items at all."""
    is_there: bool
    """Whether it can be reached now."""
    result: LastResult | None
    """Its newest item."""


class AgentRows:
    """Makes rows of agents, many at once."""

    def __init__(self, *, history: PresenceHistory, depths: OutboxDepths, results: LastResults, clock: Clock) -> None:
        self._history = history
        self._depths = depths
        self._results = results
        self._clock = clock

    async def of(self, agents: Sequence[AgentLine]) -> list[AgentRow]:
        """Return the rows of these agents.

        Raises:
            StoreError: the database failed.
        """
        now, depths, jids = self._clock.now(), await self._depths.now(), [agent.jid for agent in agents]
        history = await self._history.since(jids, since=now - WINDOW)
        results = await self._results.of(jids)
        return [
            AgentRow(
                agent=agent,
                beats=heartbeats(history[agent.jid], now=now),
                queue=queue_of(agent, depths.get(agent.jid), now=now),
                sends=sends_items(agent.role),
                is_there=agent.show in LIVE,
                result=results.get(agent.jid),
            )
            for agent in agents
        ]


def queue_of(agent: AgentLine, depth: OutboxDepth | None, *, now: int) -> Queue | None:
    """Return what waits with an agent: as its file says, where that is on this machine, else as it last said."""
    if depth is not None:
        return Queue(waiting=depth.items, since=depth.since, dead_letters=depth.dead_letters, at=now, stale=False)
    if agent.reported_at is None or agent.waiting is None:
        return None
    stale = agent.show not in LIVE or now - agent.reported_at > STALE
    return Queue(
        waiting=agent.waiting,
        since=agent.waiting_since,
        dead_letters=agent.dead_letters or 0,
        at=agent.reported_at,
        stale=stale,
    )


def sends_items(role: Role) -> bool:
    """Tell whether agents of a role have an outbox: engines get what others send."""
    return role is not Role.AGGREGATION and Action.DELIVER in ROLE_ACTIONS[role]
