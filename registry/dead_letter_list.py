"""The list of dead letters, wherever they are: in the consumers' queues, and in this machine's outboxes."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from registry import tables
from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from registry.database import Database
from registry.dead_letter_lines import (
    OUTBOX,
    QUEUE,
    DeadLetterLine,
    LettersWanted,
    letter_of_outbox,
    letters_query,
    line_of,
    lines_of_outbox,
)
from registry.listing import MAX_PAGE, Cursor, Key, Order, Page, read_cursor, read_page, write_cursor
from registry.outbox_visit import OutboxVisit
from registry.queue_dead_letters import QueueDeadLetters
from registry.queue_errors import NoSuchDeadLetterError
from registry.queue_tables import queue_dead_letter
from vedette.clock import Clock
from vedette.errors import VedetteError

DEAD_LETTERS: Final = Order(name="dead letters", columns=(), kinds=(int, str, int))
"""Newest first, by the time at which they were given up (discarded ones of outboxes: discarded), place and number."""

_QUEUED = Order(name="queued", columns=(queue_dead_letter.c.died_at, queue_dead_letter.c.id), kinds=(int, int))


REASONS: Final = 12
"""Reasons that are counted apart on a page."""


class UnknownPlaceError(VedetteError):
    """There is no queue or outbox of this name here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterCounts:
    """How many dead letters there are."""

    total: int
    """All."""
    reasons: tuple[tuple[str, int], ...]
    """The most frequent reasons, each with how often, most first."""


class DeadLetters:
    """All dead letters that can be seen from the store's machine."""

    def __init__(self, *, database: Database, outboxes: Path, clock: Clock) -> None:
        """Describe them; `outboxes` is the folder of this machine's outbox files."""
        self._database = database
        self._outboxes = outboxes
        self._clock = clock
        self._queues = QueueDeadLetters(database=database, clock=clock)
        self._audit = Audit(database=database, clock=clock)

    async def page(
        self, *, wanted: LettersWanted | None = None, limit: int, cursor: str | None = None
    ) -> Page[DeadLetterLine]:
        """Return the newest dead letters, or the page that the cursor points at.

        Args:
            wanted: which; None: all that wait.
            limit: letters in the page.
            cursor: as a page of this list gave it.

        Raises:
            UnknownPlaceError: there is no such place.
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed, or an outbox cannot be read; names it.
        """
        at = None if cursor is None else read_cursor(DEAD_LETTERS, cursor)
        limit = max(1, min(limit, MAX_PAGE))
        asked = wanted or LettersWanted()
        lines = await self._of_outboxes(asked)
        if _has_queues(asked.place):
            lines += await self._of_queues(asked, limit=limit, at=at)
        return _merged(lines, at, limit=limit)

    async def counts(self, wanted: LettersWanted, *, most: int = REASONS) -> LetterCounts:
        """Return how many letters are wanted, and their most frequent reasons.

        Raises:
            UnknownPlaceError: there is no such place.
            StoreError: the database failed, or an outbox cannot be read; names it.
        """
        reasons = Counter(line.reason for line in await self._of_outboxes(wanted))
        if _has_queues(wanted.place):
            inner = letters_query(wanted).subquery()
            query = select(inner.c.reason, func.count()).group_by(inner.c.reason)
            rows = await self._database.read(lambda connection: connection.execute(query).all())
            reasons.update({reason: count for reason, count in rows})
        ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        return LetterCounts(total=reasons.total(), reasons=tuple(ordered[:most]))

    async def _of_outboxes(self, wanted: LettersWanted) -> list[DeadLetterLine]:
        lines: list[DeadLetterLine] = []
        for visit in await asyncio.to_thread(self._visits, wanted.place):
            lines += await asyncio.to_thread(lines_of_outbox, visit, discarded=wanted.discarded)
        return [line for line in lines if wanted.fits(line)]

    async def _of_queues(self, wanted: LettersWanted, *, limit: int, at: Cursor | None) -> list[DeadLetterLine]:
        query, text = letters_query(wanted), None if at is None else write_cursor(_QUEUED, _queued(at))
        page = await self._database.read(
            lambda connection: read_page(
                connection, query, order=_QUEUED, limit=limit + 1, most=limit + 1, cursor=text, row=line_of
            )
        )
        return page.rows

    async def find(self, place: str, uuid: str) -> tuple[DeadLetterLine, bytes | None]:
        """Return one dead letter and its content; None where that is in the store under its uuid, or deleted.

        Raises:
            UnknownPlaceError: there is no such place.
            NotInOutboxError: the outbox has no such dead letter.
            NoSuchDeadLetterError: the queue has none.
            StoreError: the database failed, or the outbox cannot be read.
        """
        if not place.startswith(QUEUE):
            return await asyncio.to_thread(letter_of_outbox, await self.outbox(place), uuid)
        query = letters_query(LettersWanted(place=place, discarded=True)).where(tables.item.c.uuid == uuid)
        query = query.order_by(queue_dead_letter.c.id.desc()).limit(1)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise NoSuchDeadLetterError(place.removeprefix(QUEUE), uuid)
        return line_of(row), None

    async def outbox(self, place: str) -> OutboxVisit:
        """Return the outbox of a place `outbox:NAME`.

        Raises:
            UnknownPlaceError: there is none.
        """
        found = await asyncio.to_thread(self._visits, place)
        if not found:
            raise UnknownPlaceError(f"{place[:128]}: there is no outbox of this name on this machine")
        return found[0]

    async def decide(self, place: str, uuid: str, *, reason: str | None, by: Actor) -> None:
        """Let a dead letter be tried again, or give it up for good with a reason; either is in the audit log.

        Raises:
            UnknownPlaceError: there is no such place.
            NotInOutboxError: the outbox has no such dead letter.
            NoSuchDeadLetterError: the queue has none, or it was discarded.
            StoreError: the database failed, or the outbox cannot be written.
        """
        if not place.startswith(QUEUE):
            await self._decide_in_outbox(await self.outbox(place), uuid, reason=reason, by=by)
        elif reason is None:
            await self._queues.replay(place.removeprefix(QUEUE), uuid, by=by)
        else:
            await self._queues.discard(place.removeprefix(QUEUE), uuid, reason, by=by)

    async def _decide_in_outbox(self, visit: OutboxVisit, uuid: str, *, reason: str | None, by: Actor) -> None:
        if reason is None:
            await asyncio.to_thread(visit.replay, uuid)
        else:
            await asyncio.to_thread(visit.discard, uuid, reason)
        # The outbox is another file, which no transaction of the store's spans.
        await self._audit.record(decision_entry(OUTBOX + visit.path.stem, uuid, reason=reason, by=by))

    def _visits(self, place: str | None) -> list[OutboxVisit]:
        if place is not None and not place.startswith((QUEUE, OUTBOX)):
            raise UnknownPlaceError("a place is queue:NAME or outbox:NAME")
        # Looked for among those that are there: a name never becomes part of a path.
        files = sorted(self._outboxes.glob("*.db"))
        return [OutboxVisit(path, clock=self._clock) for path in files if place in (None, OUTBOX + path.stem)]


def decision_entry(place: str, uuid: str, *, reason: str | None, by: Actor) -> AuditEntry:
    """Return the entry for what is decided about a letter of an outbox."""
    action = "dead-letter.replay" if reason is None else "dead-letter.discard"
    return AuditEntry(who=by.who, action=action, object=f"{uuid} in {place}", origin=by.origin, detail=reason or "")


def _has_queues(place: str | None) -> bool:
    return place is None or place.startswith(QUEUE)


def _key(line: DeadLetterLine) -> Key:
    # The letters of all queues are numbered together.
    return line.at, QUEUE if line.place.startswith(QUEUE) else line.place, line.number


def _queued(at: Cursor) -> Cursor:
    """Return the same place among the letters of queues, which come before those of outboxes at one time."""
    moment, place, number = at.key
    return Cursor(following=at.following, key=(moment, number if place == QUEUE else -1))


def _merged(lines: list[DeadLetterLine], at: Cursor | None, *, limit: int) -> Page[DeadLetterLine]:
    following = at is None or at.following
    if at is not None:
        lines = [line for line in lines if (_key(line) < at.key if following else _key(line) > at.key)]
    lines.sort(key=_key, reverse=following)
    more, lines = len(lines) > limit, lines[:limit]
    if not following:
        lines.reverse()
    if not lines:
        return Page(rows=[])
    older = write_cursor(DEAD_LETTERS, Cursor(following=True, key=_key(lines[-1])))
    newer = write_cursor(DEAD_LETTERS, Cursor(following=False, key=_key(lines[0])))
    return Page(
        rows=lines,
        next=older if more or not following else None,
        previous=newer if (at is not None and following) or (more and not following) else None,
    )
