"""What reads sentences: the port between the text's side (pure) and the model's (onnxruntime)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Some words of a sentence that are one entity; words are counted from 0, the end exclusive."""

    start: int
    end: int
    label: str
    confidence: float
    """Mean probability of its tags, 0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SentenceReading:
    """What the model says of one sentence; lists have one member a word."""

    spans: Sequence[Span] = ()
    """In our own labels, in order, not overlapping."""
    pos: Sequence[str] = ()
    heads: Sequence[int] = ()
    """0: the root; else the head's place, from 1. A tree with one root."""
    relations: Sequence[str] = ()
    techniques: Sequence[tuple[str, float]] = field(default=())
    """ATT&CK ids with their probability, the best first, at most 5, whatever their probability."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two entities of a sentence, by their words."""

    words: Sequence[str]
    head: tuple[int, int]
    """First word, and the one behind its last."""
    head_label: str
    tail: tuple[int, int]
    tail_label: str


class SentenceReader(Protocol):
    """Reads sentences, many at once; sentences of any length, any words."""

    version: str
    """Of the weights."""
    threshold: float
    """Probability from which a technique is said."""

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        """Return what is said of each sentence, given as its words, in their order."""

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        """Return for each pair `uses`, `attributed-to` or `none`, with its probability."""
