"""How politely hosts are asked: one budget a host for all sources of the process, and turns that are fair.

Rules:
1. A host has at most `per_host` requests at a time, and one where it or a source asks for a delay.
2. A delay counts from the end of a request to the start of the next.
3. After 429, 503 or no answer a host rests: as long as it asks (Retry-After), else longer from failure to failure.
4. Whoever would wait longer than `patience` for a resting host is told so at once.
5. Sources take turns: one with a thousand pages does not keep the others waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from vedette.errors import VedetteError

FIRST_REST = 5.0
"""Seconds that a host rests after its first failure."""

MOST_REST = 3_600.0
"""Seconds that it rests at most by our own judgement."""

MAX_HOSTS = 50_000
"""Hosts that are remembered; those that nothing is known of are forgotten first."""


class Ticking(Protocol):
    """What tells the time."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...


class HostRestsError(VedetteError):
    """A host must not be asked for longer than anybody waits; `seconds` says how long."""

    def __init__(self, origin: str, seconds: float) -> None:
        self.seconds = seconds
        """Seconds until it may be asked."""
        super().__init__(f"{origin} wants to be left alone for {seconds:.0f} s more")


@dataclass(slots=True)
class _Host:
    active: int = 0
    free_at: float = 0.0
    rests_until: float = 0.0
    failures: int = 0

    @property
    def ready_at(self) -> float:
        return max(self.free_at, self.rests_until)


@dataclass(slots=True, eq=False)
class _Turn:
    origin: str
    delay: float
    granted: asyncio.Future[None] = field(repr=False)


class Courtesy:
    """Gives turns to ask hosts."""

    def __init__(self, *, clock: Ticking, per_host: int = 2, total: int = 32, patience: float = 60.0) -> None:
        """Begin with hosts that nothing is known of.

        Args:
            clock: tells the time.
            per_host: requests to one host at a time.
            total: requests at a time.
            patience: seconds that a turn is waited for because its host rests.
        """
        self._clock = clock
        self._per_host = per_host
        self._total = total
        self._patience = patience
        self._hosts: dict[str, _Host] = {}
        self._waiting: dict[str, deque[_Turn]] = {}
        self._active = 0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, origin: str, *, source: str, delay: float = 0.0) -> AsyncIterator[None]:
        """Wait for the turn to ask a host, and hold it.

        Args:
            origin: the host, such as `https://example.org`.
            source: on whose behalf.
            delay: seconds between requests that it or the source asks for.

        Raises:
            HostRestsError: it rests for longer than `patience`.
        """
        host = self._host(origin)
        self._check(origin, host)
        turn = _Turn(origin, delay, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(source, deque()).append(turn)
        self._grant()
        try:
            await turn.granted
        except asyncio.CancelledError:
            self._leave(source, turn)
            raise
        try:
            yield
        finally:
            host.active -= 1
            self._active -= 1
            host.free_at = max(host.free_at, self._clock.monotonic() + delay)
            self._grant()

    def answered(self, origin: str) -> None:
        """Note that a host answered as it should."""
        self._host(origin).failures = 0

    def failed(self, origin: str, *, retry_after: float | None) -> None:
        """Note that a host is overloaded or gone; it rests, as long as it asks or as we see fit."""
        host = self._host(origin)
        rest = min(MOST_REST, FIRST_REST * 2.0 ** min(host.failures, 20)) if retry_after is None else retry_after
        host.failures += 1
        host.rests_until = max(host.rests_until, self._clock.monotonic() + rest)
        self._refuse_impatient()

    def rests_for(self, origin: str) -> float:
        """Return the seconds until a host may be asked; 0: now."""
        return max(0.0, self._host(origin).rests_until - self._clock.monotonic())

    def _host(self, origin: str) -> _Host:
        host = self._hosts.get(origin)
        if host is None:
            if len(self._hosts) >= MAX_HOSTS:
                self._forget()
            host = self._hosts[origin] = _Host()
        return host

    def _forget(self) -> None:
        now = self._clock.monotonic()
        idle = [name for name, host in self._hosts.items() if not host.active and host.ready_at <= now]
        wanted = {turn.origin for turns in self._waiting.values() for turn in turns}
        for name in idle:
            if name not in wanted:
                del self._hosts[name]

    def _check(self, origin: str, host: _Host) -> None:
        # A delay between requests is no rest: whoever asks for one waits it out.
        rest = host.rests_until - self._clock.monotonic()
        if rest > self._patience:
            raise HostRestsError(origin, rest)

    def _refuse_impatient(self) -> None:
        for turns in self._waiting.values():
            for turn in turns:
                host = self._hosts[turn.origin]
                try:
                    self._check(turn.origin, host)
                except HostRestsError as error:
                    if not turn.granted.done():
                        turn.granted.set_exception(error)

    def _leave(self, source: str, turn: _Turn) -> None:
        """Forget a turn that nobody waits for any more; give it back where it was granted meanwhile."""
        if turn.granted.done() and not turn.granted.cancelled() and turn.granted.exception() is None:
            self._host(turn.origin).active -= 1
            self._active -= 1
        turns = self._waiting.get(source)
        if turns is not None and turn in turns:
            turns.remove(turn)
        self._grant()

    def _grant(self) -> None:
        """Give turns as long as there are any to give, one source after the other."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        soonest = self._give()
        if soonest is not None and self._active < self._total:
            wait = max(0.001, soonest - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._grant)

    def _give(self) -> float | None:
        """Give turns; return when the next host is free that somebody waits for."""
        soonest: float | None = None
        given = True
        while given and self._active < self._total:
            given, soonest = False, None
            for source in list(self._waiting):
                at = self._give_one(source)
                if at is None:
                    continue
                if at == 0.0:
                    given = True
                else:
                    soonest = at if soonest is None else min(soonest, at)
                if self._active >= self._total:
                    break
        return soonest

    def _give_one(self, source: str) -> float | None:
        """Give a source its first turn that is possible: 0; else when one will be; None: when a request ends."""
        turns = self._waiting[source]
        now = self._clock.monotonic()
        soonest: float | None = None
        for turn in list(turns):
            if turn.granted.done():
                turns.remove(turn)
                continue
            host = self._hosts[turn.origin]
            if host.active >= (1 if turn.delay else self._per_host):
                continue
            if host.ready_at > now:
                soonest = host.ready_at if soonest is None else min(soonest, host.ready_at)
                continue
            turns.remove(turn)
            host.active += 1
            self._active += 1
            turn.granted.set_result(None)
            # To the end of the row.
            del self._waiting[source]
            if turns:
                self._waiting[source] = turns
            return 0.0
        if not turns:
            del self._waiting[source]
        return soonest

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
