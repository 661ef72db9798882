"""ATT&CK techniques: which one a sentence describes, and whether one is named where none is described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.scoring import ALL
from vedette.extraction.prose.evaluation.tagging import is_picked
from vedette.extraction.prose.ports import SentenceReading
from vedette.extraction.prose.reading.term_scores import TermScores
from vedette.extraction.prose.technique_ids import current, parent
from vedette.extraction.prose.training.technique_sets import SETS, Described, described, plain

RANKS: Final = (1, 3, 5)


class Describer(Protocol):
    """What says which techniques sentences describe."""

    threshold: float

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        """Return what is said of each sentence."""


class Scorer(Protocol):
    """What gives the scores behind that."""

    def technique_scores(self, sentences: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the score of each technique, [S, T]."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What `calibrate` is given."""

    scores: NDArray[np.float32]
    """Of the network, [S, T]."""
    gold: NDArray[np.int64]
    """[S]."""
    terms: NDArray[np.float32] | None
    """Of the words, [S, T]."""


def measure_techniques(reader: Describer, data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return how often the right technique is among the first, and of those above the threshold how many are right.

    Args:
        reader: what is measured.
        data: folder with `ner/`.
        share: of the sentences that are read, 0 to 1.
    """
    found: list[Measure] = []
    for name in SETS:
        some = [one for one in described(data, name) if is_picked(one.words, share)]
        found += technique_measures(name, some, reader.read([one.words for one in some]), threshold=reader.threshold)
    none = [one for one in plain(data) if is_picked(one.words, share)]
    told = [_surest(one) >= reader.threshold for one in reader.read([one.words for one in none])]
    wrong = sum(told) / max(len(told), 1)
    return [*found, Measure(part="no technique", of=ALL, figure="false-alarms", value=wrong, count=len(told))]


def technique_measures(
    part: str, wanted: Sequence[Described], given: Sequence[SentenceReading], *, threshold: float
) -> list[Measure]:
    """Return the figures of some sentences, each of which describes a technique.

    Args:
        part: what they are called.
        wanted: with the right technique.
        given: what was said of them, the surest technique first.
        threshold: probability from which a technique is said.
    """
    count = len(wanted)
    ranked = [[name for name, _ in reading.techniques] for reading in given]
    figures = {
        f"top-{rank}": sum(one.technique in names[:rank] for one, names in zip(wanted, ranked, strict=True)) / count
        for rank in RANKS
        if count
    }
    told = [(one, names[0]) for one, names, by in zip(wanted, ranked, given, strict=True) if _surest(by) >= threshold]
    figures["told"] = len(told) / max(count, 1)
    figures["precision"] = sum(one.technique == name for one, name in told) / max(len(told), 1)
    figures["family-precision"] = sum(parent(one.technique) == parent(name) for one, name in told) / max(len(told), 1)
    return [Measure(part=part, of=ALL, figure=name, value=value, count=count) for name, value in figures.items()]


def to_calibrate(reader: Scorer, data: Path, *, ids: Sequence[str], terms: TermScores | None) -> Scored:
    """Return what `calibrate` needs: the scores of sentences, and the place of the right answer of each.

    Args:
        reader: whose scores.
        data: folder with `ner/`.
        ids: techniques in the order of the scores; the first, empty one is none.
        terms: what scores the same techniques by words.
    """
    some = [one for name in SETS for one in described(data, name)] + plain(data)
    places = {current(name): place for place, name in enumerate(ids)}
    return Scored(
        scores=reader.technique_scores([one.words for one in some]),
        gold=np.array([places.get(one.technique, -1) for one in some], dtype=np.int64),
        terms=None if terms is None else np.stack([terms.of(one.words) for one in some]),
    )


def _surest(reading: SentenceReading) -> float:
    return reading.techniques[0][1] if reading.techniques else 0.0
