"""What the process that extracts does: documents in, subgraphs out; each fails alone, and says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

from vedette.collection.compression import compression_of, decompress
from vedette.collection.content import Budget, ProcessingError, ProcessingLimits
from vedette.errors import VedetteError
from vedette.extraction.interface import (
    LEAST_CONFIDENCE,
    Document,
    Extraction,
    ExtractionError,
    Extractor,
    ExtractorCatalogue,
    JointExtractor,
)
from vedette.extraction.packing import pack
from vedette.extraction.prose.keeping import Kept
from vedette.fetching.decoding import Decoder
from vedette.undisturbed import undisturbed

T = TypeVar("T")

MAX_REASON = 1_000
"""Characters of the reason why a document could not be read."""

_BY_CONTENT = frozenset({"gzip", "x-gzip", "bzip2", "xz", "zstd"})
_NOT_ENCODED = frozenset({"", "identity", "binary"})

Failed = str
"""Why nothing can be read of a document."""


class _Packed(NamedTuple):
    """What a document states, ready to be sent."""

    stated: bytes
    is_draft: bool
    """Whether it is ready to be merged; else it is a subgraph."""
    version: str
    annotation: Kept | None


def extract_all(told: Sequence[dict[str, Any]], data: bytes, *, limit: int) -> tuple[dict[str, Any], bytes]:
    """Return what documents state, those of `told` one after the other in `data`.

    A subgraph comes ready to be merged where it is not large and `observed_at` is told: to make it so takes longer
    than to merge it. Behind each is what is kept of the document as it was read, where the extractor keeps it.

    Args:
        told: of each document its `size`, its `extractor`, `content_type`, `content_encoding` and `meta`, and where
            it is to be merged, when it was `observed_at` (UTC, microseconds); how sure who reads prose must be
            (`least_confidence`).
        data: their bytes.
        limit: bytes that one may have when it is unpacked.
    """
    documents: list[Document | Failed] = []
    at = 0
    for one in told:
        content = data[at : at + one["size"]]
        at += len(content)
        documents.append(_guarded(partial(_document, one, content, limit=limit)))
    found = _read_all(told, documents)
    results: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for result in found:
        if isinstance(result, Failed):
            results.append({"error": result, "size": 0})
            continue
        kept = result.annotation
        packed = [result.stated, b"" if kept is None else kept.packed]
        summary = {} if kept is None else {"summary": asdict(kept.summary)}
        sizes = {"size": len(packed[0]), "kept": len(packed[1])}
        results.append({"version": result.version, "draft": result.is_draft, **sizes, **summary})
        parts += packed
    return {"results": results}, b"".join(parts)


def _document(told: dict[str, Any], content: bytes, *, limit: int) -> Document:
    return Document(
        content=undo(content, told["content_encoding"], limit=limit),
        content_type=told["content_type"],
        meta=told["meta"],
        least_confidence=told.get("least_confidence", LEAST_CONFIDENCE),
    )


def _read_all(told: Sequence[dict[str, Any]], documents: Sequence[Document | Failed]) -> list[_Packed | Failed]:
    """Return what each document states; those of an extractor that reads several at once are read so."""
    found: dict[int, _Packed | Failed] = {}
    joint: dict[str, list[int]] = {}
    for place, (one, document) in enumerate(zip(told, documents, strict=True)):
        if isinstance(document, Failed):
            found[place] = document
        elif isinstance(extractor := _guarded(partial(_extractor, one["extractor"])), JointExtractor):
            joint.setdefault(one["extractor"], []).append(place)
        elif isinstance(extractor, Failed):
            found[place] = extractor
        else:
            found[place] = _guarded(partial(_extract, extractor, document, one.get("observed_at")))
    for name, places in joint.items():
        given = [(documents[place], told[place].get("observed_at")) for place in places]
        several = [(document, at) for document, at in given if isinstance(document, Document)]
        found |= zip(places, _extract_jointly(name, several), strict=True)
    return [found[place] for place in range(len(documents))]


def _extract(extractor: Extractor, document: Document, observed_at: int | None) -> _Packed:
    # Packed there, too: thousands of objects are gone again when the garbage collector comes.
    with undisturbed(kept=False):
        read = Extraction(subgraph=extractor.extract(document), version=extractor.version)
        return _packed(read, observed_at)


def _packed(read: Extraction, observed_at: int | None) -> _Packed:
    subgraph = read.subgraph
    if observed_at is None:
        return _Packed(stated=pack(subgraph), is_draft=False, version=read.version, annotation=read.annotation)
    # Only here: a process that reads feeds needs no ontology.
    from vedette.graph.draft_packing import pack_draft
    from vedette.graph.drafted import LARGE, drafted, observed
    from vedette.graph.ontology import ontology

    is_draft = len(subgraph.vertices) + len(subgraph.edges) <= LARGE
    stated = pack_draft(drafted(subgraph, ontology(), observed(observed_at))) if is_draft else pack(subgraph)
    return _Packed(stated=stated, is_draft=is_draft, version=read.version, annotation=read.annotation)


def _extract_jointly(name: str, several: Sequence[tuple[Document, int | None]]) -> list[_Packed | Failed]:
    """Return what documents, observed at some time, state that are read at once; if that fails, each by itself."""

    def read() -> list[Extraction | ExtractionError]:
        extractor = _extractor(name)
        documents = [document for document, _ in several]
        return extractor.extract_all(documents) if isinstance(extractor, JointExtractor) else []

    found = _guarded(read)
    if not isinstance(found, Failed):
        return [
            _reason(one) if isinstance(one, ExtractionError) else _guarded(partial(_packed, one, observed_at))
            for one, (_, observed_at) in zip(found, several, strict=True)
        ]
    if len(several) == 1:
        return [found]
    return [result for one in several for result in _extract_jointly(name, [one])]


def _guarded(work: Callable[[], T]) -> T | Failed:
    """Return what a piece of work gives, or why it fails: the boundary to other people's extractors and documents."""
    try:
        return work()
    except VedetteError as error:
        return _reason(error)
    except MemoryError:
        return "takes more memory than it may"
    except RecursionError:
        return "is nested too deeply"
    except Exception as error:  # noqa: BLE001 (the boundary to other people's extractors and hostile bytes)
        return f"{type(error).__name__}: {error}"[:MAX_REASON]


def _reason(error: VedetteError) -> Failed:
    return str(error)[:MAX_REASON] or type(error).__name__


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
