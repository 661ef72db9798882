"""Indicators of compromise, on CyNER's label `Indicator`: what the patterns alone find of it.

CyNER calls an indicator whatever identifies an attack: names of files and of packages, too. Its words are joined by
spaces, so that an address that it cuts into several words is not whole, and is not found.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.tagging import is_picked
from vedette.extraction.prose.indicators.finding import find
from vedette.extraction.prose.training.sets import Tagged, tagged

PART: Final = "cyner by patterns"
LABEL: Final = "Indicator"

Place = tuple[int, int]


def measure_indicators(data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return which of CyNER's indicators the patterns find, and which of theirs are some.

    Args:
        data: folder with `ner/`.
        share: of the sentences that are read, 0 to 1.
    """
    whole = touched = given = wanted = inside = 0
    for one in tagged(data, "cyner", "dev"):
        if not is_picked(one.words, share):
            continue
        text, there = joined(one)
        said = [(found.start, found.end) for found in find(text)]
        given += len(said)
        wanted += len(there)
        whole += len(set(said) & set(there))
        touched += sum(any(_meet(place, other) for other in said) for place in there)
        inside += sum(any(_meet(place, other) for other in there) for place in said)
    figures = {
        "precision": inside / max(given, 1),
        "recall": touched / max(wanted, 1),
        "recall-strict": whole / max(wanted, 1),
    }
    return [Measure(part=PART, of=LABEL, figure=name, value=value, count=wanted) for name, value in figures.items()]


def joined(one: Tagged) -> tuple[str, list[Place]]:
    """Return a sentence's words as a text, and where its indicators stand."""
    starts, at = [], 0
    for word in one.words:
        starts.append(at)
        at += len(word) + 1
    found = [
        (starts[begin], starts[end - 1] + len(one.words[end - 1]))
        for label, begin, end in runs(one.tags)
        if label == LABEL
    ]
    return " ".join(one.words), found


def _meet(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]
