"""The audit log: who did what to what, when and from where; written with the deed and proved like an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, insert, literal, select

from registry import tables
from registry.audit_tables import audit
from registry.database import Database
from registry.proof_state import ProofState
from vedette.clock import Clock
from vedette.errors import RefusedError, VedetteError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

MAX_PAGE = 1_000
"""Entries in one page at most."""

_MAX_NAME = 256
"""Characters of a text that is indexed: PostgreSQL refuses an index entry of more than 2,704 bytes."""

_LIMITS = {"who": _MAX_NAME, "action": _MAX_NAME, "object": _MAX_NAME, "origin": _MAX_NAME, "detail": MAX_TEXT}


class UnknownAuditEntryError(VedetteError):
    """There is no audit entry of this number in the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """Something that somebody did; none of it may be a secret. Longer texts are cut."""

    who: str
    """`user anna`, `key feeds`, `agent probe1@localhost`, `command line root`."""
    action: str
    """Dotted words, the noun first: `agent.enroll`, `document.delete`, `login.failed`."""
    object: str
    """What it was done to: a JID, an id, a uuid."""
    origin: str
    """Where from: an address, `command line`, `xmpp`."""
    detail: str = ""
    """Why, or what changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRecord:
    """An entry as it is stored."""

    id: int
    """Its number."""
    uuid: str
    """Its uuid: the statement names it."""
    at: int
    """Microseconds since 1970: when it was done, by the clock of who wrote it down."""
    who: str
    """Who did it."""
    action: str
    """What was done."""
    object: str
    """What it was done to."""
    origin: str
    """Where from."""
    detail: str
    """Why, or what changed."""
    engine: str | None
    """Bare JID of the engine that logged it; None for about a second, or while no engine runs."""
    epoch: str | None
    """Epoch of that engine's chain."""
    log_index: int | None
    """Its place in that chain."""
    state: ProofState
    """How far proved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFilter:
    """Which entries to list; what is None does not matter."""

    who: str | None = None
    """Who did it."""
    action: str | None = None
    """What was done; `agent.`, with the dot at the end, means all that begin so."""
    object: str | None = None
    """What it was done to."""
    since: int | None = None
    """Microseconds since 1970: done then or later."""
    until: int | None = None
    """Microseconds since 1970: done before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """Some entries, newest first."""

    entries: list[AuditRecord]
    """The entries."""
    cursor: str | None
    """Give it back to get what follows; None at the end."""


def record_audit(connection: Connection, entry: AuditEntry, *, now: int) -> None:
    """Write down what is done, in the transaction that does it; an engine logs it within about a second.

    Args:
        connection: the transaction of the deed: both are stored, or neither.
        entry: what is done.
        now: microseconds since 1970.
    """
    texts = {name: storable(getattr(entry, name), limit=limit) for name, limit in _LIMITS.items()}
    connection.execute(insert(audit), {"uuid": str(uuid4()), "at": now, **texts})


class Audit:
    """The audit log of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, entry: AuditEntry) -> None:
        """Write down what was done where there is no transaction of its own to do that in.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        await self._database.write(lambda connection: record_audit(connection, entry, now=now))

    async def page(
        self, *, wanted: AuditFilter | None = None, limit: int = 100, cursor: str | None = None
    ) -> AuditPage:
        """Return the newest entries that are wanted; pages stay stable while entries arrive.

        Raises:
            RefusedError: the cursor is not one of ours.
            StoreError: the database failed.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = _query().where(*_conditions(wanted or AuditFilter()))
        if cursor is not None:
            query = query.where(audit.c.id < _read_cursor(cursor))
        query = query.order_by(audit.c.id.desc()).limit(limit + 1)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        following = str(rows[limit - 1]["id"]) if len(rows) > limit else None
        return AuditPage(entries=[_record(row) for row in rows[:limit]], cursor=following)

    async def get(self, number: int) -> AuditRecord:
        """Return one entry.

        Raises:
            UnknownAuditEntryError: there is none of this number.
            StoreError: the database failed.
        """
        query = _query().where(audit.c.id == number)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise UnknownAuditEntryError(f"{number}: there is no such audit entry; see: vedette audit list")
        return _record(row)


def _query() -> Select[Any]:
    """Return the query for records: an entry's proof is its batch's, the first that ends past its place."""
    batch, chain = tables.batch, tables.chain
    state = select(batch.c.state).where(batch.c.chain_id == audit.c.chain_id, batch.c.last_index >= audit.c.log_index)
    state_column = func.coalesce(
        state.order_by(batch.c.last_index).limit(1).correlate(audit).scalar_subquery(),
        literal(ProofState.PENDING.value),
    )
    own = ("id", "uuid", "at", "who", "action", "object", "origin", "detail", "log_index")
    columns = [*(audit.c[name] for name in own), chain.c.engine, chain.c.epoch, state_column.label("state")]
    return select(*columns).outerjoin(chain, chain.c.id == audit.c.chain_id)


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.who is not None:
        conditions.append(audit.c.who == storable(wanted.who))
    if wanted.action is not None:
        action = storable(wanted.action)
        begins = audit.c.action.startswith(action, autoescape=True)
        conditions.append(begins if action.endswith(".") else audit.c.action == action)
    if wanted.object is not None:
        conditions.append(audit.c.object == storable(wanted.object))
    if wanted.since is not None:
        conditions.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit.c.at < wanted.until)
    return conditions


def _read_cursor(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise RefusedError("cursor", "is not one that a list of audit entries gave")
    return int(text)


def _record(row: RowMapping) -> AuditRecord:
    return AuditRecord(**dict(row) | {"state": ProofState(row["state"])})
