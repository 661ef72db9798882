"""Whether a number grows, from samples over a window. Pure, no I/O."""

from __future__ import annotations

from collections import deque

SAMPLES = 240
"""Samples that are kept: more would say the same."""

_LEAST = 6
"""Samples below which nothing is said."""


class Trend:
    """Samples of one number; times are seconds of a monotonic clock."""

    def __init__(self, *, window: float) -> None:
        """Describe it; `window` is seconds."""
        self._window = window
        self._samples: deque[tuple[float, float]] = deque()

    def note(self, at: float, value: float) -> None:
        """Take a sample; samples closer together than the window has room for replace each other."""
        samples = self._samples
        if len(samples) >= 2 and at - samples[-2][0] < self._window / SAMPLES:
            samples.pop()
        samples.append((at, value))
        while samples and samples[0][0] < at - self._window:
            samples.popleft()

    @property
    def is_rising(self) -> bool:
        """Whether it rose through the window: everything in its last third is above everything in its first.

        Below half a window of samples nothing is said: what has just begun rises always.
        """
        if len(self._samples) < _LEAST or self.seconds < self._window / 2:
            return False
        third = len(self._samples) // 3
        values = [value for _, value in self._samples]
        return min(values[-third:]) > max(values[:third])

    @property
    def seconds(self) -> float:
        """Seconds between the first and the last sample."""
        return self._samples[-1][0] - self._samples[0][0] if self._samples else 0.0

    @property
    def pace(self) -> float:
        """Change a second, between the first sample and the last; 0 where there are too few."""
        if len(self._samples) < _LEAST or self.seconds <= 0:
            return 0.0
        return (self._samples[-1][1] - self._samples[0][1]) / self.seconds
