"""Techniques by words: what was learned is kept, read again, and scores as TF-IDF does."""

from __future__ import annotations

import json
import math
import random
import string
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from vedette.extraction.prose.reading.reader import WeightsReader
from vedette.extraction.prose.reading.term_scores import FILE, TermScores, TermWeights
from vedette.extraction.prose.reading.weights import Weights, WeightsError
from vedette.extraction.prose.technique_terms import LONGEST, MOST, terms

WEIGHTS = TermWeights(
    vocabulary=np.frombuffer(b"keys\nlogs\nlogs keys\ntask", dtype=np.uint8),
    rarity=np.array([2, 1, 4, 3], dtype=np.float32),
    begins=np.array([0, 2, 2, 3, 4], dtype=np.int32),
    techniques=np.array([1, 2, 1, 2], dtype=np.uint16),
    values=np.array([50, -10, 100, 120], dtype=np.int8),
    step=np.array([0.01], dtype=np.float32),
    bias=np.array([-1, -0.5, -0.25], dtype=np.float32),
)


def test_terms_are_words_and_pairs_without_signs() -> None:
    assert terms(["It", "logs", ",", "Keys", "!"]) == ["it", "logs", "keys", "it logs", "logs keys"]
    assert terms(["port", "4444"]) == terms(["port", "80"])
    assert terms(["x" * (LONGEST + 1), "A1"]) == ["<long>", "a0", "<long> a0"]
    assert terms([]) == terms(["...", "—"]) == []


def test_a_score_is_the_sum_of_what_its_terms_say() -> None:
    scores = TermScores(WEIGHTS).of(["It", "logs", "keys", "keys"])
    keys, logs, pair = (1 + math.log(2)) * 2, 1.0, 4.0
    size = math.sqrt(keys**2 + logs**2 + pair**2)
    wanted = [-1, -0.5 + (0.5 * keys + 1.0 * pair) / size, -0.25 - 0.1 * keys / size]
    assert scores == pytest.approx(wanted, abs=1e-6)


def test_words_that_nobody_knows_say_nothing() -> None:
    scores = TermScores(WEIGHTS).of(["rain"])
    assert scores.tolist() == WEIGHTS.bias.tolist()
    scores[:] = 7
    assert TermScores(WEIGHTS).of([]).tolist() == [-1, -0.5, -0.25]


def test_what_is_packed_is_unpacked() -> None:
    packed = WEIGHTS.packed()
    again = TermWeights.unpacked(packed)
    assert again.names() == ["keys", "logs", "logs keys", "task"]
    assert again.packed() == packed
    assert TermScores(again).of(["task"]).tolist() == TermScores(WEIGHTS).of(["task"]).tolist()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", WEIGHTS.packed()[:-40]])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="what training writes"):
        TermWeights.unpacked(content)


@pytest.mark.parametrize(
    "damaged",
    [
        replace(WEIGHTS, begins=np.array([0, 2, 1, 3, 4], dtype=np.int32)),
        replace(WEIGHTS, begins=np.array([0, 2, 2, 3, 9], dtype=np.int32)),
        replace(WEIGHTS, techniques=np.array([1, 2, 1, 3], dtype=np.uint16)),
        replace(WEIGHTS, rarity=np.ones(3, dtype=np.float32)),
        replace(WEIGHTS, vocabulary=np.frombuffer(b"keys", dtype=np.uint8)),
        replace(WEIGHTS, techniques=np.array([1], dtype=np.uint16)),
    ],
)
def test_parts_that_do_not_fit_are_refused(damaged: TermWeights) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        TermWeights.unpacked(damaged.packed())


def test_an_array_of_objects_is_refused() -> None:
    harmful = replace(WEIGHTS, bias=np.array([print, print, print], dtype=object))
    with pytest.raises(ValueError, match="what training writes"):
        TermWeights.unpacked(harmful.packed())


def test_any_words_give_finite_scores() -> None:
    dice = random.Random(3)
    scorer = TermScores(WEIGHTS)
    for _ in range(50):
        words = ["".join(dice.choices(string.printable + "\u202eé\x00", k=dice.randint(0, 30))) for _ in range(600)]
        words += ["keys"] * dice.randint(0, MOST)
        dice.shuffle(words)
        assert np.isfinite(scorer.of(words)).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights, told to listen to the words."""
    made = tmp_path_factory.mktemp("weights")
    shipped = Path(str(files("vedette.extraction.prose"))) / "weights"
    for name in ("model.onnx", "tokenizer.json", "names.txt"):
        (made / name).symlink_to(shipped / name)
    labels = json.loads((shipped / "labels.json").read_text())
    (made / "labels.json").write_text(json.dumps({**labels, "terms": 1_000.0, "temperature": 1.0}))
    bias = np.full(len(labels["techniques"]), -1, dtype=np.float32)
    some = replace(WEIGHTS, bias=bias, techniques=np.array([5, 6, 5, 6], dtype=np.uint16))
    (made / FILE).write_bytes(some.packed())
    return made


def test_what_the_words_say_is_heard(folder: Path) -> None:
    weights = Weights(folder)
    keys, task = WeightsReader(weights).read([["logs", "keys"], ["a", "task"]])
    assert [keys.techniques[0][0], task.techniques[0][0]] == [
        weights.labels.techniques[5],
        weights.labels.techniques[6],
    ]


def test_weights_of_words_for_other_techniques_are_refused(folder: Path) -> None:
    kept = (folder / FILE).read_bytes()
    try:
        (folder / FILE).write_bytes(WEIGHTS.packed())
        with pytest.raises(WeightsError, match="not those of labels"):
            WeightsReader(Weights(folder))
        (folder / FILE).write_bytes(b"damaged")
        with pytest.raises(WeightsError, match=FILE):
            WeightsReader(Weights(folder))
    finally:
        (folder / FILE).write_bytes(kept)
