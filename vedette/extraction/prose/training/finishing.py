"""The last step: what words say of techniques beside the network, and from which probability a technique is told."""

from __future__ import annotations

import json
from pathlib import Path

from vedette.extraction.prose.evaluation.calibrating import calibrate
from vedette.extraction.prose.evaluation.describing import to_calibrate
from vedette.extraction.prose.reading.reader import WeightsReader
from vedette.extraction.prose.reading.term_scores import FILE
from vedette.extraction.prose.reading.weights import Weights
from vedette.extraction.prose.training.term_learning import learn_from


def finish(folder: Path, data: Path) -> None:
    """Write `techniques.npz`, and into `labels.json` what was calibrated on dev.

    Args:
        folder: of the weights.
        data: folder with `ner/`.
    """
    file = folder / "labels.json"
    labels = json.loads(file.read_text(encoding="utf-8"))
    (folder / FILE).write_bytes(learn_from(data, ids=labels["techniques"]).packed())
    weights = Weights(folder)
    seen = to_calibrate(WeightsReader(weights, threads=2), data, ids=labels["techniques"], terms=weights.terms())
    found = calibrate(seen.scores, seen.gold, terms=seen.terms)
    labels |= {"terms": found.terms, "temperature": found.temperature, "threshold": found.threshold}
    file.write_text(json.dumps(labels, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
