"""Sentences that come as words: the tags of each word, in the labels of a data set or in our own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from vedette.extraction.prose.annotated import Sentence, Token
from vedette.extraction.prose.bio import run
from vedette.extraction.prose.corrections.retagging import retag
from vedette.extraction.prose.entities import entities_of
from vedette.extraction.prose.indicators.finding import find
from vedette.extraction.prose.labels import Label, LabelSet
from vedette.extraction.prose.ports import SentenceReader, SentenceReading

_BY_PATTERN: Final[Mapping[LabelSet, Mapping[Label, str]]] = {"kev": {"FILE": "FILE", "VULN_ID": "VULNERABILITY_ID"}}
"""By label set, what it calls that which patterns find."""


class LabelReader(SentenceReader, Protocol):
    """A reader that knows the labels of data sets as well."""

    def in_labels(self, sentences: Sequence[Sequence[str]], head: str) -> list[list[str]]:
        """Return the BIO tags of each sentence's words as one data set has them."""


def tags_of(sentences: Sequence[Sequence[str]], labels: LabelSet, *, reader: LabelReader) -> list[list[str]]:
    """Return the BIO tags of sentences; each is read for itself.

    In our own labels it is what an annotated document has: the model, indicators and rules together. In KEV's, what
    a pattern can know is found where the model says nothing.

    Args:
        sentences: given as their words.
        labels: whose.
        reader: the model.
    """
    if labels != "vedette":
        tags = reader.in_labels(sentences, labels)
        named = _BY_PATTERN.get(labels)
        return tags if named is None else [_filled(*one, named) for one in zip(sentences, tags, strict=True)]
    return [_ours(words, reading) for words, reading in zip(sentences, reader.read(sentences), strict=True)]


def _filled(words: Sequence[str], tags: Sequence[str], names: Mapping[Label, str]) -> list[str]:
    """Return the tags with what patterns find where there are none."""
    text, tokens = joined(words)
    starts, ends = [token.start for token in tokens], [token.end for token in tokens]
    filled = list(tags)
    for one in find(text):
        first, last = bisect_right(ends, one.start), bisect_left(starts, one.end)
        if one.label in names and set(filled[first:last]) == {"O"}:
            filled[first:last] = run(names[one.label], last - first)
    return filled


def _ours(words: Sequence[str], reading: SentenceReading) -> list[str]:
    text, tokens = joined(words)
    sentence = Sentence(start=0, end=len(text), tokens=tokens)
    entities = entities_of(text, [sentence], [reading], find(text))
    return [token.label for token in retag([sentence], entities)[0].tokens]


def joined(words: Sequence[str]) -> tuple[str, tuple[Token, ...]]:
    """Return words as a text, and where each of them is in it."""
    tokens = []
    at = 0
    for word in words:
        tokens.append(Token(text=word, start=at, end=at + len(word)))
        at += len(word) + 1
    return " ".join(words), tuple(tokens)
