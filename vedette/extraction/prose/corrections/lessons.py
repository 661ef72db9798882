"""What a model can learn from people's corrections: lines as the data sets have them. Pure.

Only sentences that somebody corrected are given: the model's own guesses elsewhere teach it nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, Sentence
from vedette.extraction.prose.corrections.correcting import CorrectedDocument
from vedette.extraction.prose.corrections.kinds import (
    AddEntity,
    AddRelation,
    ChangeEntity,
    Correction,
    Place,
    RejectEntity,
)

SOURCE: Final = "corrections"
"""What the lines say of where they come from."""

NONE: Final = "none"
"""The relation of two entities of which a person says that the text does not relate them so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lessons:
    """What one document's corrections teach."""

    entities: tuple[dict[str, Any], ...]
    """A sentence each: `{"tokens": […], "tags": […], "source": "corrections"}`, tags in our own labels."""
    relations: tuple[dict[str, Any], ...]
    """A pair each: `{"tokens": […], "head": {"start", "end", "type"}, "tail": {…}, "relation", "source"}`."""


def lessons_of(corrected: CorrectedDocument, corrections: Sequence[Correction]) -> Lessons:
    """Return what the corrections of a document teach; those that do not fit teach nothing.

    Args:
        corrected: the document with its corrections.
        corrections: those that were applied to it, in their order.
    """
    document = corrected.document
    unfit = {one.place for one in corrected.unfit}
    fitting = [one for place, one in enumerate(corrections) if place not in unfit]
    touched = sorted({number for one in fitting for number in _sentences(document, one)})
    return Lessons(
        entities=tuple(_tagged(document.sentences[number]) for number in touched),
        relations=tuple(_relations(document, fitting)),
    )


def _tagged(sentence: Sentence) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in sentence.tokens],
        "tags": [token.label for token in sentence.tokens],
        "source": SOURCE,
    }


def _sentences(document: AnnotatedDocument, correction: Correction) -> Iterator[int]:
    places: tuple[Place, ...] = ()
    if isinstance(correction, RejectEntity | AddEntity):
        places = (correction.at,)
    elif isinstance(correction, ChangeEntity):
        places = (correction.at, correction.to)
    for place in places:
        number = _sentence_at(document, place.start)
        if number is not None:
            yield number


def _sentence_at(document: AnnotatedDocument, offset: int) -> int | None:
    number = bisect_right(document.sentences, offset, key=lambda one: one.start) - 1
    return number if number >= 0 and offset < document.sentences[number].end else None


def _relations(document: AnnotatedDocument, corrections: Sequence[Correction]) -> Iterator[dict[str, Any]]:
    by_span = {(one.start, one.end): one for one in document.entities}
    said: dict[tuple[tuple[int, int], tuple[int, int]], str] = {}
    for one in corrections:
        if isinstance(one, RejectEntity | AddEntity | ChangeEntity):
            continue
        # The last word of a person about a pair counts.
        pair = (one.head.span, one.tail.span)
        said.pop(pair, None)
        said[pair] = one.relation if isinstance(one, AddRelation) else NONE
    for (head_span, tail_span), relation in said.items():
        head, tail = by_span.get(head_span), by_span.get(tail_span)
        # A classifier of pairs sees one sentence.
        if head is not None and tail is not None and head.sentence == tail.sentence:
            tokens = document.sentences[head.sentence].tokens
            yield {
                "tokens": [token.text for token in tokens],
                "head": _words(document.sentences[head.sentence], head),
                "tail": _words(document.sentences[tail.sentence], tail),
                "relation": relation,
                "source": SOURCE,
            }


def _words(sentence: Sentence, entity: Entity) -> dict[str, Any]:
    inside = [
        place for place, token in enumerate(sentence.tokens) if token.start < entity.end and entity.start < token.end
    ]
    first, last = (inside[0], inside[-1] + 1) if inside else (0, 0)
    return {"start": first, "end": last, "type": entity.label}
