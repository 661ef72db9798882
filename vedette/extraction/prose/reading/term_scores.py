"""Techniques by the words of a sentence: a sparse linear model, beside the network's own head.

Which of hundreds of techniques a sentence describes hangs on few words ("scheduled task", "keystrokes"), and most
techniques have few examples: there a linear model over TF-IDF (Salton and Buckley 1988) is hard to beat.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.technique_terms import terms

FILE: Final = "techniques.npz"


@dataclass(frozen=True, kw_only=True)
class TermWeights:
    """What was learned: for each term the techniques that it speaks for or against, in 8 bits."""

    vocabulary: NDArray[np.uint8]
    """The terms, UTF-8, a line each."""
    rarity: NDArray[np.float32]
    """Inverse document frequency of each term, [F]."""
    begins: NDArray[np.int32]
    """Where each term's weights begin, [F + 1]."""
    techniques: NDArray[np.uint16]
    """Of each weight, its technique's place in `labels.json`, [N]."""
    values: NDArray[np.int8]
    """The weights, [N], in steps of `step`."""
    step: NDArray[np.float32]
    """[1]."""
    bias: NDArray[np.float32]
    """Of each technique, [T]."""

    def packed(self) -> bytes:
        """Return it as a file."""
        made = io.BytesIO()
        np.savez_compressed(made, **{one.name: getattr(self, one.name) for one in fields(self)})
        return made.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> TermWeights:
        """Return what a file holds.

        Raises:
            ValueError: it does not hold that.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as kept:
                made = cls(**{one.name: kept[one.name] for one in fields(cls)})
        except (OSError, KeyError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"is not what training writes: {error}") from error
        counts = (len(made.begins) - 1, len(made.rarity), len(made.names()))
        in_order = (np.diff(made.begins) >= 0).all() and made.begins[0] == 0 and made.begins[-1] == len(made.values)
        known = made.techniques.max(initial=0) < len(made.bias) and len(made.techniques) == len(made.values)
        if len(set(counts)) != 1 or not in_order or not known:
            raise ValueError("its parts do not fit each other")
        return made

    def names(self) -> list[str]:
        """Return the terms."""
        return self.vocabulary.tobytes().decode().split("\n")


class TermScores:
    """Scores sentences by their terms."""

    def __init__(self, weights: TermWeights) -> None:
        self._weights = weights
        self._places = {term: place for place, term in enumerate(weights.names())}

    def of(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the score of each technique for one sentence, [T]: distances from a hyperplane, about -1 to 1."""
        kept = self._weights
        known = Counter(place for term in terms(words) if (place := self._places.get(term)) is not None)
        if not known:
            return kept.bias.copy()
        places = np.fromiter(known, dtype=np.int64, count=len(known))
        often = np.fromiter(known.values(), dtype=np.float64, count=len(known))
        given = (1 + np.log(often)) * kept.rarity[places]
        given /= np.sqrt((given**2).sum())
        begins, ends = kept.begins[places], kept.begins[places + 1]
        chosen = np.concatenate([np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)])
        spoken = kept.values[chosen] * np.repeat(given, ends - begins)
        summed = np.bincount(kept.techniques[chosen], weights=spoken, minlength=len(kept.bias))
        return (kept.bias + kept.step * summed).astype(np.float32)
