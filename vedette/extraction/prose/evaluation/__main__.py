"""Print how well prose is read: `python -m vedette.extraction.prose.evaluation [--json | --markdown]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vedette.errors import VedetteError
from vedette.extraction.prose.evaluation.calibrating import calibrate
from vedette.extraction.prose.evaluation.describing import to_calibrate
from vedette.extraction.prose.evaluation.measures import Measure, Summary, summarized
from vedette.extraction.prose.evaluation.measuring import WHOLE, losses, measure_all
from vedette.extraction.prose.evaluation.overlap import measure_overlap
from vedette.extraction.prose.evaluation.report import (
    card_report,
    markdown_report,
    targets_report,
    text_report,
    with_figures,
)
from vedette.extraction.prose.reading.reader import WeightsReader
from vedette.extraction.prose.reading.weights import Weights

TRAINED = Path("var/prose")
"""Where training leaves `seed-N/weights`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code: 0 whatever the figures are, 2 where nothing can be measured.

    Args:
        arguments: of the command line; None: this process'.
    """
    told = _parser().parse_args(arguments)
    if not (told.data / "ner").is_dir():
        sys.stderr.write(f"{told.data} has no ner/: name the folder of labelled data with --data\n")
        return 2
    try:
        if told.calibrate:
            _print_calibrations(told)
        elif told.overlap:
            _print(summarized([measure_overlap(told.data)]), told)
        else:
            _print(summarized([_measured(weights, told) for weights in _chosen(told)]), told)
    except VedetteError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluation", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ner/ and ud/")
    parser.add_argument("--weights", type=Path, action="append", help="a folder of weights, in place of the shipped")
    parser.add_argument("--share", type=float, default=1.0, help="of the sentences that are read, 0 to 1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-whole", action="store_true", help="do not compare with the model before its 8 bits")
    parser.add_argument("--calibrate", action="store_true", help="instead, what labels.json should say of techniques")
    parser.add_argument("--overlap", action="store_true", help="instead, how much of dev is in train")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a line a figure, as the benchmarks print them")
    form.add_argument("--markdown", action="store_true", help="tables as Markdown")
    form.add_argument("--card", type=Path, help="a model card: the figures in it are replaced")
    return parser


def _chosen(told: argparse.Namespace) -> list[Weights]:
    """Return the weights that are named; else those that are shipped, and of each seed that was trained here."""
    if told.weights:
        return [Weights(folder) for folder in told.weights]
    shipped = Weights.shipped()
    trained = [
        Weights(folder) for folder in sorted(TRAINED.glob("seed-*/weights")) if (folder / "labels.json").exists()
    ]
    # What is shipped is one of the seeds: it must not count twice.
    others = [one for one in trained if one.labels.sha256 != shipped.labels.sha256]
    same = [one for one in trained if one.labels.sha256 == shipped.labels.sha256]
    return [*(same[:1] or [shipped]), *others]


def _measured(weights: Weights, told: argparse.Namespace) -> list[Measure]:
    sys.stderr.write(f"weights {weights.labels.version}\n")
    found = measure_all(WeightsReader(weights, threads=told.threads), told.data, share=told.share)
    if told.no_whole or not weights.has(WHOLE):
        return found
    whole = WeightsReader(weights, threads=told.threads, model=WHOLE)
    return [*found, *losses(found, measure_all(whole, told.data, share=told.share))]


def _print(summaries: list[Summary], told: argparse.Namespace) -> None:
    if told.json:
        sys.stdout.writelines(f"{json.dumps(one.as_json())}\n" for one in summaries)
    elif told.markdown:
        sys.stdout.write(markdown_report(summaries))
    elif told.card:
        card = told.card.read_text(encoding="utf-8")
        told.card.write_text(with_figures(card, card_report(summaries)), encoding="utf-8")
    else:
        sys.stdout.write(f"{text_report(summaries)}\n{targets_report(summaries)}")


def _print_calibrations(told: argparse.Namespace) -> None:
    for weights in _chosen(told):
        reader = WeightsReader(weights, threads=told.threads)
        seen = to_calibrate(reader, told.data, ids=weights.labels.techniques, terms=weights.terms())
        found = calibrate(seen.scores, seen.gold, terms=seen.terms)
        sys.stdout.write(f"{json.dumps({'version': reader.version, **asdict(found)})}\n")


if __name__ == "__main__":
    sys.exit(main())
