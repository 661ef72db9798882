"""Dead letters as they are listed: lines from the queues' tables and from outboxes, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, func, select

from registry import tables
from registry.outbox_visit import OutboxVisit
from registry.outbox_work import NotInOutboxError
from registry.queue_tables import queue, queue_dead_letter
from vedette.storable import storable

QUEUE: Final = "queue:"
"""What the names of queues begin with."""

OUTBOX: Final = "outbox:"
"""What the names of outboxes begin with."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class LettersWanted:
    """Which dead letters to list; what is None does not matter."""

    place: str | None = None
    """Only those there: `queue:NAME` or `outbox:NAME`."""
    discarded: bool = False
    """Also those that a person gave up for good."""
    sender: str | None = None
    """Bare JID of the agent that made the items."""
    reason: str | None = None
    """What the reason, or the field that it names, has in it, whatever the case."""
    since: int | None = None
    """Microseconds since 1970: given up then or later."""
    until: int | None = None
    """Microseconds since 1970: given up before."""

    def fits(self, line: DeadLetterLine) -> bool:
        """Tell whether a line is wanted, its place apart."""
        text = f"{line.field} {line.reason}".lower()
        return (
            self.sender in (None, line.sender)
            and (self.reason is None or self.reason.lower() in text)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the same for the letters of queues, their place included."""
        letter, conditions = queue_dead_letter, list[ColumnElement[bool]]()
        if self.place is not None:
            # By its number, so that the letters come in their order from an index.
            name = storable(self.place.removeprefix(QUEUE))
            number = select(queue.c.id).where(queue.c.name == name).correlate(None).scalar_subquery()
            conditions.append(letter.c.queue_id == number)
        if not self.discarded:
            conditions.append(letter.c.discarded_at.is_(None))
        if self.sender is not None:
            conditions.append(tables.item.c.agent == storable(self.sender))
        if self.reason is not None:
            reason = storable(self.reason.lower())
            conditions.append(func.lower(letter.c.reason).contains(reason, autoescape=True))
        if self.since is not None:
            conditions.append(letter.c.died_at >= self.since)
        if self.until is not None:
            conditions.append(letter.c.died_at < self.until)
        return conditions


def letters_query(wanted: LettersWanted) -> Select[Any]:
    """Return the query for letters of queues."""
    letter, item = queue_dead_letter, tables.item
    own = (letter.c[name] for name in ("died_at", "attempts", "reason", "discarded_at", "why"))
    query = select(letter.c.id.label("number"), queue.c.name, item.c.uuid, item.c.agent, *own)
    same = (item.c.chain_id == letter.c.chain_id) & (item.c.log_index == letter.c.log_index)
    query = query.select_from(letter).join(queue, queue.c.id == letter.c.queue_id).join(item, same)
    return query.where(*wanted.conditions())


def line_of(row: RowMapping) -> DeadLetterLine:
    """Return the line of a row of that query."""
    names = ("number", "uuid", "attempts", "reason", "discarded_at", "why")
    return DeadLetterLine(
        **{name: row[name] for name in names},
        place=QUEUE + row["name"],
        sender=row["agent"],
        at=row["died_at"],
        field="",
    )


def lines_of_outbox(visit: OutboxVisit, *, discarded: bool) -> list[DeadLetterLine]:
    """Return the letters of an outbox, with `discarded` the tombstones, too.

    Raises:
        StoreError: the outbox cannot be read.
    """
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


def letter_of_outbox(visit: OutboxVisit, uuid: str) -> tuple[DeadLetterLine, bytes | None]:
    """Return one letter of an outbox and its content; None where only its tombstone is left.

    Raises:
        NotInOutboxError: there is none.
        StoreError: the outbox cannot be read.
    """
    for line in lines_of_outbox(visit, discarded=True):
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
