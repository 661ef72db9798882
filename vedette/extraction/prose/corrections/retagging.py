"""The labels of a document's tokens, anew from its entities. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from vedette.extraction.prose.annotated import Entity, Sentence, Token


def retag(sentences: Sequence[Sentence], entities: Sequence[Entity]) -> tuple[Sentence, ...]:
    """Return the sentences with `B-` and `I-` where entities are, `O` elsewhere; the others are returned as they are.

    Args:
        sentences: of a document.
        entities: of the same, by their beginning, not overlapping.
    """
    ends = [one.end for one in entities]
    return tuple(_sentence(one, entities, ends) for one in sentences)


def _sentence(sentence: Sentence, entities: Sequence[Entity], ends: Sequence[int]) -> Sentence:
    labels = list(_labels(sentence.tokens, entities, ends))
    if all(token.label == label for token, label in zip(sentence.tokens, labels, strict=True)):
        return sentence
    tokens = tuple(
        token if token.label == label else replace(token, label=label)
        for token, label in zip(sentence.tokens, labels, strict=True)
    )
    return sentence.model_copy(update={"tokens": tokens})


def _labels(tokens: Sequence[Token], entities: Sequence[Entity], ends: Sequence[int]) -> Iterator[str]:
    at = bisect_left(ends, tokens[0].start + 1) if tokens else 0
    last: int | None = None
    for token in tokens:
        while at < len(entities) and entities[at].end <= token.start:
            at += 1
        if at < len(entities) and entities[at].start < token.end:
            yield f"{'I' if last == at else 'B'}-{entities[at].label}"
            last = at
        else:
            yield "O"
