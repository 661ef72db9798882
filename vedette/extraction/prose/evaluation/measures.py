"""A measured figure, and several weights' figures together: their mean, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One figure of one set of weights."""

    part: str
    """What was read: a data set, and whose labels where that is not clear."""
    of: str
    """Which label, or `all`."""
    figure: str
    """What is measured: `precision`, `recall`, `f1`, `top-1` …"""
    value: float
    """A share, 0 to 1, but for what says otherwise (`temperature`)."""
    count: int = 0
    """How many there are in the data: entities, sentences, words."""
    target: float | None = None
    """What it should reach; None: it is only shown."""
    at_most: bool = False
    """Whether the target is an upper bound."""

    @property
    def name(self) -> str:
        """Name of the figure, for machines."""
        return f"{self.part}.{self.of}.{self.figure}".replace(" ", "-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One figure of all weights."""

    measure: Measure
    """With the mean as its value."""
    lowest: float
    highest: float
    weights: int
    """How many were measured."""

    @property
    def met(self) -> bool | None:
        """Whether the mean reaches its target; None: there is none."""
        wanted, value = self.measure.target, self.measure.value
        if wanted is None:
            return None
        return value <= wanted if self.measure.at_most else value >= wanted

    def as_json(self) -> dict[str, object]:
        """Return it as the benchmarks print their figures."""
        one = self.measure
        told: dict[str, object] = {"name": one.name, "value": round(one.value, 4), "unit": "share"}
        if one.target is not None:
            told |= {"target": one.target, "met": self.met}
        told |= {"lowest": round(self.lowest, 4), "highest": round(self.highest, 4), "weights": self.weights}
        return told | {"count": one.count}


def summarized(runs: Sequence[Sequence[Measure]]) -> list[Summary]:
    """Return the figures of several weights together, in the order of the first that have them.

    Args:
        runs: the figures of each.
    """
    found: dict[str, list[Measure]] = {}
    for run in runs:
        for one in run:
            found.setdefault(one.name, []).append(one)
    return [_summary(some) for some in found.values()]


def _summary(some: Sequence[Measure]) -> Summary:
    first, values = some[0], [one.value for one in some]
    mean = Measure(
        part=first.part,
        of=first.of,
        figure=first.figure,
        value=fmean(values),
        count=first.count,
        target=first.target,
        at_most=first.at_most,
    )
    return Summary(measure=mean, lowest=min(values), highest=max(values), weights=len(values))
