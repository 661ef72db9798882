"""Notices between processes over one PostgreSQL (LISTEN, NOTIFY): what one commits wakes the others at once.

Triggers send them within the transaction that writes, whoever that is; PostgreSQL delivers each once it is committed,
and folds those of one transaction that say the same. A notice says only what kind of thing happened: who hears it
looks into the store, as it would have done a moment later by itself. So nothing is lost where notices are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import psycopg
from sqlalchemy.engine import URL

from registry.engines import CONNECT, LISTENER, is_sqlite, parse_url, place_of
from vedette.delivery.backoff import Backoff
from vedette.log import logger

CHANNEL: Final = "vedette"
"""PostgreSQL's name of the channel, as the triggers of the first migration have it."""

QUIET: Final = 30.0
"""Seconds without a notice after which the server is asked whether it is still there."""


class Topic(StrEnum):
    """What happened."""

    ITEMS = "items"
    """Items were committed."""
    TOKENS = "tokens"
    """A batch was stamped, or a token posted."""
    FINDINGS = "findings"
    """The correlation found something."""
    PRESENCE = "presence"
    """An agent's presence changed."""
    REPAIRS = "repairs"
    """Something must be repaired, or is right again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticesState:
    """How the listening fares."""

    listening: bool
    """Whether there is a connection: else what others commit is found by looking alone, seconds later."""
    counted: Mapping[str, int]
    """Notices heard, by topic, connections that were lost, and notices that whoever hears failed at."""


Heard = Callable[[Topic], None]
"""Called for each notice; after a new connection for every topic, since some may have been missed."""


class Notices:
    """Hears what is committed in a store, as long as it runs; with SQLite there is nothing to hear."""

    def __init__(self, url: str, *, heard: Heard) -> None:
        """Describe it.

        Args:
            url: of the store, or of the same database without a pooler in front of it, which keeps no LISTEN.
            heard: called in the event loop.
        """
        self._url: URL = parse_url(url)
        self._heard = heard
        self._task: asyncio.Task[None] | None = None
        self._log = logger("notices")
        self._backoff = Backoff(first=0.5, most=30.0)
        self._failed: set[Topic] = set()
        self.listening = asyncio.Event()
        """Set while there is a connection."""
        self.counters: Counter[str] = Counter()
        """As `NoticesState.counted`."""

    def state(self) -> NoticesState | None:
        """Return how it fares; None: with SQLite there is nothing to hear."""
        if is_sqlite(self._url):
            return None
        counted = dict.fromkeys((*(topic.value for topic in Topic), "lost", "failed", "unknown"), 0)
        return NoticesState(listening=self.listening.is_set(), counted=counted | self.counters)

    def start(self) -> None:
        """Begin to listen; what cannot be reached is tried again."""
        if not is_sqlite(self._url) and self._task is None:
            self._task = asyncio.create_task(self._keep_listening(), name="notices")

    async def stop(self) -> None:
        """End the connection; harmless when not started."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                self.counters["lost"] += 1
                wait = self._backoff.next()
                # Its words may name the user; a password is in none of them.
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                self._log.warning("no notices", place=place_of(self._url), reason=reason, again_in=round(wait, 1))
                await asyncio.sleep(wait)
            finally:
                self.listening.clear()

    async def _listen(self) -> None:
        words = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(
            words, autocommit=True, connect_timeout=CONNECT, application_name=LISTENER
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.listening.set()
            self._backoff.reset()
            for topic in Topic:
                self._tell(topic)
            while True:
                async for notice in connection.notifies(timeout=QUIET):
                    self._take(notice.payload)
                # Nothing came: is the server there, and not merely silent?
                async with asyncio.timeout(CONNECT):
                    await connection.execute("SELECT 1")

    def _take(self, payload: str) -> None:
        try:
            topic = Topic(payload)
        except ValueError:
            # Of a newer release, or of somebody else's.
            self.counters["unknown"] += 1
            return
        self.counters[topic.value] += 1
        self._tell(topic)

    def _tell(self, topic: Topic) -> None:
        """Tell who wants to hear; a mistake there must not end the listening."""
        try:
            self._heard(topic)
        except Exception as error:  # noqa: BLE001 - the boundary to whoever hears
            self.counters["failed"] += 1
            if topic not in self._failed:
                self._failed.add(topic)
                self._log.error("a notice could not be taken", topic=topic.value, exc_info=error)
