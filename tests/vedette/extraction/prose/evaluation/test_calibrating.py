"""Probabilities become true, and what is said above the threshold is as often right as was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vedette.extraction.prose.evaluation.calibrating import calibrate
from vedette.extraction.prose.reading.techniques import softmax

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def drawn(seed: int, *, overconfident: float = 1.0, count: int = 4_000) -> Drawn:
    """Scores whose probabilities are true, made too sure of themselves; place 0 is no answer."""
    dice = np.random.default_rng(seed)
    scores = dice.normal(0, 2, (count, 12)).astype(np.float32)
    sure = softmax(scores)
    gold = np.array([dice.choice(12, p=row) for row in sure], dtype=np.int64)
    return scores * np.float32(overconfident), gold


@pytest.mark.parametrize("overconfident", [0.5, 1.0, 3.0])
def test_the_temperature_takes_back_what_is_too_sure(overconfident: float) -> None:
    found = calibrate(*drawn(1, overconfident=overconfident))
    assert found.temperature == pytest.approx(overconfident, rel=0.1)


def test_what_is_said_is_right_as_often_as_asked() -> None:
    for precision in (0.6, 0.8, 0.9):
        found = calibrate(*drawn(2), precision=precision)
        assert found.precision >= precision - 0.01
        assert 0.02 < found.coverage < 1
        scores, gold = drawn(3)
        sure = softmax(scores / np.float32(found.temperature))[:, 1:]
        told = sure.max(1) >= found.threshold
        assert ((sure.argmax(1) + 1) == gold)[told].mean() >= precision - 0.06


def test_more_precision_is_a_higher_threshold() -> None:
    steps = [calibrate(*drawn(4), precision=precision) for precision in (0.5, 0.7, 0.9)]
    assert steps[0].threshold < steps[1].threshold < steps[2].threshold
    assert steps[0].coverage > steps[1].coverage > steps[2].coverage


def test_a_model_that_knows_nothing_says_nothing() -> None:
    dice = np.random.default_rng(5)
    gold = dice.integers(0, 50, 1_000)
    found = calibrate(dice.normal(0, 1, (1_000, 50)).astype(np.float32), gold)
    assert (found.threshold, found.coverage) == (1.0, 0.0)


def test_with_sentences_without_an_answer_less_is_said() -> None:
    scores, gold = drawn(6)
    before = calibrate(scores, gold)
    nothing = drawn(7)[0]
    nothing[:, 0] = nothing[:, 1:].max(1) - 1
    after = calibrate(
        np.concatenate([scores, nothing]), np.concatenate([gold, np.zeros(len(nothing), dtype=np.int64)])
    )
    assert after.coverage < before.coverage
    assert after.precision >= 0.79


def test_answers_that_the_model_does_not_know_count_as_wrong_and_not_for_the_temperature() -> None:
    scores, gold = drawn(8)
    unknown = np.where(np.arange(len(gold)) % 3 == 0, -1, gold)
    found, before = calibrate(scores, unknown), calibrate(scores, gold)
    assert found.temperature == pytest.approx(before.temperature, rel=0.1)
    assert found.threshold > before.threshold


def test_nothing_cannot_be_calibrated() -> None:
    with pytest.raises(ValueError, match="no sentences"):
        calibrate(np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.int64))


def test_only_unknown_answers_are_no_error() -> None:
    found = calibrate(drawn(9, count=40)[0], np.full(40, -1))
    assert found.threshold == 1.0


def test_what_the_words_say_is_added_as_far_as_it_helps() -> None:
    scores, gold = drawn(10, count=2_000)
    noise = np.random.default_rng(11).normal(0, 1, scores.shape).astype(np.float32)
    assert calibrate(scores, gold, terms=noise).terms == 0
    hidden = noise * 4
    found = calibrate(scores - hidden, gold, terms=noise)
    assert found.terms == 4
    assert found.temperature == pytest.approx(1, rel=0.1)
    assert found.coverage > 2 * calibrate(scores - hidden, gold).coverage
