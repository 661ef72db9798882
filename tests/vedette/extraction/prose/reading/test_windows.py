"""Windows and batches: every word once, cut behind signs, the longest sentences last, padding is 0."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.prose.features import MAX_WORDS, Featurizer
from vedette.extraction.prose.reading.weights import Weights
from vedette.extraction.prose.reading.windows import batches, cut, inputs

FEATURIZER: Featurizer = Weights.shipped().featurizer()


@given(st.lists(st.sampled_from(["word", ",", ".", "evil.example", "a" * 3_000, "\udc80", "攻击", ""]), max_size=450))
def test_every_word_is_in_one_window(words: list[str]) -> None:
    windows = list(cut(7, words, FEATURIZER))

    assert [place for window in windows for place in range(window.start, window.end)] == list(range(len(words)))
    for window in windows:
        assert window.sentence == 7
        assert window.end - window.start == len(window.features.first) <= MAX_WORDS


def test_a_long_sentence_is_cut_behind_a_sign() -> None:
    words = ["word"] * 70 + [","] + ["word"] * 9 + [";"] + ["word"] * 60

    assert [(window.start, window.end) for window in cut(0, words, FEATURIZER)] == [(0, 81), (81, 141)]


def test_a_batch_has_room_for_its_padding() -> None:
    windows = [window for size in (5, 90, 3, 40, 4) for window in cut(size, ["word"] * size, FEATURIZER)]

    made = [[window.sentence for window in batch] for batch in batches(windows, pieces=21)]

    assert made == [[3, 4, 5], [40], [90]]
    assert [[window.sentence for window in batch] for batch in batches(windows, pieces=1)] == [
        [3],
        [4],
        [5],
        [40],
        [90],
    ]
    assert list(batches([], pieces=5)) == []


def test_inputs_are_padded_with_0() -> None:
    windows = [*cut(0, ["Emotet"], FEATURIZER), *cut(1, ["a", "b", "c"], FEATURIZER)]

    made = inputs(windows)

    assert {name: rows.shape[0] for name, rows in made.items()} == dict.fromkeys(made, 2)
    assert made["first"].shape == (2, 3)
    assert made["first"][0, 1:].tolist() == [0, 0]
    assert made["mask"].sum(1).tolist() == [len(window.features.pieces) for window in windows]
    for name in ("pieces", "shapes", "names", "roles"):
        assert not made[name][made["mask"] == 0].any()
        assert made[name].dtype == np.int64
