"""What benchmarks share: figures as JSON lines, CPU time of processes, percentiles."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""
    cpu_s: float | None = None
    peer: float | None = None

    def emit(self) -> None:
        """Print it as one JSON line."""
        sys.stdout.write(json.dumps(self._fields()) + "\n")
        sys.stdout.flush()

    def _fields(self) -> dict[str, object]:
        fields: dict[str, object] = {"name": self.name, "value": round(self.value, 4), "unit": self.unit}
        if self.target is not None:
            met = self.value <= self.target if self.at_most else self.value >= self.target
            fields |= {"target": self.target, "met": met}
        if self.cpu_s is not None:
            fields["cpu_s"] = round(self.cpu_s, 3)
        if self.peer is not None:
            fields |= {"peer": round(self.peer, 4), "ratio": round(self.value / self.peer, 2) if self.peer else None}
        return fields


def say(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(text + "\n")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system CPU seconds that these processes have used."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
