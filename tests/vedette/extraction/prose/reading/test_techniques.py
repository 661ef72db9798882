"""Techniques from scores."""

from __future__ import annotations

import numpy as np
import pytest

from vedette.extraction.prose.reading.techniques import ranked


def test_the_best_come_first_and_none_is_not_given() -> None:
    scores = np.log(np.array([0.4, 0.05, 0.3, 0.2, 0.05], dtype=np.float32))

    found = ranked(scores, ["", "T1001", "T1002", "T1003", "T1004"], temperature=1.0, threshold=0.25)

    assert [name for name, _ in found][:2] == ["T1002", "T1003"]
    assert found[0][1] == pytest.approx(0.3, abs=1e-5)
    assert "" not in dict(found)


def test_a_higher_temperature_makes_less_sure() -> None:
    scores = np.array([0.0, 3.0, 1.0], dtype=np.float32)
    ids = ["", "T1001", "T1002"]

    cold, warm = (ranked(scores, ids, temperature=one, threshold=0.9)[0][1] for one in (1.0, 3.0))

    assert warm < cold


def test_at_most_five_are_given_and_probabilities_are_shares() -> None:
    ids = ["", *(f"T{1000 + number}" for number in range(40)), "T1001.001", "T1001.002"]

    found = ranked(np.full(len(ids), 1e4, dtype=np.float32), ids, temperature=0.01, threshold=0.001)

    assert len(found) == 5
    assert all(0 <= sure <= 1 for _, sure in found)
