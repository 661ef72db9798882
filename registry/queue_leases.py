"""Handing items of a queue out and taking them back: plain functions inside the caller's transaction.

1. Oldest first; what somebody has, or what waits after a failure, does not hold up what is behind it.
2. Each handing out counts an attempt. One that says "not the item's fault" is not counted.
3. From the second failed attempt on an item travels alone: if it kills its consumer, it alone is to blame.
4. After `max_attempts` it is a dead letter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, literal_column, or_, select, update

from registry import queue_tables, tables
from registry.payload_rows import inline_size
from vedette.clock import MICROSECONDS
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MAX_LEASE = 600
"""Seconds that an item may be with a consumer without an answer."""

MAX_WAIT = 300
"""Seconds at most before an item that failed is handed out again."""

ALONE_FROM = 2
"""Failed attempts after which an item is handed out alone."""

_UNANSWERED = "was handed out {} times and never answered: the consumer died of it or took too long"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leased:
    """An item that a consumer has now."""

    id: int
    """Names it in the answer."""
    uuid: str
    """The item's uuid."""
    attempts: int
    """How often it was handed out, this time included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An item that may be handed out."""

    id: int
    """Its row."""
    uuid: str
    """The item's uuid."""
    attempts: int
    """How often it was handed out before."""
    size: int
    """Bytes that it takes about in a message."""


def choose(
    candidates: Sequence[Candidate], *, max_bytes: int, max_attempts: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Return which to hand out together, in order, and which to give up. Pure."""
    chosen: list[Candidate] = []
    given_up: list[Candidate] = []
    size = 0
    for candidate in candidates:
        if candidate.attempts >= max_attempts:
            given_up.append(candidate)
            continue
        size += candidate.size
        alone = candidate.attempts >= ALONE_FROM
        if chosen and (alone or size > max_bytes):
            break
        chosen.append(candidate)
        if alone:
            break
    return chosen, given_up


def lease(
    connection: Connection,
    queue_id: int,
    *,
    consumer: str,
    limit: int,
    max_bytes: int,
    max_attempts: int,
    until: int,
    now: int,
) -> list[Leased]:
    """Hand out the first items that are due, until `until` (microseconds since 1970)."""
    candidates = _candidates(connection, queue_id, limit=limit, now=now)
    chosen, given_up = choose(candidates, max_bytes=max_bytes, max_attempts=max_attempts)
    for candidate in given_up:
        bury(connection, candidate.id, reason=_UNANSWERED.format(candidate.attempts), now=now)
    table = queue_tables.queue_item
    if chosen:
        mine = table.c.id.in_([candidate.id for candidate in chosen])
        values = {"consumer": consumer, "due_at": until, "attempts": table.c.attempts + 1}
        connection.execute(update(table).where(mine).values(values))
    return [Leased(id=one.id, uuid=one.uuid, attempts=one.attempts + 1) for one in chosen]


def _candidates(connection: Connection, queue_id: int, *, limit: int, now: int) -> list[Candidate]:
    table, item = queue_tables.queue_item, tables.item
    # Base64 makes 4/3 of the payload; the statement holds the whole meta.
    size = func.length(item.c.statement) + inline_size() * 4 / 3
    query = select(table.c.id, item.c.uuid, table.c.attempts, size.label("size"))
    same = (item.c.chain_id == table.c.chain_id) & (item.c.log_index == table.c.log_index)
    query = query.join(item, same).where(table.c.queue_id == queue_id, _is_due(now))
    query = query.order_by(table.c.id).limit(limit).with_for_update(of=table, skip_locked=True)
    return [
        Candidate(id=row.id, uuid=row.uuid, attempts=row.attempts, size=int(row.size))
        for row in connection.execute(query)
    ]


def _is_due(now: int) -> ColumnElement[bool]:
    due = queue_tables.queue_item.c.due_at
    # What is due later than any lease can end was leased before the clock was put back: do not wait for it.
    return or_(due <= now, due > now + MAX_LEASE * MICROSECONDS)


def is_leased() -> ColumnElement[bool]:
    """Return the condition that a consumer has the item: in the very words of the index, so that it is used."""
    return queue_tables.queue_item.c.consumer != literal_column("''")


def any_due(connection: Connection, names: Collection[str], *, now: int) -> set[str]:
    """Return those of the queues that have something to hand out."""
    queue, table = queue_tables.queue, queue_tables.queue_item
    found = set()
    for row in connection.execute(select(queue.c.id, queue.c.name).where(queue.c.name.in_(list(names)))):
        query = select(table.c.id).where(table.c.queue_id == row.id, _is_due(now))
        # In order, as an index has it: else PostgreSQL reads other queues' rows until it meets one of this one.
        query = query.order_by(table.c.queue_id, table.c.id).limit(1)
        if connection.execute(query).one_or_none() is not None:
            found.add(row.name)
    return found


def reclaim(
    connection: Connection, queue_id: int, *, jid: str, consumer: str, held: Collection[int], now: int
) -> int:
    """Take back what this agent should have, but says it has not; returns how many.

    What went to its present life never arrived: not counted as an attempt. What an earlier life had may
    have killed it: counted.
    """
    table = queue_tables.queue_item
    query = select(table.c.id, table.c.consumer).where(table.c.queue_id == queue_id, is_leased())
    rows = connection.execute(query).all()
    lost = [row.id for row in rows if row.consumer == consumer and row.id not in held]
    earlier = [row.id for row in rows if row.consumer.startswith(f"{jid}/") and row.consumer != consumer]
    for ids, uncounted in ((lost, 1), (earlier, 0)):
        if ids:
            values = {"consumer": "", "due_at": now, "attempts": table.c.attempts - uncounted}
            connection.execute(update(table).where(table.c.id.in_(ids)).values(values))
    return len(lost) + len(earlier)


def acknowledge(connection: Connection, queue_id: int, *, consumer: str, ids: Collection[int]) -> int:
    """Forget items that their consumer handled; returns how many it still had."""
    table = queue_tables.queue_item
    mine = (table.c.id.in_(list(ids)), table.c.queue_id == queue_id, table.c.consumer == consumer)
    return connection.execute(delete(table).where(*mine)).rowcount


def release(connection: Connection, queue_id: int, *, consumer: str, ids: Collection[int], now: int) -> int:
    """Take back items whose handling was not tried; returns how many. Not counted as an attempt."""
    table = queue_tables.queue_item
    mine = (table.c.id.in_(list(ids)), table.c.queue_id == queue_id, table.c.consumer == consumer)
    values = {"consumer": "", "due_at": now, "attempts": table.c.attempts - 1}
    return connection.execute(update(table).where(*mine).values(values)).rowcount


def reject(
    connection: Connection,
    queue_id: int,
    *,
    consumer: str,
    failures: Sequence[tuple[int, str]],
    max_attempts: int,
    now: int,
) -> list[int]:
    """Note why items could not be handled; returns those that are dead letters now."""
    table = queue_tables.queue_item
    dead: list[int] = []
    for item_id, reason in failures:
        mine = (table.c.id == item_id, table.c.queue_id == queue_id, table.c.consumer == consumer)
        row = connection.execute(select(table.c.attempts).where(*mine).with_for_update()).one_or_none()
        if row is None:
            continue
        if row.attempts >= max_attempts:
            bury(connection, item_id, reason=reason, now=now)
            dead.append(item_id)
            continue
        due_at = now + min(2**row.attempts, MAX_WAIT) * MICROSECONDS
        values = {"consumer": "", "due_at": due_at, "reason": storable(reason, limit=MAX_TEXT)}
        connection.execute(update(table).where(table.c.id == item_id).values(values))
    return dead


def bury(connection: Connection, item_id: int, *, reason: str, now: int) -> None:
    """Make an item a dead letter of its queue."""
    table, dead = queue_tables.queue_item, queue_tables.queue_dead_letter
    row: Row[Any] = connection.execute(select(table).where(table.c.id == item_id)).one()
    kept = {name: getattr(row, name) for name in ("queue_id", "chain_id", "log_index", "queued_at", "attempts")}
    kept |= {"died_at": now, "reason": storable(reason, limit=MAX_TEXT), "discarded_at": None, "why": ""}
    connection.execute(insert(dead).values(kept))
    connection.execute(delete(table).where(table.c.id == item_id))
