"""Reads sentences with the shipped weights: the port `SentenceReader`, by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.ports import Pair, SentenceReading
from vedette.extraction.prose.reading.asking import question
from vedette.extraction.prose.reading.joining import joined
from vedette.extraction.prose.reading.model import Model
from vedette.extraction.prose.reading.spans import spans
from vedette.extraction.prose.reading.techniques import ranked, softmax
from vedette.extraction.prose.reading.tree import heads
from vedette.extraction.prose.reading.weights import Weights
from vedette.extraction.prose.reading.windows import Window, batches, cut, inputs
from vedette.extraction.prose.viterbi import BioDecoder

ALONE: Final = 1
"""Word pieces of a batch that make every window one of its own.

The 8 bits are scaled by what is in a batch: in other company a sentence would be read a little otherwise, and
the same document twice would not give the same.
"""

_AHEAD: Final = 8
"""Batches of a thread whose scores are kept at once."""

OURS: Final = "vedette"
"""The head that speaks our own labels."""

UNRELATED: Final = "none"
"""The relation of a pair that has none."""

ROOT: Final = "root"
"""The relation of the root."""

_READ: Final = (OURS, "upos", "arcs", "deprel", "techniques")

Scores = NDArray[np.float32]


class WeightsReader:
    """Reads sentences, many at once."""

    def __init__(self, weights: Weights, *, threads: int = 1, model: str = "model.onnx", pieces: int = ALONE) -> None:
        """Load the model.

        Args:
            weights: whose.
            threads: batches that are computed side by side.
            model: file of the weights' folder.
            pieces: word pieces of a batch at most; those of the 8-bit model should be `ALONE`.

        Raises:
            WeightsError: a file is missing or is not what it must be.
        """
        self.version = weights.labels.version
        self.threshold = weights.labels.threshold
        self._labels = weights.labels
        self._featurizer = weights.featurizer()
        self._terms = weights.terms() if weights.labels.terms else None
        self._model = Model(weights.model(model))
        self._threads = threads
        self._decoders = {name: BioDecoder(tags) for name, tags in weights.labels.heads.items()}
        self._pieces = pieces

    @classmethod
    def shipped(cls, *, threads: int = 1) -> WeightsReader:
        """Return a reader with the weights that Vedette comes with."""
        return cls(Weights.shipped(), threads=threads)

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads that `in_labels` can speak for."""
        return tuple(self._decoders)

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        """Return what is said of each sentence; one that comes again is read once."""
        places: dict[tuple[str, ...], int] = {}
        asked = [places.setdefault(tuple(words), len(places)) for words in sentences]
        parts: list[dict[int, SentenceReading]] = [{} for _ in places]
        distinct = list(places)
        for batch, scores in self._scored(self._windows(distinct), _READ):
            self._add_terms(batch, distinct, scores[-1])
            for window, reading in zip(batch, self._readings(batch, scores), strict=True):
                parts[window.sentence][window.start] = reading
        found = [joined([part[start] for start in sorted(part)]) for part in parts]
        return [found[place] for place in asked]

    def in_labels(self, sentences: Sequence[Sequence[str]], head: str) -> list[list[str]]:
        """Return the BIO tags of each sentence's words as one data set has them.

        Args:
            sentences: given as their words.
            head: one of `heads`.
        """
        found = [["O"] * len(words) for words in sentences]
        for batch, (scores,) in self._scored(self._windows(sentences), (head,)):
            for window, tags in zip(batch, self._tags(head, batch, scores), strict=True):
                found[window.sentence][window.start : window.end] = tags
        return found

    def technique_scores(self, sentences: Sequence[Sequence[str]]) -> Scores:
        """Return the network's own scores of techniques, [S, T]: the highest of each sentence's windows."""
        found = np.full((len(sentences), len(self._labels.techniques)), -np.inf, dtype=np.float32)
        for batch, (scores,) in self._scored(self._windows(sentences), ("techniques",)):
            for window, row in zip(batch, scores, strict=True):
                np.maximum(found[window.sentence], row, out=found[window.sentence])
        return found

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        """Return for each pair what its first is to its second, with its probability."""
        found: list[tuple[str, float]] = [(UNRELATED, 1.0)] * len(pairs)
        asked = []
        for place, pair in enumerate(pairs):
            said = question(pair)
            if said:
                asked.append(Window(place, 0, len(said[0]), self._featurizer.of(*said)))
        for batch, (scores,) in self._scored(asked, ("relation",)):
            for window, sure in zip(batch, softmax(scores), strict=True):
                best = int(sure.argmax())
                found[window.sentence] = (self._labels.relations[best], float(sure[best]))
        return found

    def _windows(self, sentences: Sequence[Sequence[str]]) -> list[Window]:
        return [window for place, words in enumerate(sentences) for window in cut(place, words, self._featurizer)]

    def _scored(
        self, windows: Sequence[Window], outputs: Sequence[str]
    ) -> Iterator[tuple[list[Window], list[Scores]]]:
        each = partial(self._model.scores, outputs=outputs)
        made = batches(windows, pieces=self._pieces)
        if self._threads == 1:
            for batch in made:
                yield batch, each(inputs(batch))
            return
        with ThreadPoolExecutor(self._threads) as pool:
            while ahead := list(islice(made, _AHEAD * self._threads)):
                yield from zip(ahead, pool.map(each, map(inputs, ahead)), strict=True)

    def _tags(self, head: str, batch: Sequence[Window], scores: Scores) -> list[list[str]]:
        decoder = self._decoders[head]
        paths = decoder.decode(scores, [len(window.features.first) for window in batch])
        return [[decoder.tags[tag] for tag in path] for path in paths]

    def _readings(self, batch: Sequence[Window], scores: Sequence[Scores]) -> Iterator[SentenceReading]:
        ours, upos, arcs, deprel, techniques = scores
        decoder = self._decoders[OURS]
        best_pos, best_relations = upos.argmax(-1), self._below(deprel)
        for place, path in enumerate(decoder.decode(ours, [len(window.features.first) for window in batch])):
            words = len(path)
            tree = heads(arcs[place, :words])
            yield SentenceReading(
                spans=spans([decoder.tags[tag] for tag in path], np.exp(ours[place, range(words), path])),
                pos=[self._labels.upos[one] for one in best_pos[place, :words]],
                heads=tree,
                relations=[
                    self._labels.deprel[one] if head else ROOT
                    for one, head in zip(best_relations[place, :words], tree, strict=True)
                ],
                techniques=self._ranked(techniques[place]),
            )

    def _add_terms(self, batch: Sequence[Window], sentences: Sequence[Sequence[str]], scores: Scores) -> None:
        """Add what the words of each window say to its scores of techniques."""
        if self._terms is None:
            return
        for window, row in zip(batch, scores, strict=True):
            words = sentences[window.sentence][window.start : window.end]
            np.add(row, self._labels.terms * self._terms.of(words), out=row)

    def _ranked(self, scores: Scores) -> list[tuple[str, float]]:
        told = self._labels
        return ranked(scores, told.techniques, temperature=told.temperature, threshold=told.threshold)

    def _below(self, deprel: Scores) -> NDArray[np.int64]:
        """Return the best relations of words that are not the root."""
        if ROOT in self._labels.deprel:
            deprel[:, :, self._labels.deprel.index(ROOT)] = -np.inf
        best: NDArray[np.int64] = deprel.argmax(-1)
        return best
