"""What was read a moment ago: a small cache whose age is bounded."""

from __future__ import annotations

from typing import Generic, TypeVar

from vedette.clock import Clock

T = TypeVar("T")

MOST = 4096
"""Entries that are kept."""


class Fresh(Generic[T]):
    """Values by key, each for a bounded time after it was asked for."""

    def __init__(self, *, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, tuple[float, T]] = {}
        self._cleared_at = float("-inf")

    def get(self, key: str) -> T | None:
        """Return a value that is fresh, None where there is none."""
        entry = self._entries.get(key)
        if entry is None or self._clock.monotonic() - entry[0] >= self._seconds:
            return None
        return entry[1]

    def put(self, key: str, value: T, *, since: float) -> None:
        """Keep a value that was asked for at `since` on the monotonic clock: it may be as old as the question."""
        if since <= self._cleared_at:
            return
        if len(self._entries) >= MOST:
            # Whoever is still there is read again; that is cheaper than keeping an order.
            self._entries.clear()
        self._entries[key] = (since, value)

    def clear(self) -> None:
        """Forget everything, since something changed; what was asked for before is not kept either."""
        self._entries.clear()
        self._cleared_at = self._clock.monotonic()
