"""Closing batches, at once for urgent items, and what is known of their time-stamping; collection never waits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from behaviours.stamp import Stamp
from behaviours.supervised import SupervisedBehaviour
from registry.proofs import PendingBatch, Proofs, Unbatched, Unstamped
from vedette.clock import MICROSECONDS, Clock
from vedette.evidence.stamping_pace import MINUTE
from vedette.evidence.timestamp_state import TimestampState, percentile
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken

TICK = 0.25
"""Seconds between looks at the clock while items wait for their batch."""

IDLE = 1.0
"""Seconds between looks while none waits: for what other processes wrote to the audit log, and for logs that this
engine came to stand in for."""

GATHER = 0.05
"""Seconds between two looks at least: what is committed meanwhile is seen by one, however many commits it took."""

URGENT_PAUSE = 0.25
"""Seconds at least between two batches that are closed before their time: urgent items share one, too."""

LOOK_EVERY = 1.0
"""Seconds between looks at what has no token yet."""

PACE_OVER = 600.0
"""Seconds that the pace of batches is measured over."""

CLOSED = 10_000
"""Batches, the last that were closed, that the pace is measured of."""

DELAYS = 10_000
"""Items, the last that were stamped, that the delays are over."""

MEASURED = 1_000
"""Batches whose delays are known to be counted: authorities that stamp the same one count it once."""


@dataclass(frozen=True, kw_only=True)
class BatchPolicy:
    """When a batch is closed: whichever comes first."""

    items: int = 1000
    """Items in a batch."""
    seconds: float = 5.0
    """Age of the oldest item that is in no batch yet."""


class Timestamp(SupervisedBehaviour):
    """Closes batches by count, by age, and at once for urgent items; a `Stamp` an authority obtains the tokens."""

    name: ClassVar[str] = "timestamp"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        proofs: Proofs,
        authorities: Sequence[TimestampAuthority],
        policy: BatchPolicy,
        stamped: Callable[[int], None],
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        """Describe it; `closed` is called after each batch, `stamped` with the number of items after each token."""
        super().__init__(clock=clock, agent_name=agent_name)
        self._proofs = proofs
        self._on_stamped = stamped
        self._on_closed = closed
        self._policy = policy
        self._stir = asyncio.Event()
        self._urgent_not_before = 0.0
        self._unstamped = Unstamped(count=0, oldest_received_at=0, failed=0)
        self._looked_at = 0
        self._look_at = 0.0
        self._began = 0.0
        self._delays: deque[int] = deque(maxlen=DELAYS)
        self._closed: deque[float] = deque(maxlen=CLOSED)
        self._measured: OrderedDict[int, None] = OrderedDict()
        self.authorities = [
            Stamp(
                clock=clock,
                agent_name=agent_name,
                proofs=proofs,
                authority=authority,
                obtained=self._obtained,
                failed=self._failed_to_stamp,
            )
            for authority in authorities
        ]
        """One behaviour an authority; they run beside this one."""

    def wake(self, _items: int = 0) -> None:
        """Say that items were committed."""
        self._stir.set()

    async def run(self) -> None:
        """Close what is due, then wait for more."""
        self._stir.clear()
        self._began = self.clock.monotonic()
        await self._log_audits()
        unproved = await self._proofs.unbatched()
        if not await self._close_due(unproved):
            await self._look()
            await self._rest(unproved)

    def report(self) -> TimestampState:
        """Return how time-stamping fares, as it was last looked at."""
        waiting, delays = self._unstamped, list(self._delays)
        age = self.clock.now() - waiting.oldest_received_at if waiting.count else 0
        return TimestampState(
            authorities=tuple(authority.report() for authority in self.authorities),
            batches=self.counters["batches closed"],
            batch_seconds=self._policy.seconds,
            batches_a_minute=self._batches_a_minute(),
            urgent_batches=self.counters["urgent batches"],
            pending=waiting.count,
            failed=waiting.failed,
            oldest_pending=max(0, age) / MICROSECONDS,
            looked_at=self._looked_at,
            delays=len(delays),
            delay_p50=_seconds(percentile(delays, 0.5)),
            delay_p99=_seconds(percentile(delays, 0.99)),
        )

    def _batches_a_minute(self) -> float:
        since = self.clock.monotonic() - PACE_OVER
        return sum(moment > since for moment in self._closed) * MINUTE / PACE_OVER

    async def _log_audits(self) -> None:
        """Take in what was written to the audit log, by this process or another one."""
        logged = await self._proofs.log_audits()
        if logged.count:
            self.counters["audit entries logged"] += logged.count
        if logged.damaged:
            self.counters["audit entries damaged"] += len(logged.damaged)
            self.log.error("audit entries were changed by hand and cannot be logged", numbers=logged.damaged)

    async def _rest(self, unproved: Unbatched) -> None:
        self._doing = "waiting"
        pause = TICK if unproved.count else IDLE
        if unproved.urgent:
            pause = min(TICK, max(0.01, self._urgent_not_before - self.clock.monotonic()))
        try:
            await asyncio.wait_for(self._stir.wait(), pause)
        except TimeoutError:
            return
        await self.pause(max(0.0, self._began + GATHER - self.clock.monotonic()))

    async def _close_due(self, unproved: Unbatched) -> bool:
        regular = self._is_due(unproved)
        if not regular and not self._is_urgent(unproved):
            return False
        batch = await self._proofs.close_batch(max_items=self._policy.items)
        if batch is None:
            return False
        self.counters["batches closed"] += 1
        self._closed.append(self.clock.monotonic())
        if unproved.urgent and not regular:
            self.counters["urgent batches"] += 1
            self._urgent_not_before = self.clock.monotonic() + URGENT_PAUSE
        for authority in self.authorities:
            authority.wake(batch if unproved.urgent else None)
        self._on_closed()
        return True

    def _is_due(self, unproved: Unbatched) -> bool:
        if unproved.count == 0:
            return False
        age = (self.clock.now() - unproved.oldest_received_at) / MICROSECONDS
        # A clock that was set back makes the age negative: close at once rather than never.
        return unproved.count >= self._policy.items or not 0 <= age < self._policy.seconds

    def _is_urgent(self, unproved: Unbatched) -> bool:
        return unproved.urgent and self.clock.monotonic() >= self._urgent_not_before

    async def _look(self) -> None:
        """Read what has no token yet, not more often than anybody wants to know."""
        if self.clock.monotonic() >= self._look_at:
            self._look_at = self.clock.monotonic() + LOOK_EVERY
            self._unstamped = await self._proofs.unstamped()
            self._looked_at = self.clock.now()

    async def _obtained(self, batch: PendingBatch, token: VerifiedToken) -> None:
        self.counters["tokens"] += 1
        self._on_stamped(batch.items)
        # What was read before this token would say that its items still wait.
        self._look_at = 0.0
        if not batch.state.is_stamped and batch.id not in self._measured:
            self._measured[batch.id] = None
            if len(self._measured) > MEASURED:
                self._measured.popitem(last=False)
            collected = await self._proofs.collected_at(batch)
            self._delays.extend(token.gen_time - moment for moment in collected)

    def _failed_to_stamp(self) -> None:
        self.counters["stamping failed"] += 1


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / MICROSECONDS
