"""What people corrected in a text, in the graph: the item is said anew, as it was read and corrected.

Each correction and each undoing makes a newer version of what the item says, which replaces the older one. Whoever
merges an item that people corrected asks for that afterwards: so the last word is theirs, whichever came last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from registry.database import Database
from registry.graph_annotations import read_annotation
from registry.graph_corrections import Corrected, corrections_of
from vedette.extraction.prose.corrections.correcting import apply
from vedette.extraction.prose.graph.subgraph import subgraph_of
from vedette.extraction.subgraph import WHOLE, Problem
from vedette.graph.port import GraphWriting, KeptAnnotation, Said

_Both = tuple[KeptAnnotation, Corrected]


class GraphCorrecting:
    """Says corrected items anew."""

    def __init__(self, *, database: Database, writing: GraphWriting) -> None:
        """Describe it.

        Args:
            database: of the graph, open.
            writing: merges into the same.
        """
        self._database = database
        self._writing = writing

    async def reread(self, items: Collection[str]) -> int:
        """Say items anew that people corrected; returns how many the graph has changed for.

        Raises:
            StoreError: the graph cannot be written.
            KeepingError: what was kept is damaged.
        """
        corrected = await self._database.read(lambda connection: corrections_of(connection, items))
        changed = 0
        # One by one: a document may be large.
        for item in sorted(corrected):
            both = await self._database.read(partial(_read, item=item))
            if both is not None:
                said = await asyncio.to_thread(_said, *both)
                changed += (await self._writing.merge([said])).origins
        return changed


def _read(connection: Connection, item: str) -> _Both | None:
    """Return what was read of an item and how it is corrected, of the same moment."""
    annotation = read_annotation(connection, item, tokens=False)
    corrected = corrections_of(connection, [item]).get(item)
    return None if annotation is None or corrected is None else (annotation, corrected)


def _said(annotation: KeptAnnotation, corrected: Corrected) -> Said:
    reading = annotation.reading
    result = apply(reading.annotated(), corrected.corrections)
    subgraph = subgraph_of(result.document, places=reading.places, least_confidence=reading.least_confidence)
    problems = tuple(Problem(position=WHOLE, reason=str(one)) for one in result.unfit)
    version = f"{annotation.version} corrected {corrected.revision}"
    return Said(
        origin=replace(annotation.origin, version=version),
        subgraph=replace(
            subgraph, problems=(*subgraph.problems, *problems), skipped=subgraph.skipped + len(problems)
        ),
    )
