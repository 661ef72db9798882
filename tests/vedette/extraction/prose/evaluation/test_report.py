"""Figures of several weights are put together, and shown as tables and lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.extraction.prose.evaluation.__main__ import main
from vedette.extraction.prose.evaluation.measures import Measure, summarized
from vedette.extraction.prose.evaluation.report import (
    BEGIN,
    END,
    card_report,
    figures_of,
    markdown_report,
    targets_report,
    text_report,
    with_figures,
)


def run(f1: float, *, loss: float = 0.0) -> list[Measure]:
    return [
        Measure(part="cyner", of="all", figure="precision", value=0.8, count=7),
        Measure(part="cyner", of="all", figure="f1", value=f1, count=7, target=0.74),
        Measure(part="cyner", of="Malware", figure="f1", value=0.5, count=3),
        Measure(part="8 bits", of="cyner.all.f1", figure="loss", value=loss, count=7, target=0.01, at_most=True),
    ]


def test_the_mean_and_the_spread_of_the_weights() -> None:
    precision, f1, malware, loss = summarized([run(0.70), run(0.80), run(0.75)])
    assert f1.as_json() == {
        "name": "cyner.all.f1",
        "value": 0.75,
        "unit": "share",
        "target": 0.74,
        "met": True,
        "lowest": 0.7,
        "highest": 0.8,
        "weights": 3,
        "count": 7,
    }
    assert (precision.met, malware.met, loss.met) == (None, None, True)


def test_a_loss_is_met_from_below() -> None:
    assert [one.met for one in summarized([run(0.7, loss=0.02)])] == [None, False, None, False]


def test_a_figure_that_only_some_weights_have_is_of_those() -> None:
    found = {one.measure.name: one for one in summarized([run(0.7)[:2], run(0.8)])}
    assert found["8-bits.cyner.all.f1.loss"].weights == 1
    assert found["cyner.all.f1"].weights == 2


def test_a_table_for_people() -> None:
    text = text_report(summarized([run(0.70), run(0.80)]))
    assert text.splitlines() == [
        "cyner",
        "               precision             f1  count",
        "  all      0.800 ± 0.000  0.750 ± 0.050      7",
        "  Malware                 0.500 ± 0.000      3",
        "",
        "8 bits",
        "                         loss  count",
        "  cyner.all.f1  0.000 ± 0.000      7",
    ]


def test_a_table_for_the_card() -> None:
    assert markdown_report(summarized([run(0.7)])[:2]).splitlines() == [
        "**cyner**",
        "",
        "|  | precision | f1 | count |",
        "| --- | --- | --- | --- |",
        "| all | 0.800 | 0.700 | 7 |",
    ]


def test_what_is_missed_is_said() -> None:
    assert targets_report(summarized([run(0.70, loss=-0.01)])).splitlines() == [
        "MISSED cyner.all.f1 0.700 (at least 0.74)",
        "met    8-bits.cyner.all.f1.loss -0.010 (at most 0.01)",
    ]


def test_the_cards_figures_are_replaced_and_nothing_else() -> None:
    figures = card_report(summarized([run(0.7)]))
    card = f"# Card\n\n{BEGIN}\nold\n{END}\n\nLimits.\n"
    made = with_figures(card, figures)
    assert made.startswith(f"# Card\n\n{BEGIN}\n| figure | value | target |  |\n")
    assert "| `cyner.all.f1` | 0.700 | at least 0.74 | missed |\n" in made
    assert made.endswith(f"|\n{END}\n\nLimits.\n")
    assert with_figures(made, figures) == made
    assert figures_of(made) == {"cyner.all.f1": 0.7, "8-bits.cyner.all.f1.loss": 0.0}
    assert figures_of(card) == figures_of("") == {}


@pytest.mark.parametrize(
    "card", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}{BEGIN}"]
)
def test_a_card_without_its_marks_is_left_alone(card: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_figures(card, "new")


def test_without_data_nothing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err


def test_without_weights_nothing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ner").mkdir()
    assert main(["--data", str(tmp_path), "--weights", str(tmp_path / "none")]) == 2
    assert "labels.json" in capsys.readouterr().err
