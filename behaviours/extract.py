"""Extracting: what an RT agent's queue holds is read in a process of its own, merged, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from behaviours.align import Align
from behaviours.consume import Consume, NotTriedError
from behaviours.extract_panels import ExtractTally
from behaviours.peers import Peers
from behaviours.queue_wanted import QueueWanted
from behaviours.register import Session
from vedette.clock import MICROSECONDS, Clock
from vedette.documents.client import DocumentClient, UnreadableDocumentError
from vedette.errors import ConnectionFailedError
from vedette.extraction.choosing import choose
from vedette.extraction.interface import MAX_DOCUMENT, ExtractionError
from vedette.extraction.isolated import Extracted, IsolatedExtraction, ToExtract
from vedette.graph.port import Origin, Said
from vedette.messages.queue import QueuedItem
from vedette.messages.state import Cell, Panel
from vedette.signing import SigningKey

AT_ONCE = 20_000
"""Vertices and edges that are merged at once, about: what was read waits in memory until then."""

PORTION = 50
"""Items that are read at once, where they are small."""

SHARE = 0.6
"""Of the time for a group: past it no more is begun, so that what was read is merged and answered."""

IDLE = 30.0
"""Seconds without work after which the processes that parse end."""


@dataclass(frozen=True, kw_only=True)
class _Ours:
    """An item, and which extractor reads it."""

    item: QueuedItem
    extractor: str


class Extract(Consume):
    """Reads items into the graph; an item that cannot be read says why, and the others go on."""

    name: ClassVar[str] = "extract"

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Session,
        peers: Peers,
        key: SigningKey,
        wanted: QueueWanted,
        extraction: IsolatedExtraction,
        align: Align,
        documents: DocumentClient | None = None,
        document_limit: int = MAX_DOCUMENT,
        extractors: Collection[str] | None = None,
    ) -> None:
        """Describe it.

        Args:
            clock: tells the time.
            agent: bare JID.
            exchange: the agent's session.
            peers: who the engines are.
            key: signs what is asked of an engine.
            wanted: the queue.
            extraction: reads documents; who made it ends it.
            align: merges what they state.
            documents: where large payloads are; None: nowhere.
            document_limit: bytes of such a payload.
            extractors: names of extractors; None: those that are installed.
        """
        super().__init__(
            clock=clock, agent=agent, exchange=exchange, peers=peers, key=key, wanted=wanted, handle=self._read
        )
        self._extraction = extraction
        self._align = align
        self._documents = documents
        self._document_limit = document_limit
        self._extractors = extractors
        self._worked_at: float | None = None
        self.tally = ExtractTally(clock=clock)

    async def run(self) -> None:
        """Fetch, read, merge and answer; where nothing came for a while, let the processes end that parse."""
        before = self.counters["fetched"]
        await super().run()
        now = self.clock.monotonic()
        if self.counters["fetched"] > before:
            self._worked_at = now
        elif self._worked_at is not None and now - self._worked_at > IDLE:
            self._worked_at = None
            await self._extraction.rest()

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, then close the connection to the hub."""
        await super().ended()
        if self._documents is not None:
            await self._documents.close()

    def panels(self) -> list[Panel]:
        """Return the queue's work, the extractors, and what was not for us."""
        items, mentions = self.tally.pace.each_second()
        counted = ("fetched", "acknowledged", "not for rt", "failed", "given back", "dead letters")
        told = ("Queue", "Holds", "Engine", "Bindings", "Items/s", "Mentions/s")
        work = Panel(
            title="Work",
            columns=[*told, *(name.capitalize() for name in counted)],
            rows=[
                [
                    Cell(text=self.wanted.name, kind="code"),
                    Cell(text="unknown") if self.depth is None else Cell(text=str(self.depth), kind="count"),
                    Cell(text=self.engine or "none found", kind="code"),
                    Cell(text=", ".join(self.wanted.patterns)[:400], kind="code"),
                    Cell(text=f"{items:.1f}"),
                    Cell(text=f"{mentions:.1f}"),
                    *(Cell(text=str(self.counters[name]), kind="count") for name in counted),
                ]
            ],
        )
        prose = self.tally.prose(least_confidence=self._extraction.least_confidence)
        return [work, self.tally.extractors(), prose, self.tally.others()]

    # Reading -------------------------------------------------------------------------

    async def _read(self, items: Sequence[QueuedItem]) -> Mapping[int, Exception]:
        """Read and merge items; return, by their ids, why some could not be read."""
        until = self.clock.monotonic() + self.wanted.group_within * SHARE
        ours = [one for item in items if (one := self._choose(item)) is not None]
        left: dict[int, Exception] = {}
        ready: list[tuple[_Ours, Extracted]] = []
        for several in _portions(ours):
            if several[0] is not ours[0] and self.clock.monotonic() > until:
                left |= {one.item.id: NotTriedError("no time left in this lease") for one in several}
                continue
            ready += await self._extract(several, left)
            if sum(_size(extracted) for _, extracted in ready) >= AT_ONCE:
                await self._merge(ready)
                ready = []
        await self._merge(ready)
        return left

    def _choose(self, item: QueuedItem) -> _Ours | None:
        meta = _meta(item)
        choice = choose(meta, known=self._extractors)
        if choice.extractor is not None:
            return _Ours(item=item, extractor=choice.extractor)
        self.counters["not for rt"] += 1
        self.tally.not_ours(str(meta.get("source") or "no routing key")[:255], choice.reason)
        return None

    async def _extract(self, ours: Sequence[_Ours], left: dict[int, Exception]) -> list[tuple[_Ours, Extracted]]:
        """Return what items state; why others cannot be read is put into `left`."""
        found: list[tuple[_Ours, ToExtract]] = []
        for one in ours:
            try:
                found.append((one, await self._resolve(one)))
            except (ConnectionFailedError, UnreadableDocumentError) as error:
                self._leave(one, error, left)
        results = await self._extraction.extract([wanted for _, wanted in found])
        read = []
        for (one, _), result in zip(found, results, strict=True):
            if result.subgraph is None:
                self._leave(one, ExtractionError(result.error), left)
            else:
                read.append((one, result))
        return read

    async def _resolve(self, one: _Ours) -> ToExtract:
        """Return what is to be read, a payload by reference fetched.

        Raises:
            UnreadableDocumentError: it was deleted, or is too large.
            ConnectionFailedError: the document service does not answer.
        """
        received = one.item.item
        content, meta = received.payload, received.item.meta
        if content is None:
            if self._documents is None:
                raise ConnectionFailedError("this agent knows no document service: enrol it again")
            content = await self._documents.get(received.payload_sha256, limit=self._document_limit)
        return ToExtract(
            extractor=one.extractor,
            content=content,
            content_type=meta.content_type or "",
            content_encoding=meta.content_encoding or "",
            meta=_meta(one.item),
            observed_at=_observed_at(one),
        )

    def _leave(self, one: _Ours, error: Exception, left: dict[int, Exception]) -> None:
        left[one.item.id] = error
        self.tally.failed(one.extractor, str(error))
        if not isinstance(error, ConnectionFailedError):
            self.log.warning("cannot read", item=one.item.uuid, extractor=one.extractor, reason=str(error))

    # Merging -------------------------------------------------------------------------

    async def _merge(self, read: Sequence[tuple[_Ours, Extracted]]) -> None:
        """Merge what items state, all or none.

        Raises:
            StoreError: the graph cannot be written.
        """
        if not read:
            return
        await self._align.merge([_said(one, result) for one, result in read])
        for one, result in read:
            self._tally(one, result)
        self.tally.pace.note(len(read), sum(_size(result) for _, result in read))
        # What is heavy has passed: who waits for the loop gets it before the next portion.
        await asyncio.sleep(0)

    def _tally(self, one: _Ours, result: Extracted) -> None:
        subgraph = result.stated()
        self.tally.read(one.extractor, result.version, subgraph)
        if result.annotation is not None:
            self.tally.annotated(result.annotation.summary)
        if subgraph.skipped:
            self.counters["parts skipped"] += subgraph.skipped
            first = subgraph.problems[0] if subgraph.problems else None
            self.log.warning(
                "parts skipped",
                item=one.item.uuid,
                extractor=one.extractor,
                count=subgraph.skipped,
                first="" if first is None else str(first)[:400],
            )


def _portions(ours: Sequence[_Ours]) -> list[list[_Ours]]:
    """Return what is in memory at the same time: some that came inline, each document by itself."""
    portions: list[list[_Ours]] = []
    for one in ours:
        inline = one.item.item.payload is not None
        if inline and portions and len(portions[-1]) < PORTION and portions[-1][0].item.item.payload is not None:
            portions[-1].append(one)
        else:
            portions.append([one])
    return portions


def _meta(item: QueuedItem) -> dict[str, Any]:
    return {**item.item.data["meta"], "format": item.item.item.format}


def _said(one: _Ours, result: Extracted) -> Said:
    return Said(origin=_origin(one, result), subgraph=result.stated(), annotation=result.annotation)


def _origin(one: _Ours, result: Extracted) -> Origin:
    received = one.item.item
    meta = received.item.meta
    return Origin(
        item=received.uuid,
        sha256=received.payload_sha256,
        source=meta.source or "",
        agent=meta.agent or "",
        extractor=one.extractor,
        version=result.version,
        observed_at=_observed_at(one),
    )


def _observed_at(one: _Ours) -> int:
    meta = one.item.item.item.meta
    return meta.ts * MICROSECONDS if meta.collected_at is None else meta.collected_at


def _size(result: Extracted) -> int:
    subgraph = result.stated()
    return len(subgraph.vertices) + len(subgraph.edges)
