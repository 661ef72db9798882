"""Readers of sentences for tests: one without a model, for what is done with its answers; and the shipped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from vedette.extraction.prose.ports import Pair, SentenceReading, Span
from vedette.extraction.prose.reading.reader import WeightsReader


@cache
def shipped() -> WeightsReader:
    """Return a reader with the shipped weights, loaded once for all tests: it keeps nothing of what it reads."""
    return WeightsReader.shipped()


class ListedReader:
    """Knows some names and nothing else: each word of a sentence hangs on its first verb, which is the root."""

    version = "listed-1"
    threshold = 0.5

    def __init__(
        self,
        names: Mapping[str, str],
        *,
        verbs: Sequence[str] = ("uses", "is", "contains", "affects", "exploits"),
        related: str = "uses",
        techniques: Mapping[str, str] | None = None,
    ) -> None:
        """Describe it.

        Args:
            names: labels by the names' words, joined by spaces.
            verbs: what is a verb; the first of a sentence, or else its first word, is the root.
            related: what it says of every pair.
            techniques: ATT&CK ids by a word that shows them.
        """
        self._names = {tuple(name.split(" ")): label for name, label in names.items()}
        self._longest = max((len(words) for words in self._names), default=0)
        self._verbs = frozenset(verbs)
        self._related = related
        self._techniques = dict(techniques or {})
        self.asked: list[list[tuple[str, ...]]] = []
        """The sentences of each question."""

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        """Return what is said of each sentence."""
        self.asked.append([tuple(words) for words in sentences])
        return [self._reading(words) for words in sentences]

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        """Return the same for each pair."""
        return [(self._related, 0.9) for _ in pairs]

    def _reading(self, words: Sequence[str]) -> SentenceReading:
        root = next((place for place, word in enumerate(words) if word in self._verbs), 0)
        return SentenceReading(
            spans=self._spans(words),
            pos=["VERB" if word in self._verbs else "PROPN" if word[:1].isupper() else "NOUN" for word in words],
            heads=[0 if place == root else root + 1 for place in range(len(words))],
            relations=[
                "root" if place == root else "nsubj" if place < root else "obj" for place in range(len(words))
            ],
            techniques=[(self._techniques[word], 0.9) for word in words if word in self._techniques][:5],
        )

    def _spans(self, words: Sequence[str]) -> list[Span]:
        found: list[Span] = []
        at = 0
        while at < len(words):
            sizes = range(min(self._longest, len(words) - at), 0, -1)
            size = next((size for size in sizes if tuple(words[at : at + size]) in self._names), 0)
            if size:
                label = self._names[tuple(words[at : at + size])]
                found.append(Span(start=at, end=at + size, label=label, confidence=0.9))
            at += max(size, 1)
        return found
