"""Extraction in processes of its own: whatever a document does to its parser, only that process is gone.

Prose has a process apart: the model is loaded once, and what has columns never waits for what has sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vedette.collection.content import ProcessingError, ProcessingLimits
from vedette.collection.isolation import Isolation
from vedette.extraction.choosing import PROSE
from vedette.extraction.interface import LEAST_CONFIDENCE, MAX_DOCUMENT, ExtractionError
from vedette.extraction.packing import PackingError, unpack
from vedette.extraction.prose.keeping import Kept, Summary
from vedette.extraction.subgraph import Subgraph
from vedette.graph.draft_packing import unpack_draft
from vedette.graph.drafted import Drafted
from vedette.graph.ontology import ontology
from vedette.undisturbed import undisturbed

TOGETHER = 64
"""Small documents that are one question: a question costs 4 ms, whatever is in it."""

SMALL = 512 * 1024
"""Bytes of the documents of one question together; a larger one goes alone."""

SMALL_PROSE = 96 * 1024
"""The same of prose, of which some 20 KB are a second's work."""

_AT_ONCE = 256 * 1024
"""Bytes of an answer above which it is read in a thread, so that the agent goes on meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToExtract:
    """A document, and which extractor reads it."""

    extractor: str
    """Its name."""
    content: bytes
    """The document's bytes, encoded as `content_encoding` says."""
    content_type: str = ""
    """Media type, where it is known."""
    content_encoding: str = ""
    """Such as gzip; empty: what the first bytes say."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """The item's meta."""
    observed_at: int
    """When it was collected, UTC, microseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What became of a document."""

    subgraph: Subgraph | Drafted | None = None
    """What it states, ready to be merged where it is not large; None: nothing can be read."""
    version: str = ""
    """The extractor's version."""
    annotation: Kept | None = None
    """The document as it was read, where it is prose."""
    error: str = ""
    """Why nothing can be read."""

    def stated(self) -> Subgraph | Drafted:
        """Return what it states.

        Raises:
            ExtractionError: nothing can be read.
        """
        if self.subgraph is None:
            raise ExtractionError(self.error)
        return self.subgraph


class IsolatedExtraction:
    """Extracts in workers that are started when they are needed."""

    def __init__(
        self,
        *,
        workers: int,
        seconds: float,
        memory: int,
        limit: int = MAX_DOCUMENT,
        least_confidence: float = LEAST_CONFIDENCE,
    ) -> None:
        """Describe it.

        Args:
            workers: processes at a time, beside the one that reads prose.
            seconds: that a document may take.
            memory: bytes of address space of a process.
            limit: bytes that a document may have when it is unpacked.
            least_confidence: how sure who reads prose must be of what is stated.
        """
        limits = ProcessingLimits(seconds=seconds)
        self._parsing = Isolation(limits=limits, workers=workers, memory=memory)
        self._reading = Isolation(limits=limits, workers=1, memory=memory)
        self._limit = limit
        self.least_confidence = least_confidence
        """How sure who reads prose must be of what is stated."""

    @property
    def killed(self) -> int:
        """Workers that had to be killed or died."""
        return self._parsing.killed + self._reading.killed

    async def extract(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        """Return what became of each document, in their order: small ones share a question, else each has its own."""
        parts = _parts(documents)
        answers = await asyncio.gather(*(self._each([documents[place] for place in part]) for part in parts))
        found = {
            place: result
            for part, answer in zip(parts, answers, strict=True)
            for place, result in zip(part, answer, strict=True)
        }
        return [found[place] for place in range(len(documents))]

    async def rest(self) -> None:
        """End the workers that do nothing."""
        await self._parsing.rest()
        await self._reading.rest()

    async def aclose(self) -> None:
        """End all workers."""
        await self._parsing.aclose()
        await self._reading.aclose()

    async def _each(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        try:
            return await self._ask(documents)
        except (ProcessingError, PackingError) as error:
            if len(documents) == 1:
                return [Extracted(error=str(error))]
        # One of them ended the process or took all its time: alone, each answers for itself.
        return [result for one in documents for result in await self._each([one])]

    async def _ask(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        told_of = [_described(one) | {"least_confidence": self.least_confidence} for one in documents]
        question = {"task": "extract", "limit": self._limit, "documents": told_of}
        isolation = self._reading if documents[0].extractor == PROSE else self._parsing
        told, data = await isolation.ask(question, b"".join(one.content for one in documents))
        if len(data) <= _AT_ONCE:
            return _read(told, data)
        return await asyncio.to_thread(_read_undisturbed, told, data)


def _parts(documents: Sequence[ToExtract]) -> list[list[int]]:
    """Return the places of documents that share a question: those of prose apart from the others."""
    parts = []
    for is_prose, small in ((False, SMALL), (True, SMALL_PROSE)):
        places = [place for place, one in enumerate(documents) if (one.extractor == PROSE) == is_prose]
        divided = divide([len(documents[place].content) for place in places], small=small)
        parts += [[places[number] for number in part] for part in divided]
    return parts


def divide(sizes: Sequence[int], *, small: int = SMALL) -> list[range]:
    """Return which neighbours share a question: at most `TOGETHER`, and not more than `small` bytes together."""
    parts: list[range] = []
    begin = held = 0
    for place, size in enumerate(sizes):
        if place > begin and (held + size > small or place - begin == TOGETHER):
            parts.append(range(begin, place))
            begin, held = place, 0
        held += size
    return [*parts, range(begin, len(sizes))] if sizes else []


def _described(document: ToExtract) -> dict[str, Any]:
    return {
        "size": len(document.content),
        "extractor": document.extractor,
        "content_type": document.content_type,
        "content_encoding": document.content_encoding,
        "meta": dict(document.meta),
        "observed_at": document.observed_at,
    }


def _read_undisturbed(told: dict[str, Any], data: bytes) -> list[Extracted]:
    with undisturbed(kept=True):
        return _read(told, data)


def _read(told: dict[str, Any], data: bytes) -> list[Extracted]:
    found = []
    at = 0
    for result in told["results"]:
        if "error" in result:
            found.append(Extracted(error=result["error"]))
            continue
        end = at + result["size"]
        stated = data[at:end]
        subgraph = unpack_draft(stated, ontology()) if result["draft"] else unpack(stated)
        at = end + result["kept"]
        kept = Kept(packed=data[end:at], summary=Summary(**result["summary"])) if result["kept"] else None
        found.append(Extracted(subgraph=subgraph, version=result["version"], annotation=kept))
    return found
