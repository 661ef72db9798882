"""Who may be asked, and when: robots.txt of each host, and its turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from vedette.clock import Clock
from vedette.collection.courtesy import Courtesy
from vedette.collection.memory import SourceMemory
from vedette.collection.robots import MAX_ROBOTS, RobotsFile, RobotsRules, after_answer, is_fresh
from vedette.errors import VedetteError
from vedette.fetching.interface import Fetcher, FetchError, FetchRefusedError, FetchRequest
from vedette.fetching.urls import read_url, shown_url

MAX_RULES = 2_000
"""Hosts whose rules are kept in memory."""


class ForbiddenError(VedetteError):
    """A host does not want a URL to be asked for by robots; trying again before it changes its mind does not help."""


class _EnoughError(Exception):
    """As much of robots.txt came as is read."""


class Doorman:
    """Knows the rules of hosts and gives turns; one for all sources of a process."""

    def __init__(self, *, clock: Clock, fetcher: Fetcher, memory: SourceMemory, courtesy: Courtesy) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._memory = memory
        self.courtesy = courtesy
        """Gives the turns."""
        self._rules: OrderedDict[str, RobotsRules] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    async def check(self, url: str, *, source: str, delay: float, robots: bool = True) -> float:
        """Check that a URL may be asked for; return the seconds between requests to its host.

        Args:
            url: what is to be asked.
            source: on whose behalf.
            delay: seconds between requests that the source asks for.
            robots: whether robots.txt counts.

        Raises:
            ForbiddenError: robots.txt forbids it, or cannot be had.
            HostRestsError: the host must not be asked for long.
            FetchError: it is no URL that can be asked.
        """
        if not robots:
            return delay
        rules = await self._rules_of(origin_of(url), source=source, delay=delay)
        reason = rules.refusal(url)
        if reason is not None:
            raise ForbiddenError(reason)
        return max(delay, rules.delay)

    @asynccontextmanager
    async def turn(self, url: str, *, source: str, delay: float) -> AsyncIterator[None]:
        """Wait for the turn to ask a URL's host, hold it, and note how it answered.

        Raises:
            HostRestsError: the host must not be asked for long.
        """
        origin = origin_of(url)
        async with self.courtesy.turn(origin, source=source, delay=delay):
            try:
                yield
            except FetchError as error:
                self._note(origin, error)
                raise
            self.courtesy.answered(origin)

    def _note(self, origin: str, error: FetchError) -> None:
        overloaded = error.status in (429, 503) or error.retry_after is not None or error.unreachable
        if overloaded:
            self.courtesy.failed(origin, retry_after=error.retry_after)
        elif error.status is not None:
            self.courtesy.answered(origin)

    async def _rules_of(self, origin: str, *, source: str, delay: float) -> RobotsRules:
        """Return the rules of a host; asked for once, however many want to know."""
        lock = self._asking.setdefault(origin, asyncio.Lock())
        try:
            async with lock:
                return await self._known(origin, source=source, delay=delay)
        finally:
            if not lock.locked():
                self._asking.pop(origin, None)

    async def _known(self, origin: str, *, source: str, delay: float) -> RobotsRules:
        known = self._rules.get(origin)
        now = self._clock.now()
        if known is not None and is_fresh(known.file, now=now):
            self._rules.move_to_end(origin)
            return known
        before = known.file if known is not None else await self._memory.robots(origin)
        if before is None or not is_fresh(before, now=now):
            before = await self._ask(origin, before, source=source, delay=delay)
            await self._memory.remember_robots(before)
        # Up to half a megabyte of a stranger's rules: not in the loop.
        rules = await asyncio.to_thread(RobotsRules, before)
        self._rules[origin] = rules
        self._rules.move_to_end(origin)
        while len(self._rules) > MAX_RULES:
            self._rules.popitem(last=False)
        return rules

    async def _ask(self, origin: str, before: RobotsFile | None, *, source: str, delay: float) -> RobotsFile:
        body = bytearray()

        async def take(part: bytes) -> None:
            body.extend(part)
            if len(body) > MAX_ROBOTS:
                raise _EnoughError

        request = FetchRequest(url=f"{origin}/robots.txt", compressed=True)
        status: int | None = 200
        async with self.courtesy.turn(origin, source=source, delay=delay):
            try:
                # What is past the limit is not read (RFC 9309 section 2.5).
                with suppress(_EnoughError):
                    status = (await self._fetcher.stream(request, take)).status
            except FetchRefusedError:
                # Our own rules: they say nothing of the host, and whoever asked must hear of them.
                raise
            except FetchError as error:
                status = error.status
                self._note(origin, error)
        return after_answer(origin, before, status=status, body=bytes(body), now=self._clock.now())


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, as robots.txt and turns go by them.

    Raises:
        FetchRefusedError: it is no URL that can be asked.
    """
    try:
        target = read_url(url)
    except ValueError as error:
        raise FetchRefusedError(f"{shown_url(url)!r} {error}") from error
    return str(target.url.origin())
