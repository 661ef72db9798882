"""All measures of one set of weights, and what its 8 bits cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vedette.extraction.prose.evaluation.addresses import measure_indicators
from vedette.extraction.prose.evaluation.describing import measure_techniques
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.pairs import measure_pairs
from vedette.extraction.prose.evaluation.parsing import measure_parses
from vedette.extraction.prose.evaluation.relations import measure_relations
from vedette.extraction.prose.evaluation.tagging import measure_tags
from vedette.extraction.prose.reading.reader import WeightsReader

WHOLE: Final = "model.fp32.onnx"
"""The model before its matrices were put in 8 bits; only a training leaves it."""

LOSS: Final = 0.01
"""What 8 bits may cost of any figure that is compared: a point."""

COMPARED: Final = (
    "cyner.all.f1",
    "annoctr.all.f1",
    "kev_auto.all.f1",
    "attack_distant.all.f1",
    "attack_re.all.f1",
    "ud-ewt.all.upos",
    "ud-ewt.all.las",
    "tram.all.top-1",
)
"""Of which the cost of 8 bits is told."""


def measure_all(reader: WeightsReader, data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return all figures of one set of weights.

    Args:
        reader: with those weights.
        data: folder with `ner/` and `ud/`.
        share: of the sentences that are read, 0 to 1; relations of products are measured only of all.
    """
    return [
        *measure_tags(reader, data, share=share),
        *measure_pairs(reader, data, share=share),
        *measure_parses(reader, data, share=share),
        *measure_techniques(reader, data, share=share),
        *measure_indicators(data, share=share),
        *(measure_relations(data, reader=reader) if share == 1 else ()),
    ]


def losses(small: Sequence[Measure], whole: Sequence[Measure]) -> list[Measure]:
    """Return what each compared figure loses by 8 bits; below 0: it gains."""
    before = {one.name: one.value for one in whole}
    return [
        Measure(
            part="8 bits",
            of=one.name,
            figure="loss",
            value=before[one.name] - one.value,
            count=one.count,
            target=LOSS,
            at_most=True,
        )
        for one in small
        if one.name in COMPARED and one.name in before
    ]
