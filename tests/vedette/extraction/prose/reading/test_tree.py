"""A parse from scores: the best tree with one root, as trying all trees finds it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from vedette.extraction.prose.reading.tree import heads


def is_tree(found: list[int]) -> bool:
    """Tell whether all words hang on one root."""
    for begin in range(1, len(found) + 1):
        node, steps = begin, 0
        while node and steps <= len(found):
            node, steps = found[node - 1], steps + 1
        if node:
            return False
    return found.count(0) == 1


def score(scores: NDArray[np.float32], found: list[int]) -> float:
    """Return what a tree is worth."""
    return float(sum(scores[word, head] for word, head in enumerate(found)))


def best_of_all(scores: NDArray[np.float32]) -> float:
    """Return what the best tree is worth, of all there are."""
    words = len(scores)
    ways = itertools.product(*([head for head in range(words + 1) if head != word + 1] for word in range(words)))
    return max(score(scores, list(way)) for way in ways if is_tree(list(way)))


@pytest.mark.parametrize("words", [1, 2, 3, 4, 5])
def test_the_best_tree_is_found(words: int) -> None:
    chance = np.random.default_rng(words)
    for _ in range(12):
        scores = chance.normal(0, 3, (words, words + 1)).astype(np.float32)
        found = heads(scores)
        assert is_tree(found)
        assert score(scores, found) == pytest.approx(best_of_all(scores), abs=1e-3)


def test_a_tree_with_one_root_is_preferred_to_better_ones_with_two() -> None:
    scores = np.array([[9, 0, 0, 0], [9, 1, 0, 0], [0, 0, 5, 0]], dtype=np.float32)

    assert heads(scores) == [0, 1, 2]


def test_cycles_within_cycles_are_opened() -> None:
    # Given: 1 and 2 prefer each other, both together 3, and 3 them.
    scores = np.array([[0, 0, 9, 8], [1, 9, 0, 2], [0, 8, 3, 0]], dtype=np.float32)

    assert is_tree(heads(scores))
    assert score(scores, heads(scores)) == pytest.approx(best_of_all(scores))


def test_no_words_have_no_heads() -> None:
    assert heads(np.zeros((0, 1), dtype=np.float32)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1e4, 3e38])
def test_whatever_the_scores_it_is_a_tree(value: float) -> None:
    assert is_tree(heads(np.full((7, 8), value, dtype=np.float32)))


def test_scores_of_padding_are_not_read() -> None:
    scores = np.full((3, 9), 100, dtype=np.float32)
    scores[:, :4] = [[5, 0, 0, 0], [0, 5, 0, 0], [0, 0, 5, 0]]

    assert heads(scores) == [0, 1, 2]


def test_a_long_window_of_noise_is_a_tree() -> None:
    scores = np.random.default_rng(5).normal(0, 1, (100, 101)).astype(np.float32)

    assert is_tree(heads(scores))
