"""The list of dead letters, wherever they are: in the consumers' queues, and in this machine's outboxes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select

from registry import tables
from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from registry.database import Database
from registry.listing import MAX_PAGE, Cursor, Key, Order, Page, read_cursor, read_page, write_cursor
from registry.outbox_visit import OutboxVisit
from registry.outbox_work import NotInOutboxError
from registry.queue_dead_letters import QueueDeadLetters
from registry.queue_errors import NoSuchDeadLetterError
from registry.queue_tables import queue, queue_dead_letter
from vedette.clock import Clock
from vedette.errors import VedetteError

DEAD_LETTERS: Final = Order(name="dead letters", columns=(), kinds=(int, str, int))
"""Newest first, by the time at which they were given up (discarded ones of outboxes: discarded), place and number."""

_QUEUED = Order(name="queued", columns=(queue_dead_letter.c.died_at, queue_dead_letter.c.id), kinds=(int, int))

QUEUE, OUTBOX = "queue:", "outbox:"
"""What the names of places begin with."""


class UnknownPlaceError(VedetteError):
    """There is no queue or outbox of this name here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterLine:
    """An item that was given up."""

    place: str
    """`queue:NAME` or `outbox:NAME`."""
    number: int
    """Its number there."""
    uuid: str
    """The item's uuid."""
    sender: str
    """Bare JID of the agent that made the item."""
    at: int
    """Microseconds since 1970: when it was given up; of an outbox's tombstone, when it was discarded."""
    attempts: int | None
    """How often it was tried; null where only the tombstone is left."""
    field: str
    """Where the last refusal pointed; empty where a consumer failed."""
    reason: str
    """Why it was given up."""
    discarded_at: int | None
    """Microseconds since 1970: when a person discarded it; null while it waits."""
    why: str
    """Why that person did."""


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
        self, *, place: str | None, discarded: bool, limit: int, cursor: str | None = None
    ) -> Page[DeadLetterLine]:
        """Return the newest dead letters, or the page that the cursor points at.

        Args:
            place: only those there; None: everywhere.
            discarded: also the tombstones of what a person gave up for good.
            limit: letters in the page.
            cursor: as a page of this list gave it.

        Raises:
            UnknownPlaceError: there is no such place.
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed, or an outbox cannot be read; names it.
        """
        at = None if cursor is None else read_cursor(DEAD_LETTERS, cursor)
        limit = max(1, min(limit, MAX_PAGE))
        lines: list[DeadLetterLine] = []
        for visit in await asyncio.to_thread(self._visits, place):
            lines += await asyncio.to_thread(_of_outbox, visit, discarded=discarded)
        if place is None or place.startswith(QUEUE):
            name = None if place is None else place.removeprefix(QUEUE)
            lines += await self._of_queues(name, discarded=discarded, limit=limit, at=at)
        return _merged(lines, at, limit=limit)

    async def _of_queues(
        self, name: str | None, *, discarded: bool, limit: int, at: Cursor | None
    ) -> list[DeadLetterLine]:
        query, text = _query(name, discarded=discarded), None if at is None else write_cursor(_QUEUED, _queued(at))
        page = await self._database.read(
            lambda connection: read_page(
                connection, query, order=_QUEUED, limit=limit + 1, most=limit + 1, cursor=text, row=_line
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
            return await asyncio.to_thread(_one_of_outbox, await self.outbox(place), uuid)
        query = _query(place.removeprefix(QUEUE), discarded=True).where(tables.item.c.uuid == uuid)
        query = query.order_by(queue_dead_letter.c.id.desc()).limit(1)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise NoSuchDeadLetterError(place.removeprefix(QUEUE), uuid)
        return _line(row), None

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
        action, place = "replay" if reason is None else "discard", f"{uuid} in {OUTBOX}{visit.path.stem}"
        entry = AuditEntry(
            who=by.who, action=f"dead-letter.{action}", object=place, origin=by.origin, detail=reason or ""
        )
        await self._audit.record(entry)

    def _visits(self, place: str | None) -> list[OutboxVisit]:
        if place is not None and not place.startswith((QUEUE, OUTBOX)):
            raise UnknownPlaceError("a place is queue:NAME or outbox:NAME")
        # Looked for among those that are there: a name never becomes part of a path.
        files = sorted(self._outboxes.glob("*.db"))
        return [OutboxVisit(path, clock=self._clock) for path in files if place in (None, OUTBOX + path.stem)]


def _key(line: DeadLetterLine) -> Key:
    # The letters of all queues are numbered together.
    return line.at, QUEUE if line.place.startswith(QUEUE) else line.place, line.number


def _queued(at: Cursor) -> Cursor:
    """Return the same place among the letters of queues, which come before those of outboxes at one time."""
    moment, place, number = at.key
    return Cursor(following=at.following, key=(moment, number if place == QUEUE else -1))


def _query(name: str | None, *, discarded: bool) -> Select[Any]:
    letter, item = queue_dead_letter, tables.item
    own = (letter.c[name] for name in ("died_at", "attempts", "reason", "discarded_at", "why"))
    query = select(letter.c.id.label("number"), queue.c.name, item.c.uuid, item.c.agent, *own)
    same = (item.c.chain_id == letter.c.chain_id) & (item.c.log_index == letter.c.log_index)
    query = query.select_from(letter).join(queue, queue.c.id == letter.c.queue_id).join(item, same)
    if name is not None:
        # By its number, so that the letters come in their order from an index.
        number = select(queue.c.id).where(queue.c.name == name).correlate(None).scalar_subquery()
        query = query.where(letter.c.queue_id == number)
    return query if discarded else query.where(letter.c.discarded_at.is_(None))


def _line(row: RowMapping) -> DeadLetterLine:
    names = ("number", "uuid", "attempts", "reason", "discarded_at", "why")
    return DeadLetterLine(
        **{name: row[name] for name in names},
        place=QUEUE + row["name"],
        sender=row["agent"],
        at=row["died_at"],
        field="",
    )


def _of_outbox(visit: OutboxVisit, *, discarded: bool) -> list[DeadLetterLine]:
    place, agent = OUTBOX + visit.path.stem, visit.agent()
    waiting = [
        DeadLetterLine(
            place=place,
            number=letter.seq,
            uuid=letter.uuid,
            sender=agent,
            at=letter.died_at,
            attempts=letter.attempts,
            field=letter.field,
            reason=letter.reason,
            discarded_at=None,
            why="",
        )
        for letter in visit.dead_letters()
    ]
    return waiting + _tombstones(visit, place, agent) if discarded else waiting


def _one_of_outbox(visit: OutboxVisit, uuid: str) -> tuple[DeadLetterLine, bytes | None]:
    for line in _of_outbox(visit, discarded=True):
        if line.uuid == uuid:
            contents = (letter.data for letter in visit.dead_letters() if letter.uuid == uuid)
            return line, next(contents, None)
    raise NotInOutboxError(f"{uuid[:64]}: is no dead letter of {visit.path.stem[:128]}")


def _tombstones(visit: OutboxVisit, place: str, agent: str) -> list[DeadLetterLine]:
    return [
        DeadLetterLine(
            place=place,
            number=stone.seq,
            uuid=stone.uuid,
            sender=agent,
            at=stone.discarded_at,
            attempts=None,
            field=stone.field,
            reason=stone.reason,
            discarded_at=stone.discarded_at,
            why=stone.why,
        )
        for stone in visit.tombstones()
    ]


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
