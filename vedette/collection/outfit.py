"""What the collectors of one process share, so that a host's budget is one, however many of them ask it."""

from __future__ import annotations

from vedette.clock import Clock
from vedette.collection.courtesy import Courtesy
from vedette.collection.isolation import Isolation
from vedette.configuration.fetching import FetchingSection
from vedette.fetching.client import HttpFetcher

CONNECTIONS = 32
"""Requests at a time to all hosts together."""


class Outfit:
    """The client, the turns and the processes that parse; each starts or connects when it is first used."""

    def __init__(self, *, clock: Clock, fetching: FetchingSection) -> None:
        """Describe it.

        Args:
            clock: tells the time.
            fetching: whom the collectors ask over HTTP, and how much they take.
        """
        self.fetcher = HttpFetcher(policy=fetching.policy, limits=fetching.limits, connections=CONNECTIONS)
        """The one guarded client."""
        self.courtesy = Courtesy(clock=clock, total=CONNECTIONS)
        """Gives turns to ask hosts."""
        self.isolation = Isolation()
        """Parses what strangers wrote."""

    async def aclose(self) -> None:
        """End what it started."""
        self.courtesy.close()
        await self.isolation.aclose()
        await self.fetcher.aclose()
