"""The best tags of a sentence among those that BIO allows (Viterbi 1967): `I-X` only after `B-X` or `I-X`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NEVER = np.float32(-1e9)


class BioDecoder:
    """Decodes one head's tags, many sentences at once."""

    def __init__(self, tags: Sequence[str]) -> None:
        """Describe it.

        Args:
            tags: `O`, and `B-X` and `I-X` of each label, in the order of the head's outputs.
        """
        self.tags = tuple(tags)
        cost = np.zeros((len(tags), len(tags)), dtype=np.float32)
        for to, tag in enumerate(tags):
            if tag.startswith("I-"):
                cost[:, to] = [0 if before in {f"B-{tag[2:]}", tag} else _NEVER for before in tags]
        self._moves = cost
        self._begin = np.array([_NEVER if tag.startswith("I-") else 0 for tag in tags], dtype=np.float32)

    def decode(self, scores: NDArray[np.float32], lengths: Sequence[int]) -> list[list[int]]:
        """Return the best path of each sentence, as places in `tags`.

        Args:
            scores: log-probabilities, [sentences, words, tags].
            lengths: words of each sentence; what is behind them is padding.
        """
        if not len(lengths):
            return []
        count, longest, _ = scores.shape
        best = scores[:, 0] + self._begin
        came_from = np.zeros(scores.shape, dtype=np.int16)
        bests = [best]
        for word in range(1, longest):
            moved = best[:, :, None] + self._moves
            came_from[:, word] = moved.argmax(1)
            best = moved.max(1) + scores[:, word]
            bests.append(best)
        return [self._back(bests, came_from[place], place, lengths[place]) for place in range(count)]

    def _back(
        self, bests: list[NDArray[np.float32]], came_from: NDArray[np.int16], place: int, length: int
    ) -> list[int]:
        if length == 0:
            return []
        path = [int(bests[length - 1][place].argmax())]
        for word in range(length - 1, 0, -1):
            path.append(int(came_from[word, path[-1]]))
        return path[::-1]
