"""One label for one name of a document: what the model calls it most, and most surely, counts everywhere. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vedette.extraction.prose.labels import Label

MORE: Final = 1.5
"""How many times as much as a label another must have to take its place."""

LABELS: Final = frozenset[Label](
    {"MALWARE", "TOOL", "THREAT_ACTOR", "CAMPAIGN", "SOFTWARE", "VENDOR", "ORG", "LOC", "SECTOR", "ATTACK_PATTERN"}
)
"""Labels of names that are mistaken for each other."""

_BOTH: Final = ({"VENDOR", "SOFTWARE"}, {"MALWARE", "THREAT_ACTOR"})
"""What one name often is in turn: Zimbra's maker and product, the gang and its ransomware."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A name at one place of a document."""

    text: str
    label: Label
    confidence: float


def name_key(text: str) -> str:
    """Return a name as it is compared."""
    return " ".join(text.split()).casefold()


def settled(names: Iterable[Labelled]) -> Mapping[tuple[str, Label], Label]:
    """Return, by name and label, the label that takes its place; those that stay are left out.

    Args:
        names: all of a document.
    """
    weights: defaultdict[str, defaultdict[Label, float]] = defaultdict(lambda: defaultdict(float))
    for one in names:
        if one.label in LABELS:
            weights[name_key(one.text)][one.label] += one.confidence
    return {
        (name, label): best
        for name, labels in weights.items()
        if len(labels) > 1
        for best in (_heaviest(labels),)
        for label in labels
        if _gives_way(label, best, labels)
    }


def settled_label(labels: Iterable[tuple[Label, float]]) -> Label:
    """Return what the names of one thing are, of each its label and confidence: at least one."""
    weights: defaultdict[Label, float] = defaultdict(float)
    for label, confidence in labels:
        weights[label] += confidence
    return _heaviest(weights)


def _heaviest(weights: Mapping[Label, float]) -> Label:
    return max(weights, key=lambda one: (weights[one], one))


def _gives_way(label: Label, best: Label, weights: Mapping[Label, float]) -> bool:
    return label != best and {label, best} not in _BOTH and weights[best] >= MORE * weights[label]
