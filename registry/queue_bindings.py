"""Queues and their bindings: plain functions inside the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, insert, select, text

from registry import queue_tables, tables
from registry.audit import AuditEntry, record_audit
from registry.enqueue import hold
from registry.queue_errors import ForeignQueueError, UnknownQueueError
from vedette.errors import RefusedError
from vedette.routing import check_pattern

MAX_QUEUES = 100
"""Queues of a store: each is a row more for every item that it matches."""

MAX_PATTERNS = 64
"""Bindings of a queue."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who wants to use a queue."""

    jid: str
    """Bare JID."""
    role: str
    """The role that it was enrolled in."""

    def owns(self, owner: str) -> bool:
        """Tell whether a queue of this owner, a bare JID or a role, is the asker's."""
        return owner in (self.jid, self.role)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What a binding did."""

    patterns: tuple[str, ...]
    """The patterns that are new."""
    held: int
    """Earlier items that are held now because of them."""


def require(connection: Connection, name: str, asker: Asker) -> int:
    """Return the id of a queue that the asker may use.

    Raises:
        UnknownQueueError: there is none of this name.
        ForeignQueueError: it is somebody else's.
    """
    table = queue_tables.queue
    row = connection.execute(select(table.c.id, table.c.owner).where(table.c.name == name)).one_or_none()
    if row is None:
        raise UnknownQueueError(name[:64])
    if not asker.owns(row.owner):
        raise ForeignQueueError(name, row.owner)
    return int(row.id)


def bind(
    connection: Connection,
    name: str,
    *,
    owner: str,
    asker: Asker,
    patterns: Sequence[str],
    from_start: bool,
    now: int,
) -> Bound:
    """Make the queue if there is none, and add the patterns that it lacks.

    Raises:
        RefusedError: a wrong name or pattern, too many of them, or the queue is somebody else's.
    """
    for pattern in patterns:
        check_pattern(pattern)
    _stop_commits(connection)
    queue_id = _make(connection, name, owner=owner, asker=asker, now=now)
    table = queue_tables.binding
    query = select(table.c.pattern).where(table.c.queue_id == queue_id)
    known = set(connection.execute(query).scalars())
    fresh = tuple(pattern for pattern in dict.fromkeys(patterns) if pattern not in known)
    if len(known) + len(fresh) > MAX_PATTERNS:
        raise RefusedError("patterns", f"a queue has at most {MAX_PATTERNS}")
    if fresh:
        rows = [{"queue_id": queue_id, "pattern": pattern, "bound_at": now} for pattern in fresh]
        connection.execute(insert(table), rows)
    held = _hold_earlier(connection, queue_id, fresh) if from_start and fresh else 0
    return Bound(patterns=fresh, held=held)


def unbind(connection: Connection, name: str, *, asker: Asker, patterns: Sequence[str], now: int) -> int:
    """Take patterns away; what is held already stays held. Returns how many there were.

    Raises:
        RefusedError: the queue is unknown or somebody else's.
    """
    queue_id = require(connection, name, asker)
    table = queue_tables.binding
    mine = (table.c.queue_id == queue_id, table.c.pattern.in_(list(patterns)))
    count = connection.execute(delete(table).where(*mine)).rowcount
    if count:
        detail = f"{count} taken away of: {', '.join(patterns)}"
        entry = AuditEntry(
            who=f"agent {asker.jid}", action="queue.unbind", object=f"queue {name}", origin="xmpp", detail=detail
        )
        record_audit(connection, entry, now=now)
    return count


def _stop_commits(connection: Connection) -> None:
    """Wait for the commits that do not see the new binding, and let those that follow wait for it.

    Without, an item committed at this very moment could be seen neither by its commit nor by us. SQLite
    has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE chain IN EXCLUSIVE MODE"))


def _make(connection: Connection, name: str, *, owner: str, asker: Asker, now: int) -> int:
    table = queue_tables.queue
    try:
        return require(connection, name, asker)
    except UnknownQueueError:
        if not _NAME.match(name):
            raise RefusedError("queue", "must be 1 to 64 of a-z 0-9 . _ -, a letter or digit first") from None
    if not asker.owns(owner):
        raise RefusedError("owner", f"{owner[:128]!r} is neither the asker nor its role")
    if connection.execute(select(func.count()).select_from(table)).scalar_one() >= MAX_QUEUES:
        raise RefusedError("queue", f"there are {MAX_QUEUES} already, the most that a store may have")
    key = connection.execute(insert(table).values(name=name, owner=owner, created_at=now)).inserted_primary_key
    return int(key[0]) if key is not None else require(connection, name, asker)


def _hold_earlier(connection: Connection, queue_id: int, patterns: Sequence[str]) -> int:
    sources = set(connection.execute(select(tables.item.c.source).distinct()).scalars())
    among = [is_not_in(table, queue_id) for table in (queue_tables.queue_item, queue_tables.queue_dead_letter)]
    return hold(connection, queue_id, patterns=patterns, sources=sources, among=among)


def is_not_in(table: Table, queue_id: int) -> ColumnElement[bool]:
    """Tell of items that a queue does not hold, or that are no dead letters of it."""
    item = tables.item
    same = (table.c.chain_id == item.c.chain_id, table.c.log_index == item.c.log_index)
    return ~exists().where(table.c.queue_id == queue_id, *same)
