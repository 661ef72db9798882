"""How often somebody may ask: a bucket each that fills again with time."""

from __future__ import annotations

from collections import OrderedDict

from vedette.clock import Clock


class Pace:
    """Counts askings by name; who asks too often is told to wait."""

    def __init__(self, *, clock: Clock, burst: int, each_second: float, most: int = 256) -> None:
        """Allow `burst` at once and `each_second` for ever, for the `most` names that asked last."""
        self._clock = clock
        self._burst = float(burst)
        self._rate = each_second
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, name: str) -> bool:
        """Count an asking, unless there were too many."""
        now = self._clock.monotonic()
        left, at = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1.0
        self._left[name] = (left - 1.0 if allowed else left, now)
        while len(self._left) > self._most:
            self._left.popitem(last=False)
        return allowed
