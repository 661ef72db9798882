"""A station with a knowledge graph, and RT agents that read items into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.identity import Identity
from agents.rt import RtAgent, RtOutfit
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.queue_dead_letters import QueueDeadLetters
from registry.queues import Queues
from tests.agents.station import Station, make_item
from tests.vedette.extraction.flows import table
from vedette.configuration.rt import RtSection
from vedette.graph.port import GraphCounts, Mention, VertexFilter, VertexView
from vedette.messages.card import Role

ARGUS = "vedette.in.structured.argus"


def flows(*numbers: int, **meta: Any) -> dict[str, Any]:
    """Return an item with flows."""
    return make_item(table(*numbers), **({"source": ARGUS, "content_type": "text/csv"} | meta))


def uuid_of(item: dict[str, Any]) -> str:
    """Return the uuid of an item."""
    return str(item["meta"]["uuid"])


class Room:
    """A hub with its graph, and RT agents."""

    def __init__(self, station: Station, graph: Path) -> None:
        self.station = station
        self.file = graph
        self.url = f"sqlite:///{graph}"
        self._outfits: list[RtOutfit] = []
        self._agents: list[RtAgent] = []

    async def open(self, *, attempts: int = 1) -> None:
        """Start registry and engine; an item may be tried so often."""
        station = self.station
        station.queues = Queues(database=station.database, clock=station.clock, max_attempts=attempts)
        await station.start_hub()

    async def reader(self, *, identity: Identity | None = None, **changes: Any) -> RtAgent:
        """Return an RT agent that was not started yet; `changes` of its identity."""
        section = RtSection(workers=1, lease=600, seconds=300)
        outfit = RtOutfit(graph_url=self.url, configuration=section, clock=self.station.clock)
        self._outfits.append(await outfit.__aenter__())
        known = identity or await self.station.identity("rt", Role.RT, **changes)
        self._agents.append(RtAgent(identity=known, clock=self.station.clock, outfit=outfit, view_port=None))
        return self._agents[-1]

    async def start(self, **changes: Any) -> RtAgent:
        """Start an RT agent."""
        agent = await self.reader(**changes)
        await agent.start()
        return agent

    async def depth(self) -> int:
        """Return how many items the queue holds."""
        return sum(status.depth for status in await self.station.queues.statuses())

    async def letters(self) -> dict[str, str]:
        """Return the reasons of dead letters, by uuid."""
        letters = await QueueDeadLetters(database=self.station.database, clock=self.station.clock).all()
        return {letter.uuid: letter.reason for letter in letters}

    async def counts(self) -> GraphCounts:
        """Return how much there is in the graph."""
        with graph_database(self.url) as database:
            return await GraphRead(database=database).counts()

    async def known(self, name: str) -> tuple[VertexView, tuple[Mention, ...]] | None:
        """Return the vertex of a name, and who mentions it; None: there is none."""
        with graph_database(self.url) as database:
            graph = GraphRead(database=database)
            found = (await graph.find(VertexFilter(name=name))).vertices
            return (found[0], await graph.mentions(found[0].id)) if found else None

    async def close(self) -> None:
        """Stop the agents, and let go of the graph."""
        for agent in self._agents:
            await agent.stop()
        for outfit in self._outfits:
            await outfit.__aexit__(None, None, None)
