"""ATT&CK's ids: techniques and the sub-techniques below them, and ids that ATT&CK replaced.

A sub-technique is its technique's id, a full stop and three digits (`T1059.001`). Source: https://attack.mitre.org.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

REPLACED: Final[Mapping[str, str]] = {"T1574.002": "T1574.001"}
"""Ids of the training data that ATT&CK revoked, and what it has in their place (DLL side-loading: version 17)."""


def current(technique: str) -> str:
    """Return the id that a technique has today."""
    return REPLACED.get(technique, technique)


def parent(technique: str) -> str:
    """Return the technique that a sub-technique belongs to; a technique is its own."""
    return technique.partition(".")[0]


def with_families(ranked: Sequence[tuple[str, float]], *, threshold: float) -> list[tuple[str, float]]:
    """Return techniques ranked by probability, those of one family taken together where only together they are sure.

    Where no id reaches the threshold, but a technique and its sub-techniques do together, the technique is what is
    said: a sentence may well say that a script was run and not in which language.

    Args:
        ranked: all ids with their probabilities.
        threshold: probability from which a technique is said.
    """
    sure: dict[str, float] = {}
    families: dict[str, float] = {}
    for name, probability in ranked:
        sure[current(name)] = sure.get(current(name), 0.0) + probability
        families[parent(current(name))] = families.get(parent(current(name)), 0.0) + probability
    if max(sure.values(), default=0.0) < threshold:
        sure |= {name: together for name, together in families.items() if together >= threshold}
    return sorted(sure.items(), key=lambda one: (-one[1], one[0]))
