"""What the best tags of a sentence say: entities, and how sure the model is of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.ports import Span


def spans(tags: Sequence[str], sure: NDArray[np.float32]) -> list[Span]:
    """Return the entities of a sentence, each with the mean probability of its tags.

    Args:
        tags: one a word, a sequence that BIO allows.
        sure: probability of each.
    """
    return [
        Span(start=start, end=end, label=label, confidence=min(1.0, float(sure[start:end].mean())))
        for label, start, end in runs(tags)
    ]
