"""The best tags that BIO allows: as trying all sequences finds them, whatever a sentence is read with."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vedette.extraction.prose.viterbi import BioDecoder

NAMES = ("O", "B-MALWARE", "I-MALWARE", "B-TOOL", "I-TOOL")


def allowed(names: list[str]) -> bool:
    """Tell whether a sequence is IOB2."""
    behind = ["O", *names[:-1]]
    return all(
        not one.startswith("I-") or last in (one, "B-" + one[2:]) for last, one in zip(behind, names, strict=True)
    )


def test_the_best_allowed_sequence_is_found_whatever_the_lengths() -> None:
    scores = np.random.default_rng(1).normal(0, 2, (40, 4, len(NAMES))).astype(np.float32)
    lengths = [1 + row % 4 for row in range(40)]

    found = BioDecoder(NAMES).decode(scores, lengths)

    assert [len(path) for path in found] == lengths
    for row, path in enumerate(found):
        assert allowed([NAMES[tag] for tag in path])
        worth = scores[row, range(len(path)), path].sum()
        ways = itertools.product(range(len(NAMES)), repeat=len(path))
        best = max(scores[row, range(len(way)), way].sum() for way in ways if allowed([NAMES[tag] for tag in way]))
        assert worth == pytest.approx(best, abs=1e-4)


def test_a_sentence_is_read_alone_as_in_a_batch() -> None:
    decoder = BioDecoder(NAMES)
    scores = np.random.default_rng(2).normal(0, 2, (6, 9, len(NAMES))).astype(np.float32)
    lengths = [9, 1, 4, 7, 2, 5]

    together = decoder.decode(scores, lengths)

    alone = [decoder.decode(scores[row : row + 1, :length], [length])[0] for row, length in enumerate(lengths)]
    assert together == alone


def test_nothing_is_nothing() -> None:
    decoder = BioDecoder(NAMES)

    assert decoder.decode(np.zeros((0, 0, 5), dtype=np.float32), []) == []
    assert decoder.decode(np.zeros((1, 3, 5), dtype=np.float32), [0]) == [[]]
