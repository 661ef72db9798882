"""Closing batches and having their roots time-stamped; collection never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.proofs import PendingBatch, Proofs
from vedette.clock import MICROSECONDS, Clock
from vedette.delivery.backoff import Backoff
from vedette.errors import TimestampError
from vedette.evidence.timestamping import TimestampAuthority

TICK = 0.25
"""Seconds between looks at the clock while nothing is committed."""

STAMPED_TOGETHER = 16
"""Batches given to one authority in one go."""


@dataclass(frozen=True, kw_only=True)
class BatchPolicy:
    """When a batch is closed: whichever comes first."""

    items: int = 1000
    """Items in a batch."""
    seconds: float = 5.0
    """Age of the oldest item that is in no batch yet."""


@dataclass(kw_only=True)
class AuthorityState:
    """How a time-stamping authority fares."""

    authority: TimestampAuthority
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, most=60.0))
    not_before: float = 0.0
    """Monotonic seconds: no request earlier than that."""
    stamped: int = 0
    """Tokens obtained."""
    failures: int = 0
    """Requests that failed."""
    last_error: str = ""
    """Why the last one failed, empty after a success."""


class Timestamp(SupervisedBehaviour):
    """Closes batches by count or age and obtains a token for each from every authority."""

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
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._proofs = proofs
        self._on_stamped = stamped
        self._policy = policy
        self._stir = asyncio.Event()
        self.authorities = [AuthorityState(authority=authority) for authority in authorities]

    def wake(self, _items: int = 0) -> None:
        """Say that items were committed."""
        self._stir.set()

    async def run(self) -> None:
        """Close what is due, then stamp what waits."""
        closed = await self._close_due()
        results = await asyncio.gather(*(self._stamp_all(state) for state in self.authorities))
        if not closed and not any(results):
            await self._rest()

    async def _rest(self) -> None:
        self._doing = "waiting"
        self._stir.clear()
        try:
            await asyncio.wait_for(self._stir.wait(), TICK)
        except TimeoutError:
            return

    async def _close_due(self) -> bool:
        unproved = await self._proofs.unbatched()
        if unproved.count == 0:
            return False
        age = (self.clock.now() - unproved.oldest_received_at) / MICROSECONDS
        # A clock that was set back makes the age negative: close at once rather than never.
        if unproved.count < self._policy.items and 0 <= age < self._policy.seconds:
            return False
        batch = await self._proofs.close_batch(max_items=self._policy.items)
        if batch is not None:
            self.counters["batches closed"] += 1
        return batch is not None

    async def _stamp_all(self, state: AuthorityState) -> bool:
        """Stamp the batches that lack this authority's token; return whether any was stamped."""
        if self.clock.monotonic() < state.not_before:
            return False
        waiting = await self._proofs.pending_batches(tsa=state.authority.name, limit=STAMPED_TOGETHER)
        stamped = False
        for batch in waiting:
            if not await self._stamp(state, batch):
                break
            stamped = True
        return stamped

    async def _stamp(self, state: AuthorityState, batch: PendingBatch) -> bool:
        authority = state.authority
        try:
            token = await authority.stamp(batch.root)
        except TimestampError as error:
            state.failures += 1
            wait = state.backoff.next()
            state.not_before = self.clock.monotonic() + wait
            if str(error) != state.last_error:
                self.log.warning("not stamped", tsa=authority.name, reason=str(error), again_in=round(wait, 1))
            state.last_error = str(error)
            self.counters["stamping failed"] += 1
            return False
        await self._proofs.store_token(batch=batch, tsa=authority.name, external=authority.external, token=token)
        state.stamped += 1
        state.last_error = ""
        state.backoff.reset()
        self.counters["tokens"] += 1
        self._on_stamped(batch.count)
        return True
