"""Aligning: what documents state becomes part of the knowledge graph, all of a group or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import ClassVar, Protocol

from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.graph.port import GraphCounts, GraphReading, GraphWriting, Merged, Said
from vedette.messages.state import Cell, Panel

LOOK_EVERY = 30.0
"""Seconds between looks at how large the graph is."""


class Correcting(Protocol):
    """Says anew what people corrected in a text."""

    async def reread(self, items: Collection[str]) -> int:
        """Say items anew that people corrected; returns how many the graph has changed for."""


class Align(SupervisedBehaviour):
    """Merges into the graph what it is given, and knows how large the graph is."""

    name: ClassVar[str] = "align"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        writing: GraphWriting,
        reading: GraphReading | None = None,
        correcting: Correcting | None = None,
    ) -> None:
        """Describe it.

        Args:
            clock: tells the time.
            agent_name: who does it.
            writing: writes the graph.
            reading: without it, it does not say how large the graph is.
            correcting: says anew what people corrected; without it, nobody did.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._correcting = correcting
        self._writing = writing
        self._reading = reading
        self._counts: GraphCounts | None = None
        self._counted_at: int | None = None
        self.problem = ""
        """Why the graph could not be written last time; empty: it could."""

    async def run(self) -> None:
        """Look how large the graph is, from time to time."""
        if self._reading is not None:
            self._counts = await self._reading.counts()
            self._counted_at = self.clock.now()
        await self.pause(LOOK_EVERY)

    async def merge(self, said: Sequence[Said]) -> Merged:
        """Merge subgraphs, all or none; doing it again changes nothing.

        Raises:
            StoreError: the graph cannot be written.
        """
        try:
            merged = await self._writing.merge(said)
            await self._correct([one.origin.item for one in said if one.annotation is not None])
        except StoreError as error:
            self.problem = str(error)
            self.counters["failed"] += 1
            raise
        self.problem = ""
        for part in fields(merged):
            self.counters[part.name] += getattr(merged, part.name)
        return merged

    async def _correct(self, items: Collection[str]) -> None:
        """Let people have the last word, also on what was just read anew."""
        if items and self._correcting is not None:
            self.counters["corrected"] += await self._correcting.reread(items)

    def panel(self) -> Panel:
        """Return how large the graph is."""
        counts = self._counts
        rows = []
        if counts is not None:
            numbers = [str(getattr(counts, name)) for _, name in _COUNTED]
            rows = [[*(Cell(text=number, kind="count") for number in numbers), self._when()]]
        return Panel(
            title="Knowledge graph",
            columns=[*(title for title, _ in _COUNTED), "Counted"],
            rows=rows,
            empty="It was not counted yet.",
        )

    def _when(self) -> Cell:
        return Cell(text=str(self._counted_at), kind="time")


_COUNTED = (
    ("Vertices", "vertices"),
    ("Edges", "edges"),
    ("Mentions", "mentions"),
    ("Documents", "origins"),
    ("Wait for a person", "reviews"),
)
