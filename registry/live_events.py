"""Everything that happens in a store, in one order that a reader can go on with: items, tokens, presence.

The store itself is the queue: a reader is a position, which is what the id of an event says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, select

from registry import tables
from registry.correlation_tables import finding
from registry.finding_list import finding_fields, findings_after
from registry.reading import Reads
from registry.repair_rows import changes_after, last_change
from registry.scandale_tables import posted_token
from vedette.errors import RefusedError

TOPICS = ("scan", "tst", "presence", "finding", "repair")
"""Kinds: an item was committed, a token came, an agent's presence changed, the correlation found something, something
must be repaired or is right again."""

SHOWN = 200
"""Characters of a text in an event; the whole is in the store."""

UUIDS = 100
"""Uuids in the event of a batch at most; the range of `log_index` says the rest."""

_MAX_LOGS = 64
_POSITION = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18}){3}(?:_[0-9]{1,9}\.[0-9]{1,18}\.[0-9]{1,18}){0,64}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPosition:
    """How far one engine's log has been read."""

    chain_id: int
    """Its chain."""
    next_index: int
    """The `log_index` to go on with."""
    token: int
    """Id of the last token over its batches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far everything has been read."""

    presence: int
    """Id of the last change of presence."""
    posted: int
    """Id of the last posted token."""
    finding: int
    """Id of the last finding."""
    repair: int
    """Id of the last change of a repair."""
    logs: tuple[LogPosition, ...]
    """Each engine's log, by chain."""

    def __str__(self) -> str:
        """Return it as the id of an event."""
        logs = (f"_{log.chain_id}.{log.next_index}.{log.token}" for log in self.logs)
        return f"{self.presence}.{self.posted}.{self.finding}.{self.repair}{''.join(logs)}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Return the position that an event's id says.

        Raises:
            RefusedError: it is none.
        """
        if not _POSITION.match(text):
            raise RefusedError("Last-Event-ID", "is not the id of an event here")
        first, *logs = ([int(part) for part in piece.split(".")] for piece in text.split("_"))
        return cls(
            presence=first[0],
            posted=first[1],
            finding=first[2],
            repair=first[3],
            logs=tuple(LogPosition(chain_id=one[0], next_index=one[1], token=one[2]) for one in logs),
        )

    def log(self, chain_id: int) -> LogPosition | None:
        """Return how far a chain has been read, None where it is not in it."""
        return next((log for log in self.logs if log.chain_id == chain_id), None)

    def covers(self, other: Position) -> bool:
        """Tell whether everything has been read that another reader has read."""
        return (
            other.presence <= self.presence
            and other.posted <= self.posted
            and other.finding <= self.finding
            and other.repair <= self.repair
            and all(_covers(self.log(log.chain_id), log) for log in other.logs)
        )

    def further(self, other: Position) -> Position:
        """Return the position past both."""
        logs = {log.chain_id: log for log in other.logs}
        logs |= {log.chain_id: log for log in self.logs if _covers(log, logs.get(log.chain_id, log))}
        return Position(
            presence=max(self.presence, other.presence),
            posted=max(self.posted, other.posted),
            finding=max(self.finding, other.finding),
            repair=max(self.repair, other.repair),
            logs=tuple(sorted(logs.values(), key=lambda log: log.chain_id)),
        )

    def with_log(self, changed: LogPosition) -> Position:
        """Return it with a log moved on."""
        kept = [log for log in self.logs if log.chain_id != changed.chain_id]
        return replace(self, logs=tuple(sorted([*kept, changed], key=lambda log: log.chain_id)))

    def without(self, chain_id: int) -> Position:
        """Return it without a log."""
        return replace(self, logs=tuple(log for log in self.logs if log.chain_id != chain_id))


def _covers(log: LogPosition | None, other: LogPosition) -> bool:
    # A chain that is not read any more has ended.
    return log is None or (other.next_index <= log.next_index and other.token <= log.token)


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveEvent:
    """One thing that happened."""

    topic: str
    """Its kind."""
    fields: dict[str, Any]
    """What is said of it, as JSON."""
    position: Position
    """The position after it."""
    place: tuple[str, int, int]
    """Which it is: source, chain and number within."""

    def is_before(self, position: Position) -> bool:
        """Tell whether a reader at this position has read it."""
        source, chain_id, number = self.place
        if source == "presence":
            return number <= position.presence
        if source == "posted":
            return number <= position.posted
        if source == "finding":
            return number <= position.finding
        if source == "repair":
            return number <= position.repair
        log = position.log(chain_id)
        return log is not None and (number < log.next_index if source == "item" else number <= log.token)


class LiveEvents:
    """The events of a store, of all its engines."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def now(self) -> Position:
        """Return the position after everything that has happened.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(_now)

    async def after(self, position: Position, *, limit: int) -> list[LiveEvent]:
        """Return the events that follow a position, at most `limit` of each source.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _Reading(connection, position, limit=limit).events())


def _now(connection: Connection) -> Position:
    chain, token, batch = tables.chain, tables.token, tables.batch
    newest = select(chain.c.id, chain.c.engine, chain.c.next_index).order_by(chain.c.id)
    last = {row.engine: row for row in connection.execute(newest)}
    logs = []
    for row in last.values():
        mine = select(chain.c.id).where(chain.c.engine == row.engine)
        tokens = select(token.c.id).join(batch, batch.c.id == token.c.batch_id).where(batch.c.chain_id.in_(mine))
        newest_token = connection.execute(tokens.order_by(token.c.id.desc()).limit(1)).scalar_one_or_none()
        logs.append(LogPosition(chain_id=row.id, next_index=row.next_index, token=newest_token or 0))
    return Position(
        presence=connection.execute(select(func.max(tables.presence_change.c.id))).scalar_one() or 0,
        posted=connection.execute(select(func.max(posted_token.c.id))).scalar_one() or 0,
        finding=connection.execute(select(func.max(finding.c.id))).scalar_one() or 0,
        repair=last_change(connection),
        logs=tuple(sorted(logs, key=lambda log: log.chain_id)[-_MAX_LOGS:]),
    )


class _Reading:
    """One look at the store."""

    def __init__(self, connection: Connection, position: Position, *, limit: int) -> None:
        self._connection = connection
        self._position = position
        self._limit = limit
        self._events: list[LiveEvent] = []

    def events(self) -> list[LiveEvent]:
        """Return what follows."""
        chain = tables.chain
        engines: dict[str, list[int]] = {}
        rows = self._connection.execute(select(chain.c.engine, chain.c.id).order_by(chain.c.id))
        for engine, chain_id in rows:
            engines.setdefault(engine, []).append(chain_id)
        for engine, chains in list(engines.items())[-_MAX_LOGS:]:
            self._read_log(engine, chains)
        self._read_posted()
        self._read_presence()
        self._read_findings()
        self._read_repairs()
        return self._events

    def _read_log(self, engine: str, chains: Sequence[int]) -> None:
        log = next((log for log in self._position.logs if log.chain_id in chains), None)
        # An engine that is new to the reader is read from its beginning.
        log = log or LogPosition(chain_id=chains[0], next_index=0, token=0)
        log, whole = self._read_items(engine, log)
        for later in (chain_id for chain_id in chains if chain_id > log.chain_id):
            if not whole:
                break
            # A restored backup began another chain.
            self._position = self._position.without(log.chain_id)
            log, whole = self._read_items(engine, replace(log, chain_id=later, next_index=0))
        self._read_tokens(engine, log, chains)

    def _read_items(self, engine: str, log: LogPosition) -> tuple[LogPosition, bool]:
        """Read items of a chain; returns how far, and whether that is its end."""
        item, count = tables.item, 0
        names = ("uuid", "agent", "type", "format", "target", "source", "verdict", "received_at", "log_index", "size")
        query = select(*(item.c[name] for name in names))
        query = query.where(item.c.chain_id == log.chain_id, item.c.log_index >= log.next_index)
        for row in self._connection.execute(query.order_by(item.c.log_index).limit(self._limit)).mappings():
            count += 1
            log = replace(log, next_index=row["log_index"] + 1)
            place = ("item", log.chain_id, row["log_index"])
            self._add("scan", _shown(dict(row)) | {"engine": engine}, log, place)
        return log, count < self._limit

    def _read_tokens(self, engine: str, log: LogPosition, chains: Sequence[int]) -> None:
        token, batch = tables.token, tables.batch
        names = ("number", "state", "first_index", "last_index", "chain_id")
        query = select(token.c.id, token.c.tsa, token.c.gen_time, *(batch.c[name] for name in names))
        items = batch.c["count"] - batch.c.audit_count
        query = query.add_columns(items.label("items")).join(batch, batch.c.id == token.c.batch_id)
        # A batch that only holds audit entries is no news to those who wait for items.
        query = query.where(token.c.id > log.token, batch.c.chain_id.in_(chains), items > 0)
        for row in self._connection.execute(query.order_by(token.c.id).limit(self._limit)).all():
            log = replace(log, token=row.id)
            fields = {
                "engine": engine,
                "batch": row.number,
                "count": row.items,
                "state": row.state,
                "tsa": row.tsa,
                "gen_time": row.gen_time,
                "first_index": row.first_index,
                "last_index": row.last_index,
                "uuids": self._uuids_of(row.chain_id, row.first_index, row.last_index),
            }
            self._add("tst", fields, log, ("token", log.chain_id, row.id))

    def _uuids_of(self, chain_id: int, first: int, last: int) -> list[str]:
        item = tables.item
        query = select(item.c.uuid).where(item.c.chain_id == chain_id, item.c.log_index.between(first, last))
        return list(self._connection.execute(query.order_by(item.c.log_index).limit(UUIDS)).scalars())

    def _read_posted(self) -> None:
        names = ("id", "uuid", "form", "authority", "gen_time", "posted_by")
        query = select(*(posted_token.c[name] for name in names)).where(posted_token.c.id > self._position.posted)
        for row in self._connection.execute(query.order_by(posted_token.c.id).limit(self._limit)).all():
            self._position = replace(self._position, posted=row.id)
            fields = {
                "tsa": row.authority,
                "gen_time": row.gen_time,
                "uuids": [row.uuid],
                "count": 1,
                "over": row.form,
                "posted_by": row.posted_by,
            }
            self._events.append(
                LiveEvent(
                    topic="tst",
                    fields=fields,
                    position=self._position,
                    place=("posted", 0, row.id),
                )
            )

    def _read_presence(self) -> None:
        change = tables.presence_change
        names = ("id", "jid", "show", "status", "at", "cause")
        query = select(*(change.c[name] for name in names)).where(change.c.id > self._position.presence)
        for row in self._connection.execute(query.order_by(change.c.id).limit(self._limit)).mappings():
            self._position = replace(self._position, presence=row["id"])
            fields = _shown(dict(row))
            number = fields.pop("id")
            place = ("presence", 0, number)
            self._events.append(LiveEvent(topic="presence", fields=fields, position=self._position, place=place))

    def _read_findings(self) -> None:
        for found in findings_after(self._connection, self._position.finding, limit=self._limit):
            self._position = replace(self._position, finding=found.id)
            place = ("finding", 0, found.id)
            self._events.append(
                LiveEvent(topic="finding", fields=finding_fields(found), position=self._position, place=place)
            )

    def _read_repairs(self) -> None:
        for number, fields in changes_after(self._connection, self._position.repair, limit=self._limit):
            self._position = replace(self._position, repair=number)
            self._events.append(
                LiveEvent(topic="repair", fields=_shown(fields), position=self._position, place=("repair", 0, number))
            )

    def _add(self, topic: str, fields: dict[str, Any], log: LogPosition, place: tuple[str, int, int]) -> None:
        self._position = self._position.with_log(log)
        self._events.append(LiveEvent(topic=topic, fields=fields, position=self._position, place=place))


def _shown(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:SHOWN] if isinstance(value, str) else value for name, value in fields.items()}
