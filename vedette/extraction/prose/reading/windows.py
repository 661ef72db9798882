"""Sentences cut into windows that the model can read at once, and batches of windows of about one length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.features import MAX_WORDS, Features, Featurizer

_STRONG = frozenset(".!?;:")
_WEAK = frozenset({",", ")", "-", "\N{EN DASH}", "\N{EM DASH}"})

Inputs = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Window:
    """Some words of a sentence that are read at once."""

    sentence: int
    """Which of the sentences that are read."""
    start: int
    """Its first word."""
    end: int
    """Behind its last."""
    features: Features


def cut(sentence: int, words: Sequence[str], featurizer: Featurizer) -> Iterator[Window]:
    """Yield the windows of a sentence, in order: all of its words, each once.

    Args:
        sentence: which it is.
        words: all of it.
        featurizer: makes the features.
    """
    start = 0
    while start < len(words):
        end = _end(words, start)
        yield Window(sentence, start, end, featurizer.of(words[start:end]))
        start = end


def _end(words: Sequence[str], start: int) -> int:
    """Return where a window ends that begins at a word: behind a sign in its second half, where there is one."""
    last = start + MAX_WORDS
    if len(words) <= last:
        return len(words)
    for signs in (_STRONG, _WEAK):
        for end in range(last, start + MAX_WORDS // 2, -1):
            if words[end - 1] in signs:
                return end
    return last


def batches(windows: Sequence[Window], *, pieces: int) -> Iterator[list[Window]]:
    """Yield windows of about one length together, the shortest first.

    Args:
        windows: all of them.
        pieces: of a batch at most, the padding with them; a window that has more is alone.
    """
    batch: list[Window] = []
    for window in sorted(windows, key=lambda one: (len(one.features.pieces), len(one.features.first))):
        if batch and (len(batch) + 1) * len(window.features.pieces) > pieces:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def inputs(batch: Sequence[Window]) -> Inputs:
    """Return what the model is given of a batch: [B, N] a piece, `first` [B, M] a word; 0 is padding."""
    features = [window.features for window in batch]
    long = max(len(one.pieces) for one in features)
    words = max(len(one.first) for one in features)
    return {
        "pieces": _padded([one.pieces for one in features], long),
        "mask": _padded([[1] * len(one.pieces) for one in features], long),
        "shapes": _padded([one.shapes for one in features], long),
        "names": _padded([one.names for one in features], long),
        "roles": _padded([one.roles for one in features], long),
        "first": _padded([one.first for one in features], words),
    }


def _padded(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int64]:
    made = np.zeros((len(rows), width), dtype=np.int64)
    for place, row in enumerate(rows):
        made[place, : len(row)] = row
    return made
