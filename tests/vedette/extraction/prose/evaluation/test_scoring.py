"""Entities are counted as seqeval counts them, strictly."""

from __future__ import annotations

import importlib
import random
import warnings

import pytest

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.evaluation.scoring import ALL, Score, scores, tag_scores


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("", []),
        ("O O", []),
        ("B-A", [("A", 0, 1)]),
        ("B-A I-A O B-A", [("A", 0, 2), ("A", 3, 4)]),
        ("B-A B-A", [("A", 0, 1), ("A", 1, 2)]),
        ("B-A I-B I-A", [("A", 0, 1)]),
        ("I-A I-A O", []),
        ("O I-A B-A I-A", [("A", 2, 4)]),
        ("B-A I-A I-A", [("A", 0, 3)]),
    ],
)
def test_an_entity_begins_with_b_and_goes_on_with_its_own_label(
    tags: str, wanted: list[tuple[str, int, int]]
) -> None:
    assert list(runs(tags.split())) == wanted


def test_an_end_that_is_wrong_counts_twice() -> None:
    found = tag_scores([["B-A", "I-A", "O", "B-B"]], [["B-A", "O", "O", "B-B"]])
    assert found["A"] == Score(right=0, given=1, wanted=1)
    assert found[ALL] == Score(right=1, given=2, wanted=2)
    assert found[ALL].f1 == 0.5


def test_the_same_words_of_two_sentences_are_two_entities() -> None:
    assert tag_scores([["B-A"], ["O"]], [["O"], ["B-A"]])["A"] == Score(right=0, given=1, wanted=1)


def test_what_is_nowhere_has_figures_of_zero() -> None:
    empty = scores([], [])[ALL]
    assert (empty.precision, empty.recall, empty.f1) == (0, 0, 0)


def test_tags_of_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of the same words"):
        tag_scores([["O", "O"]], [["O"]])


def test_it_says_what_seqeval_says() -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="seqeval is in the extra `train`")
    scheme = importlib.import_module("seqeval.scheme")
    dice = random.Random(10)
    tags = ["O", "O", "B-A", "I-A", "B-B", "I-B", "I-C"]
    for _ in range(50):
        lengths = [dice.randint(1, 12) for _ in range(8)]
        wanted, given = ([[dice.choice(tags) for _ in range(size)] for size in lengths] for _ in range(2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = seqeval.classification_report(
                wanted, given, mode="strict", scheme=scheme.IOB2, output_dict=True, zero_division=0
            )
        found = tag_scores(wanted, given)
        for label, there in {**report, ALL: report["micro avg"]}.items():
            if label.endswith(" avg"):
                continue
            ours = found[label]
            assert there["support"] == ours.wanted
            assert [there["precision"], there["recall"], there["f1-score"]] == pytest.approx(
                [ours.precision, ours.recall, ours.f1]
            )
