"""ATT&CK techniques from scores, the best first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.technique_ids import with_families

MOST = 5
"""Techniques of a sentence that are given."""

_LOOKED_AT = 20
"""Techniques that are looked at for families; the rest has next to no probability."""


def ranked(
    scores: NDArray[np.float32], ids: Sequence[str], *, temperature: float, threshold: float
) -> list[tuple[str, float]]:
    """Return the most probable techniques of a sentence.

    Args:
        scores: of each id, [T].
        ids: in the order of the scores; the empty one is no technique, and is not given.
        temperature: divides the scores, so that the probabilities are true (Guo et al. 2017).
        threshold: probability from which a technique is said.
    """
    sure = softmax(scores / temperature)
    best = np.argsort(-sure, kind="stable")[:_LOOKED_AT]
    named = [(ids[place], float(sure[place])) for place in best if ids[place]]
    return [(name, min(1.0, probability)) for name, probability in with_families(named, threshold=threshold)[:MOST]]


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities, along the last axis."""
    raised = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    made: NDArray[np.float64] = raised / raised.sum(-1, keepdims=True)
    return made
