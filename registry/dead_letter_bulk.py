"""Deciding about many dead letters at once: chosen ones, or all that a filter finds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from registry.audit import record_audit
from registry.callers import Actor
from registry.database import Database
from registry.dead_letter_lines import QUEUE, LettersWanted
from registry.dead_letter_list import DeadLetters, UnknownPlaceError, decision_entry
from registry.queue_dead_letters import discard_letter, replay_letter
from registry.queue_errors import NoSuchDeadLetterError
from vedette.clock import Clock

MOST = 5_000
"""Letters that one decision is about: it takes seconds, and somebody waits for it."""

TOGETHER = 50
"""Letters in one transaction: whoever commits meanwhile waits for no more than that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterName:
    """Which dead letter."""

    place: str
    """`queue:NAME` or `outbox:NAME`."""
    uuid: str
    """The item's uuid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkDone:
    """What became of a decision about many."""

    done: int
    """Letters that were replayed or discarded."""
    missing: int
    """Letters that were not there any more: somebody else decided about them."""
    left: int
    """Letters that the filter still finds: decide again."""


class DeadLetterBulk:
    """Decides about many dead letters of a store and of this machine's outboxes."""

    def __init__(self, *, database: Database, letters: DeadLetters, clock: Clock) -> None:
        self._database = database
        self._letters = letters
        self._clock = clock

    async def decide(self, names: Iterable[LetterName], *, reason: str | None, by: Actor) -> BulkDone:
        """Replay dead letters, or with a reason discard them; each has its entry in the audit log.

        What was done before something fails stays done.

        Raises:
            StoreError: the database failed, or an outbox cannot be written.
        """
        chosen = list(dict.fromkeys(names))[:MOST]
        done = 0
        for place in dict.fromkeys(one.place for one in chosen):
            uuids = [one.uuid for one in chosen if one.place == place]
            for start in range(0, len(uuids), TOGETHER):
                done += await self._at(place, uuids[start : start + TOGETHER], reason=reason, by=by)
        return BulkDone(done=done, missing=len(chosen) - done, left=0)

    async def decide_all(self, wanted: LettersWanted, *, reason: str | None, by: Actor) -> BulkDone:
        """Do the same to all that are wanted, at most `MOST` of them.

        Raises:
            UnknownPlaceError: there is no such place.
            StoreError: the database failed, or an outbox cannot be read or written.
        """
        names: list[LetterName] = []
        cursor = None
        while len(names) < MOST:
            page = await self._letters.page(wanted=wanted, limit=TOGETHER, cursor=cursor)
            waiting = (line for line in page.rows if line.discarded_at is None)
            names += [LetterName(place=line.place, uuid=line.uuid) for line in waiting]
            cursor = page.next
            if cursor is None:
                break
        result = await self.decide(names, reason=reason, by=by)
        left = (await self._letters.counts(wanted)).total
        return BulkDone(done=result.done, missing=result.missing, left=left)

    async def _at(self, place: str, uuids: Sequence[str], *, reason: str | None, by: Actor) -> int:
        if place.startswith(QUEUE):
            name, now = place.removeprefix(QUEUE), self._clock.now()
            return await self._database.write(
                lambda connection: _in_queue(connection, name, uuids, reason=reason, by=by, now=now)
            )
        try:
            visit = await self._letters.outbox(place)
        except UnknownPlaceError:
            return 0
        done = await asyncio.to_thread(visit.decide, uuids, reason=reason)
        await self._record([(place, uuid) for uuid in done], reason=reason, by=by)
        return len(done)

    async def _record(self, done: Sequence[tuple[str, str]], *, reason: str | None, by: Actor) -> None:
        now = self._clock.now()

        def work(connection: Connection) -> None:
            for place, uuid in done:
                record_audit(connection, decision_entry(place, uuid, reason=reason, by=by), now=now)

        await self._database.write(work)


def _in_queue(
    connection: Connection, queue: str, uuids: Sequence[str], *, reason: str | None, by: Actor, now: int
) -> int:
    done = 0
    for uuid in uuids:
        try:
            if reason is None:
                replay_letter(connection, queue, uuid, by=by, now=now)
            else:
                discard_letter(connection, queue, uuid, reason, by=by, now=now)
        except NoSuchDeadLetterError:
            # Somebody else decided about it since it was chosen; nothing was written for it.
            continue
        done += 1
    return done
