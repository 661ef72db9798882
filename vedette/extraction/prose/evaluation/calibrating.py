"""How sure is sure: the temperature that makes probabilities true, and the threshold above which an answer is given.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. One number, learned from what
the model has not seen, by which its scores are divided; which answer is best does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.reading.techniques import softmax

PRECISION: Final = 0.8
"""Share of the answers given that should be right."""

BOUNDS: Final = (0.25, 8.0)
"""Between which temperatures the best one is looked for."""

STEPS: Final = 12
"""Of the search, each of which leaves two thirds of what is between the bounds: 3 % in the end."""

WEIGHTS: Final = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0)
"""Weights of the words' scores that are tried; those are about ten times as small as the network's."""

FEWEST: Final = 30
"""Answers above a threshold that are too few to say how many of them are right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What `labels.json` says of techniques, and what it comes to."""

    terms: float
    """Weight of the words' scores beside the network's; 0: the network alone."""
    temperature: float
    threshold: float
    """Probability from which an answer is given; 1: never, as none is sure enough."""
    precision: float
    """Share of the given answers that are right."""
    coverage: float
    """Share of the sentences that have an answer to give, and get one."""


def calibrate(
    scores: NDArray[np.float32],
    gold: NDArray[np.int64],
    *,
    terms: NDArray[np.float32] | None = None,
    precision: float = PRECISION,
) -> Calibration:
    """Return temperature and threshold for what a model said of sentences that it has not seen.

    Args:
        scores: of each answer, [S, T]; place 0 is "no answer", which is never given.
        terms: those of the words, which are added with the weight that surprises least; None: there are none.
        gold: the right answer of each sentence, [S]; 0: none is right; -1: one that the model does not know.
        precision: of what is given, to be reached with the lowest threshold that does.

    Raises:
        ValueError: there are no sentences.
    """
    if not len(scores):
        raise ValueError("nothing to calibrate with: there are no sentences")
    known = gold >= 0
    weights = (0.0,) if terms is None else WEIGHTS
    tried = [(*_temperature(_summed(scores, terms, one)[known], gold[known]), one) for one in weights]
    _, temperature, weight = min(tried)
    sure = softmax(_summed(scores, terms, weight) / np.float32(temperature))
    threshold, right, coverage = _threshold(sure, gold, precision=precision)
    return Calibration(
        terms=weight, temperature=round(temperature, 3), threshold=threshold, precision=right, coverage=coverage
    )


def _summed(scores: NDArray[np.float32], terms: NDArray[np.float32] | None, weight: float) -> NDArray[np.float32]:
    return scores if terms is None else scores + np.float32(weight) * terms


def _temperature(scores: NDArray[np.float32], gold: NDArray[np.int64]) -> tuple[float, float]:
    """Return the least surprise that a temperature leaves, and that temperature; there is one minimum."""
    low, high = np.log(BOUNDS)
    for _ in range(STEPS):
        third = (high - low) / 3
        if _surprise(scores, gold, np.exp(low + third)) < _surprise(scores, gold, np.exp(high - third)):
            high -= third
        else:
            low += third
    best = float(np.exp((low + high) / 2))
    return _surprise(scores, gold, best), best


def _surprise(scores: NDArray[np.float32], gold: NDArray[np.int64], temperature: float) -> float:
    """Return the mean negative log-likelihood of what is right."""
    if not len(gold):
        return 0.0
    sure = softmax(scores / np.float32(temperature))[np.arange(len(gold)), gold]
    return float(-np.log(np.maximum(sure, 1e-12)).mean())


def _threshold(sure: NDArray[np.float64], gold: NDArray[np.int64], *, precision: float) -> tuple[float, float, float]:
    """Return the lowest threshold that is precise enough, its precision, and its coverage."""
    best, probability = sure[:, 1:].argmax(1) + 1, sure[:, 1:].max(1)
    order = np.argsort(-probability, kind="stable")
    given = np.arange(1, len(order) + 1)
    share = np.cumsum((best == gold)[order]) / given
    enough = np.flatnonzero((share >= precision) & (given >= min(FEWEST, len(order))))
    if not len(enough):
        return 1.0, 0.0, 0.0
    # Rounded up, so that what is just below stays below.
    threshold = min(1.0, float(np.ceil(probability[order[enough[-1]]] * 1000) / 1000))
    told = probability >= threshold
    right = float((best == gold)[told].mean()) if told.any() else 0.0
    return threshold, right, float((told & (gold != 0)).sum() / max(int((gold != 0).sum()), 1))
