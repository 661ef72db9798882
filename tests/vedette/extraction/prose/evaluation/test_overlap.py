"""Sentences that were learned are found in what is measured, the same ones and near ones."""

from __future__ import annotations

import json
from pathlib import Path

from vedette.extraction.prose.evaluation.overlap import SETS, measure_overlap, sentence_overlap

LEARNED = ("the malware drops a file into the folder of the user", "it is new")
TRAIN = [tuple(one.split()) for one in LEARNED]


def shares(dev: list[str]) -> tuple[float, float]:
    same, near = sentence_overlap("x", TRAIN, [tuple(one.split()) for one in dev])
    return same.value, near.value


def test_the_same_sentence_is_the_same_and_near() -> None:
    assert shares([LEARNED[0], "nobody has ever seen it do that"]) == (
        0.5,
        0.5,
    )


def test_a_changed_word_at_the_end_is_near() -> None:
    assert shares(["the malware drops a file into the folder of the system"]) == (0, 1)


def test_common_words_in_another_order_are_neither() -> None:
    assert shares(["the user drops the folder into a file of the malware"]) == (0, 0)


def test_short_sentences_say_nothing() -> None:
    assert shares(["it is new"]) == (0, 0)


def test_many_equal_sentences_take_no_longer() -> None:
    same, near = sentence_overlap("x", [("a", "b", "c", "d", "e")] * 3_000, [("a", "b", "c", "d", "e")] * 1_000)
    assert (same.value, near.value) == (1, 0)


def test_names_that_train_has_are_counted(tmp_path: Path) -> None:
    for name in SETS:
        (tmp_path / "ner" / name).mkdir(parents=True)
        for split, word in (("train", "Qakbot"), ("dev", "qakbot"), ("dev", "Emotet")):
            line: dict[str, object] = {"tokens": [word, "runs"], "tags": ["B-M", "O"]}
            if name in {"attack_ttp", "tram"}:
                line = {"text": f"{word} runs", "technique": "T1059"}
            with (tmp_path / "ner" / name / f"{split}.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
    known = {one.part: one.value for one in measure_overlap(tmp_path) if one.figure == "known-names"}
    assert known == dict.fromkeys(set(SETS) - {"attack_ttp", "tram"}, 0.5)
