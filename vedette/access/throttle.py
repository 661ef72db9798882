"""How often somebody may try to log in: fewer times the more often it failed, but never never."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from vedette.clock import Clock

FREE = 5
"""Failures that cost nothing: people mistype."""

FORGET = 3600.0
"""Seconds after which a failure counts no more."""

MOST = 10_000
"""Places of each kind that are remembered; the longest quiet is forgotten first."""


class Place(StrEnum):
    """What an attempt counts against."""

    ADDRESS = "address"
    """The network it comes from, whatever the name."""
    ACCOUNT = "account"
    """The name, wherever it comes from; not for a browser in which this person has logged in before."""
    DEVICE = "device"
    """The name from such a browser: strangers cannot make its holder wait."""


LONGEST: Mapping[Place, float] = MappingProxyType({Place.ADDRESS: 900.0, Place.ACCOUNT: 60.0, Place.DEVICE: 900.0})
"""Seconds of the longest wait. An account's is short, since a stranger can cause it."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    until: float


class LoginThrottle:
    """Counts attempts; each counts as failed until it is known to be good, so that many at once gain nothing."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[Place, OrderedDict[str, _Failures]] = {place: OrderedDict() for place in Place}

    def begin(self, places: Iterable[tuple[Place, str]]) -> float:
        """Count an attempt and return 0, or return the seconds to wait and count nothing."""
        wanted = list(places)
        now = self._clock.monotonic()
        wait = max((self._wait(place, key, now) for place, key in wanted), default=0.0)
        if wait > 0:
            return wait
        for place, key in wanted:
            self._count(place, key, now)
        return 0.0

    def succeeded(self, places: Iterable[tuple[Place, str]]) -> None:
        """Take an attempt back that was good.

        An address keeps its other failures: they may have been guesses at somebody else's password.
        """
        for place, key in places:
            failures = self._places[place].get(key)
            if failures is None:
                continue
            failures.count -= 1
            failures.until = 0.0
            if place is not Place.ADDRESS or failures.count <= 0:
                del self._places[place][key]

    def _wait(self, place: Place, key: str, now: float) -> float:
        failures = self._places[place].get(key)
        return 0.0 if failures is None else failures.until - now

    def _count(self, place: Place, key: str, now: float) -> None:
        known = self._places[place]
        failures = known.get(key)
        if failures is None or now - failures.last >= FORGET:
            failures = known[key] = _Failures(count=0, last=now, until=0.0)
        failures.count += 1
        failures.last = now
        if failures.count >= FREE:
            # 2 to the power of a large count would not fit a float.
            failures.until = now + min(LONGEST[place], 2.0 ** min(failures.count - FREE, 20))
        known.move_to_end(key)
        while len(known) > MOST:
            known.popitem(last=False)
