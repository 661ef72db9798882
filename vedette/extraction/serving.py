"""What the process that extracts does: documents in, subgraphs out; each fails alone, and says why."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from vedette.collection.compression import compression_of, decompress
from vedette.collection.content import Budget, ProcessingError, ProcessingLimits
from vedette.errors import VedetteError
from vedette.extraction.interface import Document, ExtractionError, Extractor, ExtractorCatalogue
from vedette.extraction.packing import pack
from vedette.fetching.decoding import Decoder

MAX_REASON = 1_000
"""Characters of the reason why a document could not be read."""

_BY_CONTENT = frozenset({"gzip", "x-gzip", "bzip2", "xz", "zstd"})
_NOT_ENCODED = frozenset({"", "identity", "binary"})


def extract_all(told: Sequence[dict[str, Any]], data: bytes, *, limit: int) -> tuple[dict[str, Any], bytes]:
    """Return what documents state, those of `told` one after the other in `data`.

    Args:
        told: of each document its `size`, its `extractor`, `content_type`, `content_encoding` and `meta`.
        data: their bytes.
        limit: bytes that one may have when it is unpacked.
    """
    results: list[dict[str, Any]] = []
    subgraphs: list[bytes] = []
    at = 0
    for one in told:
        content = data[at : at + one["size"]]
        at += len(content)
        result, subgraph = _extract(one, content, limit=limit)
        results.append({**result, "size": len(subgraph)})
        subgraphs.append(subgraph)
    return {"results": results}, b"".join(subgraphs)


def _extract(told: dict[str, Any], content: bytes, *, limit: int) -> tuple[dict[str, Any], bytes]:
    try:
        extractor = _extractor(told["extractor"])
        plain = undo(content, told["content_encoding"], limit=limit)
        document = Document(content=plain, content_type=told["content_type"], meta=told["meta"])
        with _undisturbed():
            return {"version": extractor.version}, pack(extractor.extract(document))
    except VedetteError as error:
        reason = str(error)
    except MemoryError:
        reason = "takes more memory than it may"
    except RecursionError:
        reason = "is nested too deeply"
    except Exception as error:  # noqa: BLE001 (the boundary to other people's extractors and hostile bytes)
        reason = f"{type(error).__name__}: {error}"
    return {"error": reason[:MAX_REASON]}, b""


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector away from one document: it would look again and again at millions that all stay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _extractor(name: str) -> Extractor:
    return ExtractorCatalogue().extractor(name)


def undo(content: bytes, encoding: str, *, limit: int) -> bytes:
    """Return a document's own bytes, its encoding undone; what names none is unpacked by its first bytes.

    Raises:
        ExtractionError: it is damaged, too large, or encoded in a way that is not undone.
    """
    name = encoding.strip().lower()
    if not is_packed(content, name):
        return content
    budget = Budget(ProcessingLimits(max_bytes=limit), size=len(content))
    try:
        if name == "deflate":
            return _inflate(content, budget)
        if name in _BY_CONTENT or name in _NOT_ENCODED:
            return decompress(content, budget)
    except ProcessingError as error:
        raise ExtractionError(str(error)) from error
    raise ExtractionError(f"is encoded with {encoding[:40]!r}, which is not undone")


def is_packed(content: bytes, encoding: str) -> bool:
    """Tell whether a document has to be unpacked: its encoding says so, or its first bytes where none is named."""
    return encoding.strip().lower() not in _NOT_ENCODED or compression_of(content) is not None


def _inflate(content: bytes, budget: Budget) -> bytes:
    decoder, whole = Decoder("deflate"), bytearray()
    try:
        for part in decoder.decode(content):
            budget.take(len(part))
            whole += part
        decoder.finish()
    except ValueError as error:
        raise ProcessingError(str(error)) from error
    return bytes(whole)
