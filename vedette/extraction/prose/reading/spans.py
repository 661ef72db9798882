"""What the best tags of a sentence say: entities, and how sure the model is of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.ports import Span


def spans(tags: Sequence[str], sure: NDArray[np.float32]) -> list[Span]:
    """Return the entities of a sentence, each with the mean probability of its tags.

    Args:
        tags: one a word, a sequence that BIO allows.
        sure: probability of each.
    """
    found: list[Span] = []
    begin = 0
    for place in range(1, len(tags) + 1):
        if place < len(tags) and tags[place].startswith("I-"):
            continue
        if tags[begin].startswith("B-"):
            mean = min(1.0, float(sure[begin:place].mean()))
            found.append(Span(start=begin, end=place, label=tags[begin][2:], confidence=mean))
        begin = place
    return found
