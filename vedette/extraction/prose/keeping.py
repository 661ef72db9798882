"""Annotated documents as they are kept beside the graph, and as they come from the process that reads them: packed.

Two compressed streams, one behind the other, so that who does not need the tokens does not read them:

1. a line of JSON about the reading, then the document's JSON without its tokens;
2. a list of each sentence's tokens as `[start, end, pos, label, head, relation]`; empty where they were too many.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from vedette.errors import VedetteError
from vedette.extraction.prose.annotated import AnnotatedDocument, Token

MAX_KEPT: Final = 8 * 1024 * 1024
"""Bytes of one that is kept, compressed; a longer one is kept without its tokens."""

MAX_UNPACKED: Final = 128 * 1024 * 1024
"""Bytes that a stream may have when it is unpacked."""

_LEVEL: Final = 6

Places = Sequence[tuple[int, int] | None]
"""Of each sentence the bytes of the document in which it stands; None: they are not known."""


class KeepingError(VedetteError):
    """What was kept is damaged; says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What is counted of a document that was read."""

    language: str = ""
    """ISO 639-1 code; empty: not known."""
    read: bool = True
    """Whether it was read, or is in a language that is not."""
    sentences: int = 0
    """How many it has."""
    entities: int = 0
    """How many it names."""
    relations: int = 0
    """How many it states or denies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An annotated document, packed."""

    packed: bytes
    """As `keep` made it."""
    summary: Summary
    """What is counted of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was packed."""

    document: bytes
    """The annotated document's JSON."""
    places: Places = ()
    """Of each sentence its bytes in the item's payload, where they are known."""
    least_confidence: float = 0.0
    """How sure the reader had to be."""

    def annotated(self) -> AnnotatedDocument:
        """Return the document.

        Raises:
            KeepingError: it is none.
        """
        try:
            return AnnotatedDocument.model_validate_json(self.document)
        except ValueError as error:
            raise KeepingError(f"an annotated document cannot be read: {str(error)[:400]}") from error


def keep(document: AnnotatedDocument, *, places: Places = (), least_confidence: float, limit: int = MAX_KEPT) -> Kept:
    """Return a document packed.

    Args:
        document: annotated.
        places: of each sentence its bytes in the item's payload, where they are known.
        least_confidence: how sure the reader had to be of what is in the graph.
        limit: bytes from which on it goes without its tokens.
    """
    head: dict[str, Any] = {"least_confidence": least_confidence}
    if any(place is not None for place in places):
        head["places"] = list(places)
    # What is as usual is left out: most of a sentence is.
    said = document.model_dump(mode="json", exclude_defaults=True, exclude={"sentences": {"__all__": {"tokens"}}})
    first = zlib.compress(orjson.dumps(head) + b"\n" + _json(said), _LEVEL)
    tokens = [[_listed(token) for token in sentence.tokens] for sentence in document.sentences]
    second = zlib.compress(orjson.dumps(tokens), _LEVEL) if any(tokens) else b""
    summary = Summary(
        language=document.language,
        read=document.read,
        sentences=len(document.sentences),
        entities=len(document.entities),
        relations=len(document.relations),
    )
    return Kept(packed=first + second if len(first) + len(second) <= limit else first, summary=summary)


def unpack(packed: bytes, *, tokens: bool = True) -> Reading:
    """Return what was packed; with or without the sentences' tokens.

    Raises:
        KeepingError: it is damaged, or larger than it may be.
    """
    try:
        plain, rest = _opened(packed)
        head, _, document = plain.partition(b"\n")
        told = orjson.loads(head)
        if tokens and rest:
            document = _with_tokens(orjson.loads(document), orjson.loads(_opened(rest)[0]))
        places = [None if one is None else (int(one[0]), int(one[1])) for one in told.get("places", ())]
        return Reading(document=document, places=places, least_confidence=float(told["least_confidence"]))
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise KeepingError(f"an annotated document is damaged: {error}") from error


def _opened(packed: bytes) -> tuple[bytes, bytes]:
    """Return what a stream unpacks to, and what stands behind it."""
    opened = zlib.decompressobj()
    plain = opened.decompress(packed, MAX_UNPACKED)
    if not opened.eof:
        raise KeepingError("an annotated document is cut off, or too large")
    return plain, opened.unused_data


def _listed(token: Token) -> list[str | int]:
    return [token.start, token.end, token.pos, token.label, token.head, token.relation]


def _with_tokens(document: dict[str, Any], tokens: Sequence[Sequence[Sequence[Any]]]) -> bytes:
    text = document["text"]
    for sentence, told in zip(document["sentences"], tokens, strict=True):
        sentence["tokens"] = [_named(text, one) for one in told]
    return _json(document)


def _named(text: str, told: Sequence[Any]) -> Mapping[str, Any]:
    start, end, pos, label, head, relation = told
    named = {"text": text[start:end], "start": start, "end": end, "pos": pos, "label": label}
    return {**named, "head": head, "relation": relation}


def _json(said: Mapping[str, Any]) -> bytes:
    return orjson.dumps(said)
