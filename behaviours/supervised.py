"""The behaviour that all others derive from: supervised, counted, with a bounded mailbox.

SPADE kills a behaviour whose `run()` raises, and lets mailboxes grow without end. Here an exception is
logged with its cause, counted, shown, and the behaviour starts over with backoff.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

from spade.behaviour import CyclicBehaviour

from behaviours.exchange import Incoming
from vedette.clock import Clock
from vedette.delivery.backoff import Backoff
from vedette.log import Logger, logger
from vedette.messages.envelope import Action, Performative
from vedette.messages.state import BehaviourState

MAILBOX = 64
"""Messages that wait for a behaviour; more are dropped and counted, and their senders try again."""


WARNED = 1000
"""Different refusals that a behaviour logs once each; the rest is only counted."""


class SupervisedBehaviour(CyclicBehaviour):
    """A behaviour that survives its own exceptions and says how it fares."""

    name: ClassVar[str] = "behaviour"
    """What it does: one verb, as on the agent's page."""
    accepts: ClassVar[frozenset[tuple[Performative, Action | None]]] = frozenset()
    """The messages that are put into its mailbox."""

    def __init__(self, *, clock: Clock, agent_name: str) -> None:
        super().__init__()
        self.clock = clock
        self.log: Logger = logger(self.name, agent=agent_name)
        self.counters: Counter[str] = Counter()
        self.backoff = Backoff(first=0.5, most=30.0)
        self._mailbox: asyncio.Queue[Incoming] = asyncio.Queue(MAILBOX)
        self._task: asyncio.Task[None] | None = None
        self._warned: set[tuple[str, ...]] = set()
        self._doing = "waiting"
        self._runs = 0
        self._failures = 0
        self._last_error = ""
        self._last_error_at: int | None = None
        self._last_run_at: int | None = None

    # What SPADE calls ----------------------------------------------------------------

    def start(self) -> None:
        """Start the behaviour's task; called by SPADE when the agent is up."""
        self._task = asyncio.create_task(self._supervise(), name=self.name)
        self.is_running = True

    def kill(self, exit_code: object = None) -> None:
        """Stop the behaviour now, wherever it waits."""
        self._force_kill.set()
        if exit_code is not None:
            self._exit_code = exit_code
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=0.5)
            # Again: before Python 3.12 wait_for can swallow a cancellation (python/cpython#86296).
            self._task.cancel()

    def state(self) -> BehaviourState:
        """Return how it fares, for the agent's page."""
        return BehaviourState.model_validate(
            {
                "name": self.name,
                "state": self._doing,
                "runs": self._runs,
                "failures": self._failures,
                "last_error": self._last_error,
                "last_error_at": self._last_error_at,
                "last_run_at": self._last_run_at,
                "counters": dict(self.counters),
            }
        )

    def deliver(self, message: Incoming) -> bool:
        """Put a message into the mailbox; False when it is full and the message is dropped."""
        try:
            self._mailbox.put_nowait(message)
        except asyncio.QueueFull:
            self.counters["dropped"] += 1
            return False
        return True

    # What behaviours call ------------------------------------------------------------

    async def take(self, *, time_limit: float | None = None) -> Incoming | None:
        """Return the next message, None when none comes within `time_limit` seconds."""
        self._doing = "waiting"
        try:
            return await asyncio.wait_for(self._mailbox.get(), time_limit)
        except TimeoutError:
            return None
        finally:
            self._doing = "running"

    def take_now(self) -> Incoming | None:
        """Return the next message if one waits."""
        return None if self._mailbox.empty() else self._mailbox.get_nowait()

    async def pause(self, seconds: float) -> None:
        """Wait without being called running."""
        self._doing = "waiting"
        await asyncio.sleep(seconds)
        self._doing = "running"

    def warn_once(self, event: str, *key: str, **values: object) -> None:
        """Log a warning the first time that it is about `key`: who repeats himself must not fill the disk."""
        if (event, *key) not in self._warned and len(self._warned) < WARNED:
            self._warned.add((event, *key))
            self.log.warning(event, **values)

    # Supervision ---------------------------------------------------------------------

    async def _supervise(self) -> None:
        try:
            while not self.is_killed():
                await self._run_once()
            await self.on_end()
        except asyncio.CancelledError:
            if not self.is_killed():
                raise
        finally:
            self._doing = "finished" if self._exit_code else "stopped"
            self.is_running = False

    async def _run_once(self) -> None:
        self._doing = "running"
        self._runs += 1
        self._last_run_at = self.clock.now()
        try:
            await self.run()
        except Exception as error:  # noqa: BLE001 - the boundary that keeps an agent alive
            await self._failed(error)
        else:
            self.backoff.reset()
            await asyncio.sleep(0)

    async def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._last_error = f"{type(error).__name__}: {error}"[:1000]
        self._last_error_at = self.clock.now()
        wait = self.backoff.next()
        self.log.error("behaviour failed, starts over", again_in=round(wait, 1), exc_info=error)
        self._doing = "backing off"
        await asyncio.sleep(wait)
