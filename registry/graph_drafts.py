"""Subgraphs ready to be merged, before anything is locked: those that come ready, and those that do not yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Subgraph
from vedette.graph.canonical import short
from vedette.graph.drafted import (
    LARGE,
    Drafted,
    DraftEdge,
    DraftMention,
    Observed,
    check_ends,
    drafted,
    observed,
    read_edges,
    read_mentions,
)
from vedette.graph.ontology import Ontology
from vedette.graph.port import Origin, Said
from vedette.storable import storable

_TEXTS: Final = ("item", "sha256", "source", "agent", "extractor", "version")


class Draft:
    """One subgraph, ready to be merged.

    A small one is ready before anything is locked. A large one is made ready as it is read: memory has it once.
    """

    def __init__(self, said: Said, ontology: Ontology) -> None:
        self.origin = _bounded(said.origin)
        """Where it comes from."""
        self.annotation = said.annotation
        """What was read, where it was prose."""
        self._ontology = ontology
        self._when = Observed(self.origin.observed_at, self.origin.confidence)
        self._uids: dict[str, bytes] = {}
        given = said.subgraph
        if isinstance(given, Subgraph) and len(given.vertices) + len(given.edges) <= LARGE:
            given = drafted(given, ontology, self._when)
        self._given = given

    @property
    def mentions(self) -> Iterable[DraftMention]:
        """The mentions of all its vertices."""
        given = self._given
        if isinstance(given, Drafted):
            return given.vertices
        return read_mentions(given.vertices, self._ontology, self._when, self._uids)

    @property
    def edges(self) -> Iterable[DraftEdge]:
        """All its edges; to be read after its mentions."""
        given = self._given
        return given.edges if isinstance(given, Drafted) else read_edges(given.edges, self._uids)


def draft(said: Said, ontology: Ontology) -> Draft:
    """Return a subgraph ready to be merged; all texts as both databases can keep them.

    Raises:
        ExtractionError: an edge leads to a vertex that is not in the subgraph, or it was made ready for another
            origin.
    """
    given = said.subgraph
    if isinstance(given, Subgraph):
        check_ends(given)
    elif given.observed != observed(said.origin.observed_at, said.origin.confidence):
        raise ExtractionError("a draft that was made for something observed at another time, or less surely")
    return Draft(said, ontology)


def _bounded(origin: Origin) -> Origin:
    """Return an origin as both databases can keep it: a hostile item must not pass for a broken database."""
    texts = {name: short(storable(getattr(origin, name))) for name in _TEXTS}
    at, confidence = observed(origin.observed_at, origin.confidence)
    return replace(origin, observed_at=at, confidence=confidence, **texts)
