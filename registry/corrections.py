"""Correcting what was read of an item's text: checked against it, kept in the graph, audited, and the graph follows.

The graph is a database of its own, so a correction and its audit entry cannot be one transaction (see
`registry/graph_decisions.py`). What the graph says follows at once; where that fails, it does with the item's next
reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, Self

from sqlalchemy import Connection, select

from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from registry.database import Database
from registry.graph_correcting import GraphCorrecting
from registry.graph_corrections import (
    Corrected,
    CorrectionLine,
    corrected_items,
    corrections_of,
    find_line,
    insert_line,
    read_lines,
    size_of,
    undo_line,
)
from registry.graph_reading import GraphRead
from registry.graph_tables import annotation
from registry.graph_writing import GraphWriter
from vedette.clock import Clock
from vedette.errors import RefusedError, VedetteError
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.correcting import CorrectedDocument, apply
from vedette.extraction.prose.corrections.kinds import Correction
from vedette.extraction.prose.corrections.lessons import Lessons, lessons_of
from vedette.graph.port import GraphReading
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MOST: Final = 256 * 1024
"""Characters of the corrections of one item that count: thousands of them."""

_ITEMS: Final = 100


class NoAnnotationError(VedetteError):
    """Nothing was read of an item's text: there is nothing to correct."""


class UnknownCorrectionError(VedetteError):
    """An item has no correction of this number that counts."""


class Rereading(Protocol):
    """Makes the graph say what people corrected."""

    async def reread(self, items: Collection[str]) -> int:
        """Merge what the items' annotations say with their corrections; returns of how many items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedItem:
    """What was read of an item, and what people made of it."""

    item: str
    """Uuid of the item."""
    read: AnnotatedDocument
    """As the reader said it."""
    corrected: CorrectedDocument
    """With the corrections that count."""
    lines: tuple[CorrectionLine, ...]
    """All corrections, in their order, those that were taken back, too."""

    @property
    def unfit(self) -> dict[int, str]:
        """Why corrections that count do not fit, by their number."""
        counting = [line for line in self.lines if line.counts]
        return {counting[one.place].id: one.reason for one in self.corrected.unfit}


class Corrections:
    """The corrections of a graph's items; for the API, the console and commands."""

    def __init__(
        self, *, graph: Database, reading: GraphReading, rereading: Rereading, audit: Audit, clock: Clock
    ) -> None:
        """Describe them.

        Args:
            graph: the graph's database, open.
            reading: knows what was read.
            rereading: makes the graph follow.
            audit: the store's audit log.
            clock: the time.
        """
        self._graph = graph
        self._reading = reading
        self._rereading = rereading
        self._audit = audit
        self._clock = clock

    @classmethod
    def over(cls, graph: Database, *, store: Database, clock: Clock) -> Self:
        """Return those of a graph and a store, both open."""
        writing = GraphWriter(database=graph, clock=clock)
        return cls(
            graph=graph,
            reading=GraphRead(database=graph),
            rereading=GraphCorrecting(database=graph, writing=writing),
            audit=Audit(database=store, clock=clock),
            clock=clock,
        )

    async def of_item(self, item: str, *, tokens: bool = True) -> CorrectedItem:
        """Return what was read of an item, with the sentences' tokens or not, and its corrections.

        Raises:
            NoAnnotationError: it was not read as prose.
            StoreError: the graph cannot be read.
        """
        read = await self._read(item, tokens=tokens)
        lines = await self.lines(item)
        corrected = await asyncio.to_thread(apply, read, [line.correction for line in lines if line.counts])
        return CorrectedItem(item=item, read=read, corrected=corrected, lines=tuple(lines))

    async def was_read(self, item: str) -> bool:
        """Tell whether an item's text was read, or seen to be in a language that is not.

        Raises:
            StoreError: the graph cannot be read.
        """
        query = select(annotation.c.item).where(annotation.c.item == storable(item))
        return await self._graph.read(lambda connection: connection.execute(query).first() is not None)

    async def lines(self, item: str) -> list[CorrectionLine]:
        """Return all corrections of an item, in their order, those that were taken back, too.

        Raises:
            StoreError: the graph cannot be read.
        """
        return await self._graph.read(lambda connection: read_lines(connection, [item]))

    async def add(self, item: str, correction: Correction, *, why: str = "", by: Actor) -> CorrectionLine:
        """Correct what was read of an item; the graph says it, too, when this returns.

        Raises:
            NoAnnotationError: nothing was read of it.
            RefusedError: the correction does not fit the text, or what is read there; or there are too many.
            StoreError: the graph or the store cannot be written.
        """
        line = None
        while line is None:
            known = await self._of(item)
            await asyncio.to_thread(_check, await self._read(item, tokens=False), known, correction)
            line = await self._insert(item, correction, known, why=why, by=by)
        await self._follow("correction.add", line, by=by, why=why)
        return line

    async def _insert(
        self, item: str, correction: Correction, known: Corrected, *, why: str, by: Actor
    ) -> CorrectionLine | None:
        """Write a correction down; None: another came between, or what was read is gone or being replaced."""

        def write(connection: Connection) -> CorrectionLine | None:
            held = select(annotation.c.item).where(annotation.c.item == item).with_for_update()
            if connection.execute(held).first() is None:
                return None
            now = corrections_of(connection, [item]).get(item)
            if (0 if now is None else now.revision) != known.revision:
                return None
            if size_of(connection, item) > MOST:
                raise RefusedError("correction", f"the corrections of an item may have {MOST} characters together")
            return insert_line(connection, item=item, correction=correction, why=why, by=by.who, at=self._clock.now())

        return await self._graph.write(write)

    async def undo(self, item: str, id: int, *, why: str = "", by: Actor) -> CorrectionLine:
        """Take a correction back; the graph says again what it would say without it.

        Raises:
            UnknownCorrectionError: the item has none of this number, or it was taken back already.
            StoreError: the graph or the store cannot be written.
        """

        def write(connection: Connection) -> CorrectionLine:
            line = find_line(connection, id)
            known = line is not None and line.item == item
            if line is None or not known or not undo_line(connection, id, why=why, by=by.who, at=self._clock.now()):
                raise UnknownCorrectionError(f"there is no correction {id} of this item, or it was taken back")
            return find_line(connection, id) or line

        line = await self._graph.write(write)
        await self._follow("correction.undo", line, by=by, why=why)
        return line

    async def lessons(self) -> AsyncIterator[Lessons]:
        """Yield what can be learnt from people's corrections, item by item.

        Raises:
            StoreError: the graph cannot be read.
        """
        after = ""
        while items := await self._graph.read(partial(corrected_items, after=after, limit=_ITEMS)):
            for item in items:
                try:
                    found = await self.of_item(item)
                except NoAnnotationError:
                    # Taken back meanwhile, or its text is deleted: nothing is left to learn from.
                    continue
                corrections = [line.correction for line in found.lines if line.counts]
                yield await asyncio.to_thread(lessons_of, found.corrected, corrections)
            after = items[-1]

    async def _read(self, item: str, *, tokens: bool) -> AnnotatedDocument:
        kept = await self._reading.annotation(item, tokens=tokens)
        if kept is None:
            raise NoAnnotationError("nothing was read of this item's text: it is no prose, or nobody read it yet")
        return await asyncio.to_thread(kept.reading.annotated)

    async def _of(self, item: str) -> Corrected:
        found = await self._graph.read(lambda connection: corrections_of(connection, [item]))
        return found.get(item, Corrected(revision=0, corrections=()))

    async def _follow(self, action: str, line: CorrectionLine, *, by: Actor, why: str) -> None:
        # No text of the document: the log stays when that is deleted.
        detail = storable(f"{line.correction.kind} of item {line.item}: {why}", limit=MAX_TEXT)
        what = f"correction {line.id}"
        await self._audit.record(AuditEntry(who=by.who, action=action, object=what, origin=by.origin, detail=detail))
        await self._rereading.reread([line.item])


def _check(read: AnnotatedDocument, known: Corrected, correction: Correction) -> None:
    before = apply(read, known.corrections).document
    after = apply(before, [correction])
    if after.unfit:
        raise RefusedError("correction", after.unfit[0].reason)
    if after.document == before:
        raise RefusedError("correction", "changes nothing: it is read so already")
