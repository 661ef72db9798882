"""What marked pairs of a sentence have to do with each other: the data set attack_re."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Final, Protocol

from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.scoring import ALL, scores
from vedette.extraction.prose.evaluation.tagging import is_picked, score_measures
from vedette.extraction.prose.ports import Pair
from vedette.extraction.prose.training.sets import RelatedPair, related

PART: Final = "attack_re"
NONE: Final = "none"
TARGET: Final = 0.85


class Relater(Protocol):
    """What says what two entities have to do with each other."""

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        """Return the relation of each pair, and its probability."""


def measure_pairs(reader: Relater, data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return precision, recall and F1 of each relation; `none` is no relation and counts for nothing.

    Args:
        reader: what is measured.
        data: folder with `ner/`.
        share: of the pairs that are asked, 0 to 1.
    """
    asked = [one for one in related(data, "dev") if is_picked(one.words, share)]
    given = [relation for relation, _ in reader.relate([pair_of(one) for one in asked])]
    wanted = [one.relation for one in asked]
    scored = scores(_placed(wanted), _placed(given))
    found = score_measures(PART, scored, targets={ALL: TARGET})
    macro = fmean(one.f1 for label, one in scored.items() if label != ALL) if len(scored) > 1 else 0.0
    return [*found, Measure(part=PART, of=ALL, figure="macro-f1", value=macro, count=len(asked))]


def pair_of(one: RelatedPair) -> Pair:
    """Return a pair of the data set as the model is asked of it."""
    return Pair(words=one.words, head=one.head, head_label=one.head_label, tail=one.tail, tail_label=one.tail_label)


def _placed(relations: Sequence[str]) -> list[tuple[str, int]]:
    return [(relation, place) for place, relation in enumerate(relations) if relation != NONE]
