"""Having closed batches time-stamped by one authority; how it fares delays neither collection nor another one."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.proofs import PendingBatch, Proofs
from vedette.clock import Clock
from vedette.delivery.circuit_breaker import CircuitBreaker, CircuitState
from vedette.errors import TimestampError
from vedette.evidence.clock_check import ClockOffset, clock_offset
from vedette.evidence.timestamp_state import AuthorityReport
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken
from vedette.messages.state import BehaviourState

TICK = 0.25
"""Seconds between looks whether the authority may be asked again."""

LOOK_EVERY = 1.0
"""Seconds between looks for batches that nobody told of, as those of an engine that it stands in for."""

STAMPED_TOGETHER = 16
"""Batches that are read together."""

AT_ONCE = 4
"""Requests under way at once at an authority that is well: a backlog must not take a round trip a batch."""

MAX_URGENT = 64
"""Urgent batches that are put before older ones; more wait their turn."""

LATENCIES = 100
"""Answers that the latency is the middle of."""

Obtained = Callable[[PendingBatch, VerifiedToken], Awaitable[None]]
"""Called with a batch and its token once that is stored."""


class Stamp(SupervisedBehaviour):
    """Obtains a token for each batch from one authority, as its circuit breaker allows."""

    name: ClassVar[str] = "stamp"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        proofs: Proofs,
        authority: TimestampAuthority,
        obtained: Obtained,
        failed: Callable[[], None],
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self.authority = authority
        self.circuit = CircuitBreaker(clock=clock, seconds_between=authority.seconds_between)
        self.last_error = ""
        """Why the last request failed, empty after a success."""
        self._proofs = proofs
        self._on_obtained = obtained
        self._on_failed = failed
        self._stir = asyncio.Event()
        self._urgent: deque[PendingBatch] = deque(maxlen=MAX_URGENT)
        self._stamped: deque[int] = deque(maxlen=2 * MAX_URGENT)
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._last_failure_at: int | None = None
        self._last_token_at: int | None = None
        self._offset: ClockOffset | None = None
        self._was_off = False

    def wake(self, urgent: PendingBatch | None = None) -> None:
        """Say that a batch was closed; an `urgent` one is stamped before older ones."""
        if urgent is not None:
            self._urgent.append(urgent)
        self._stir.set()

    async def run(self) -> None:
        """Stamp what waits, if the authority may be asked now; then wait for more."""
        self._stir.clear()
        if self.circuit.ready_in() > 0 or not await self._stamp_waiting():
            await self._rest()

    def report(self) -> AuthorityReport:
        """Return how the authority fares."""
        wait = self.circuit.ready_in()
        latencies = sorted(self._latencies)
        return AuthorityReport(
            name=self.authority.name,
            external=self.authority.external,
            circuit=self.circuit.state,
            next_attempt_in=0.0 if math.isinf(wait) else wait,
            asked_wait=self.circuit.asked_wait(),
            tokens=self.counters["tokens"],
            failures=self.counters["failures"],
            last_error=self.last_error,
            last_error_at=self._last_failure_at,
            last_token_at=self._last_token_at,
            latency=latencies[len(latencies) // 2] if latencies else None,
            seconds_between=self.authority.seconds_between,
            clock=self._offset,
            clock_off=self.counters["clock off"],
        )

    def state(self) -> BehaviourState:
        """Return how it fares, for the agent's page, by the authority's name."""
        return super().state().model_copy(update={"name": f"stamp: {self.authority.name}"})

    async def _rest(self) -> None:
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), TICK if self.circuit.ready_in() > 0 else LOOK_EVERY)
        except TimeoutError:
            return
        finally:
            self._doing = "running"

    async def _stamp_waiting(self) -> bool:
        """Stamp batches until none is left of those read, or the authority fails; return whether any was stamped."""
        waiting = await self._waiting()
        stamped = False
        while waiting:
            width = 1 if self.circuit.one_at_a_time else AT_ONCE
            results = await self._stamp_together(waiting[:width])
            stamped = stamped or any(results)
            if not all(results):
                break
            del waiting[:width]
        return stamped

    async def _waiting(self) -> list[PendingBatch]:
        """Return urgent batches, then the oldest."""
        urgent = [batch for batch in self._urgent if batch.id not in self._stamped]
        self._urgent.clear()
        ids = {batch.id for batch in urgent}
        oldest = await self._proofs.pending_batches(tsa=self.authority.name, limit=STAMPED_TOGETHER)
        return [*urgent, *(batch for batch in oldest if batch.id not in ids)]

    async def _stamp_together(self, batches: Sequence[PendingBatch]) -> list[bool]:
        results = await asyncio.gather(*map(self._stamp, batches), return_exceptions=True)
        # All have ended here: none goes on without a supervisor when another one raised.
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result is True for result in results]

    async def _stamp(self, batch: PendingBatch) -> bool:
        if not self.circuit.begin():
            return False
        asked_at, began = self.clock.now(), self.clock.monotonic()
        try:
            token = await self.authority.stamp(batch.root)
        except TimestampError as error:
            self._note_failure(error, self.circuit.failed(retry_after=error.retry_after))
            return False
        except BaseException:
            self.circuit.abandoned()
            raise
        self._note_success(token, asked_at=asked_at, began=began)
        await self._proofs.store_token(
            batch=batch, tsa=self.authority.name, external=self.authority.external, token=token
        )
        self._stamped.append(batch.id)
        self.counters["tokens"] += 1
        await self._on_obtained(batch, token)
        return True

    def _note_failure(self, error: TimestampError, wait: float) -> None:
        self.counters["failures"] += 1
        self._last_failure_at = self.clock.now()
        if str(error) != self.last_error:
            self.log.warning("not stamped", tsa=self.authority.name, reason=str(error), again_in=round(wait, 1))
        self.last_error = str(error)
        self._on_failed()

    def _note_success(self, token: VerifiedToken, *, asked_at: int, began: float) -> None:
        if self.circuit.state is not CircuitState.CLOSED:
            self.log.info("stamps again", tsa=self.authority.name, after_failures=self.circuit.failures)
        self.circuit.succeeded()
        self.last_error = ""
        self._last_token_at = self.clock.now()
        self._latencies.append(self.clock.monotonic() - began)
        self._check_clock(token, asked_at=asked_at, answered_at=self._last_token_at)

    def _check_clock(self, token: VerifiedToken, *, asked_at: int, answered_at: int) -> None:
        """Note a genTime that cannot be with both clocks right; the token is kept all the same."""
        self._offset = clock_offset(
            gen_time=token.gen_time, accuracy=token.accuracy, asked_at=asked_at, answered_at=answered_at
        )
        off = self._offset.is_off
        if off:
            self.counters["clock off"] += 1
        if off and not self._was_off:
            # Once each time that it begins: a clock that is off makes one such token a batch.
            self.log.warning(
                "clock off, ours or the authority's: check both",
                tsa=self.authority.name,
                offset_microseconds=self._offset.offset,
                margin_microseconds=self._offset.margin,
            )
        self._was_off = off
