"""Extraction in processes of its own: whatever a document does to its parser, only that process is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vedette.collection.content import ProcessingError, ProcessingLimits
from vedette.collection.isolation import Isolation
from vedette.extraction.interface import MAX_DOCUMENT, ExtractionError
from vedette.extraction.packing import PackingError, unpack
from vedette.extraction.subgraph import Subgraph

TOGETHER = 64
"""Small documents that are one question: a question costs 4 ms, whatever is in it."""

SMALL = 512 * 1024
"""Bytes of the documents of one question together; a larger one goes alone."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What became of a document."""

    subgraph: Subgraph | None = None
    """What it states; None: nothing can be read."""
    version: str = ""
    """The extractor's version."""
    error: str = ""
    """Why nothing can be read."""

    def stated(self) -> Subgraph:
        """Return what it states.

        Raises:
            ExtractionError: nothing can be read.
        """
        if self.subgraph is None:
            raise ExtractionError(self.error)
        return self.subgraph


class IsolatedExtraction:
    """Extracts in workers that are started when they are needed."""

    def __init__(self, *, workers: int, seconds: float, memory: int, limit: int = MAX_DOCUMENT) -> None:
        """Describe it.

        Args:
            workers: processes at a time.
            seconds: that a document may take.
            memory: bytes of address space of a process.
            limit: bytes that a document may have when it is unpacked.
        """
        self._isolation = Isolation(limits=ProcessingLimits(seconds=seconds), workers=workers, memory=memory)
        self._limit = limit

    @property
    def killed(self) -> int:
        """Workers that had to be killed or died."""
        return self._isolation.killed

    async def extract(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        """Return what became of each document, in their order: small ones share a question, else each has its own."""
        parts = divide([len(one.content) for one in documents])
        answers = await asyncio.gather(*(self._each([documents[place] for place in part]) for part in parts))
        return [result for part in answers for result in part]

    async def rest(self) -> None:
        """End the workers that do nothing."""
        await self._isolation.rest()

    async def aclose(self) -> None:
        """End all workers."""
        await self._isolation.aclose()

    async def _each(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        try:
            return await self._ask(documents)
        except (ProcessingError, PackingError) as error:
            if len(documents) == 1:
                return [Extracted(error=str(error))]
        # One of them ended the process or took all its time: alone, each answers for itself.
        return [result for one in documents for result in await self._each([one])]

    async def _ask(self, documents: Sequence[ToExtract]) -> list[Extracted]:
        question = {"task": "extract", "limit": self._limit, "documents": [_described(one) for one in documents]}
        told, data = await self._isolation.ask(question, b"".join(one.content for one in documents))
        if len(data) <= _AT_ONCE:
            return _read(told, data)
        return await asyncio.to_thread(_read, told, data)


def divide(sizes: Sequence[int]) -> list[range]:
    """Return which neighbours share a question: at most `TOGETHER`, and not more than `SMALL` bytes together."""
    parts: list[range] = []
    begin = held = 0
    for place, size in enumerate(sizes):
        if place > begin and (held + size > SMALL or place - begin == TOGETHER):
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
    }


def _read(told: dict[str, Any], data: bytes) -> list[Extracted]:
    found = []
    at = 0
    for result in told["results"]:
        if "error" in result:
            found.append(Extracted(error=result["error"]))
            continue
        end = at + result["size"]
        found.append(Extracted(subgraph=unpack(data[at:end]), version=result["version"]))
        at = end
    return found
