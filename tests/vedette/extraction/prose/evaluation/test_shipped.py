"""The shipped weights read as well as their card says, on a part of the labelled data."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.extraction.prose.evaluation.__main__ import main
from vedette.extraction.prose.evaluation.calibrating import calibrate
from vedette.extraction.prose.evaluation.describing import to_calibrate
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.pairs import measure_pairs
from vedette.extraction.prose.evaluation.parsing import measure_parses
from vedette.extraction.prose.evaluation.report import figures_of
from vedette.extraction.prose.evaluation.tagging import measure_tags
from vedette.extraction.prose.reading.reader import WeightsReader
from vedette.extraction.prose.reading.weights import Weights

DATA = Path(__file__).resolve().parents[6] / "shared" / "data"
CARD = Path(__file__).resolve().parents[5] / "vedette" / "extraction" / "prose" / "weights" / "CARD.md"
FIGURES = figures_of(CARD.read_text(encoding="utf-8")) if CARD.exists() else {}

SHARE = 0.12
"""Of the sentences: a few seconds' worth."""

MARGIN = {"upos": 0.01, "las": 0.025, "f1": 0.06}
"""How far a part of the data, and one seed of several, may be below the card's figure; measured."""

FEWEST = 60
"""What is counted less often in the part says nothing."""

pytestmark = [
    pytest.mark.skipif(not (DATA / "ner").is_dir(), reason="../shared/data is absent"),
    pytest.mark.skipif(not FIGURES, reason="the model card has no figures yet"),
]


@pytest.fixture(scope="module")
def reader() -> WeightsReader:
    return WeightsReader.shipped()


def below(found: list[Measure]) -> list[str]:
    """What is worse than the card says."""
    return [
        f"{one.name}: {one.value:.3f}, the card says {FIGURES[one.name]:.3f}"
        for one in found
        if one.name in FIGURES and one.count >= FEWEST and one.value < FIGURES[one.name] - MARGIN[one.figure]
    ]


def test_entities_are_found_as_the_card_says(reader: WeightsReader) -> None:
    found = measure_tags(reader, DATA, share=SHARE)
    assert {"cyner.all.f1", "annoctr.all.f1"} <= {one.name for one in found if one.count >= FEWEST}
    assert not below(found)


def test_sentences_are_parsed_as_the_card_says(reader: WeightsReader) -> None:
    assert not below(measure_parses(reader, DATA, share=SHARE))


def test_pairs_are_told_as_the_card_says(reader: WeightsReader) -> None:
    assert not below(measure_pairs(reader, DATA, share=3 * SHARE))


@pytest.mark.long
def test_temperature_and_threshold_are_those_of_dev(reader: WeightsReader) -> None:
    labels = Weights.shipped().labels
    seen = to_calibrate(reader, DATA, ids=labels.techniques, terms=Weights.shipped().terms())
    found = calibrate(seen.scores, seen.gold, terms=seen.terms)
    assert found.terms == labels.terms
    assert (found.temperature, found.threshold) == pytest.approx((labels.temperature, labels.threshold), rel=0.05)
    assert found.precision >= 0.79


@pytest.mark.long
def test_everything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(DATA), "--share", "0.05", "--json", "--no-whole"]) == 0
    assert capsys.readouterr().out.count("\n") > 100
