"""Each measure, on a few lines of data and a reader that answers from a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.evaluation.describing import measure_techniques, technique_measures
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.pairs import measure_pairs
from vedette.extraction.prose.evaluation.parsing import measure_parses, parse_shares
from vedette.extraction.prose.evaluation.tagging import IN_THEIRS, is_picked, measure_tags
from vedette.extraction.prose.ports import Pair, SentenceReading, Span
from vedette.extraction.prose.training.sets import MEANINGS, OURS, Parsed
from vedette.extraction.prose.training.technique_sets import Described, described, plain

Line = Mapping[str, object]


class Listed:
    """Says the same of every sentence."""

    threshold = 0.5

    def __init__(
        self, *, tags: Mapping[str, list[str]] | None = None, techniques: str = "", related: str = ""
    ) -> None:
        self._tags = tags or {}
        self._techniques = [(name, 0.9 - 0.2 * place) for place, name in enumerate(techniques.split())]
        self._related = related.split()

    def in_labels(self, sentences: Sequence[Sequence[str]], head: str) -> list[list[str]]:
        return [self._tags.get(head, ["O"] * len(words)) for words in sentences]

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        return [
            SentenceReading(
                spans=[
                    Span(start=start, end=end, label=label, confidence=0.9)
                    for label, start, end in runs(self._tags.get("vedette", []))
                ],
                pos=["VERB"] * len(words),
                heads=range(len(words)),
                relations=["root", *["obj"] * (len(words) - 1)],
                techniques=self._techniques,
            )
            for words in sentences
        ]

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        return [(relation, 0.9) for relation, _ in zip(self._related, pairs, strict=True)]


def written(data: Path, name: str, lines: Sequence[Line]) -> None:
    folder = data / "ner" / name
    folder.mkdir(parents=True)
    (folder / "dev.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def named(measures: Sequence[Measure]) -> dict[str, float]:
    return {one.name: one.value for one in measures}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    words = ["Acme", "Anvil", "fell"]
    written(tmp_path, "cyner", [{"tokens": words, "tags": ["B-Organization", "B-System", "O"]}])
    written(tmp_path, "annoctr", [{"tokens": words, "tags": ["B-ORG", "B-CON", "O"]}])
    written(tmp_path, "kev_auto", [{"tokens": words, "tags": ["B-VENDOR", "B-SOFTWARE", "O"]}])
    written(tmp_path, "attack_distant", [{"tokens": words, "tags": ["O", "B-TOOL", "O"]}])
    return tmp_path


def test_each_set_is_read_in_its_labels_and_in_ours(data: Path) -> None:
    reader = Listed(tags={"kev": ["B-VENDOR", "O", "O"], "vedette": ["B-VENDOR", "B-OS", "B-FILE"]})
    found = named(measure_tags(reader, data))
    assert found["kev_auto.all.recall"] == 0.5
    assert found["kev_auto.all.precision"] == 1
    assert found["kev_auto-in-our-labels.SOFTWARE.f1"] == 1
    assert found["kev_auto-in-our-labels.all.precision"] == pytest.approx(2 / 3)
    # CyNER does not look for a file alone, and nobody looks for concepts in our labels.
    assert found["cyner-in-our-labels.all.f1"] == 1
    assert found["annoctr-in-our-labels.all.f1"] == 1
    assert found["cyner.all.f1"] == 0


def test_a_target_is_for_what_there_is(data: Path) -> None:
    targets = {one.name for one in measure_tags(Listed(), data) if one.target is not None}
    assert targets == {"cyner.all.f1", "annoctr.all.f1", "kev_auto.VENDOR.f1", "kev_auto.SOFTWARE.f1"}


def test_what_is_compared_is_labelled_by_both() -> None:
    for name, theirs in IN_THEIRS.items():
        assert set(theirs) <= set(OURS)
        for ours, label in theirs.items():
            assert ours in MEANINGS[name].means[label]


def test_a_share_of_the_sentences_is_always_the_same_one() -> None:
    sentences = [["Sentence", str(number)] for number in range(4_000)]
    picked = [is_picked(words, 0.25) for words in sentences]
    assert 800 < sum(picked) < 1_200
    assert all(is_picked(words, 0.5) for words, now in zip(sentences, picked, strict=True) if now)
    assert all(is_picked(words, 1) for words in sentences)
    assert not any(is_picked(words, 0) for words in sentences)


def test_a_parse_is_compared_with_and_without_its_subtypes(tmp_path: Path) -> None:
    (tmp_path / "ud").mkdir()
    rows = (
        "1\tIt\tit\tPRON\t_\t_\t0\troot\t_\t_\n1-2\tx\t_\n2\truns\t_\tVERB\t_\t_\t1\tobj:x\t_\t_\n"
        "3\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\t_\n"
    )
    (tmp_path / "ud" / "en_ewt-ud-dev.conllu").write_text(f"# text = It runs.\n{rows}\n")
    found = named(measure_parses(Listed(), tmp_path))
    assert found == {
        "ud-ewt.all.upos": pytest.approx(1 / 3),
        "ud-ewt.all.uas": pytest.approx(2 / 3),
        "ud-ewt.all.las": pytest.approx(1 / 3),
        "ud-ewt.all.las-universal": pytest.approx(2 / 3),
    }


def test_a_reading_of_other_words_is_refused() -> None:
    one = Parsed(words=["a"], upos=["X"], heads=[0], deprel=["root"])
    with pytest.raises(ValueError, match="zip"):
        parse_shares([one], [SentenceReading()])


def test_no_relation_counts_for_nothing(tmp_path: Path) -> None:
    pair = {
        "tokens": ["A", "uses", "B"],
        "head": {"start": 0, "end": 1, "type": "MALWARE"},
        "tail": {"start": 2, "end": 3, "type": "TOOL"},
    }
    relations = ["uses", "uses", "none", "none", "attributed-to"]
    written(tmp_path, "attack_re", [{**pair, "relation": relation} for relation in relations])
    found = named(measure_pairs(Listed(related="uses none uses none none"), tmp_path))
    assert (found["attack_re.uses.precision"], found["attack_re.uses.recall"]) == (0.5, 0.5)
    assert found["attack_re.all.f1"] == pytest.approx(2 / 5)
    assert found["attack_re.all.macro-f1"] == pytest.approx(1 / 4)
    assert "attack_re.none.f1" not in found


def test_techniques_are_ranked_and_only_sure_ones_told(tmp_path: Path) -> None:
    for name in ("attack_ttp", "tram"):
        lines = [{"text": "It runs cmd.exe.", "technique": one} for one in ("T1059.003", "T1574.002")]
        written(tmp_path, name, lines)
    none = {"tokens": ["It", "rained", "."], "tags": ["O", "O", "O"]}
    some = {"tokens": ["It", "ran", "."], "tags": ["O", "B-TACTIC", "O"]}
    written(tmp_path, "annoctr", [none, some])
    found = named(measure_techniques(Listed(techniques="T1059.001 T1059.003 T1574.001"), tmp_path))
    assert [found[f"tram.all.top-{rank}"] for rank in (1, 3, 5)] == [0, 1, 1]
    assert (found["tram.all.told"], found["tram.all.precision"], found["tram.all.family-precision"]) == (1, 0, 0.5)
    assert found["no-technique.all.false-alarms"] == 1
    assert [one.words for one in plain(tmp_path)] == [["It", "rained", "."]]
    assert described(tmp_path, "tram")[0].words == ["It", "runs", "cmd.exe", "."]


def test_techniques_that_are_not_sure_are_not_told() -> None:
    wanted = [Described(words=["x"], technique="T1"), Described(words=["y"], technique="T2")]
    given = [SentenceReading(techniques=[("T1", 0.4)]), SentenceReading()]
    found = named(technique_measures("tram", wanted, given, threshold=0.5))
    assert (found["tram.all.top-1"], found["tram.all.told"], found["tram.all.precision"]) == (0.5, 0, 0)


def test_no_sentences_are_no_error() -> None:
    assert technique_measures("tram", [], [], threshold=0.5)[-1].value == 0
