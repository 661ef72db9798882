"""The RT agent: reads items into the knowledge graph, from a durable queue that all agents of the role share."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.align import Align
from behaviours.extract import Extract
from behaviours.queue_wanted import QueueWanted
from behaviours.supervised import SupervisedBehaviour
from registry.graph import graph_database
from registry.graph_correcting import GraphCorrecting
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from vedette.clock import Clock
from vedette.configuration.rt import MIB, RtConfiguration, RtSection
from vedette.extraction.interface import ExtractorCatalogue
from vedette.extraction.isolated import IsolatedExtraction
from vedette.messages.card import Heartbeat
from vedette.messages.state import Panel


class RtOutfit:
    """What the RT agents of one process share: the graph, and the processes that parse."""

    def __init__(self, *, graph_url: str, configuration: RtSection | RtConfiguration, clock: Clock) -> None:
        """Describe it; nothing is opened or started yet.

        Raises:
            StoreError: the URL is none of a graph.
        """
        self._graph = graph_database(graph_url)
        self.document_limit = configuration.document_limit * MIB
        """Bytes of a document, packed or unpacked."""
        self.extraction = IsolatedExtraction(
            workers=configuration.workers,
            seconds=configuration.seconds,
            memory=configuration.memory * MIB,
            limit=self.document_limit,
            least_confidence=configuration.confidence,
        )
        """Reads documents."""
        self.writing = GraphWriter(database=self._graph, clock=clock)
        """Merges into the graph."""
        self.reading = GraphRead(database=self._graph)
        """Knows how large the graph is."""
        self.correcting = GraphCorrecting(database=self._graph, writing=self.writing)
        """Says anew what people corrected."""
        self.extractors = tuple(ExtractorCatalogue().names)
        """Names of the extractors that are installed."""
        self.wanted = QueueWanted(
            name=configuration.queue,
            patterns=tuple(configuration.patterns),
            from_start=configuration.from_start,
            lease_seconds=configuration.lease,
        )
        """The queue."""

    async def __aenter__(self) -> Self:
        """Open the graph.

        Raises:
            StoreError: there is none, or it is not this release's.
        """
        self._graph.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes and let go of the graph."""
        await self.extraction.aclose()
        self._graph.close()


class RtAgent(BaseAgent):
    """Reads what is structured, and what is written in English; several of them share the work."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        outfit: RtOutfit,
        view_port: int | None = 0,
        place: str = "",
        patience: float = 10.0,
    ) -> None:
        """Describe the agent.

        Args:
            identity: who it is.
            clock: tells the time.
            outfit: the graph and the processes that parse, open; who made it closes it.
            view_port: port of its own page on loopback; None: it has none.
            place: where it runs, in the operator's words.
            patience: seconds that it waits for the XMPP server at the start.
        """
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self._outfit = outfit
        self.aligning = Align(
            clock=clock,
            agent_name=identity.name,
            writing=outfit.writing,
            reading=outfit.reading,
            correcting=outfit.correcting,
        )
        self.extracting = Extract(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            wanted=outfit.wanted,
            extraction=outfit.extraction,
            align=self.aligning,
            documents=None if identity.documents is None else identity.documents.client(),
            document_limit=outfit.document_limit,
            extractors=outfit.extractors,
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return extract, align and register."""
        return [self.extracting, self.aligning, self.registering()]

    def capabilities(self) -> list[str]:
        """Return the names of its extractors."""
        return list(self._outfit.extractors[:256])

    async def heartbeat(self) -> Heartbeat:
        """Return the sign of life; who cannot write the graph is there, but does nothing."""
        problem = self.aligning.problem
        self.set_presence(show="dnd" if problem else "available", status=problem[:400])
        return await super().heartbeat()

    def panels(self) -> list[Panel]:
        """Return its work, the extractors, what was not for it, and the graph."""
        return [*self.extracting.panels(), self.aligning.panel()]

    def notes(self) -> list[str]:
        """Return what a reader must know."""
        killed = self._outfit.extraction.killed
        notes = [f"The graph cannot be written: {self.aligning.problem}"] if self.aligning.problem else []
        if killed:
            times = "once" if killed == 1 else f"{killed} times"
            notes.append(f"A process that parses had to be ended {times}: a document took too long, or too much.")
        return notes
