"""Repairs in the store: what is wrong, until when; taken note of by a person, with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, not_, or_, select, update

from registry import repair_rows
from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF, Actor
from registry.database import Database
from registry.evidence_tables import alarm
from registry.listing import Order, Page, read_page
from registry.repair_rows import RepairChanges
from registry.repair_tables import repair, repair_look
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import VedetteError
from vedette.messages.limits import MAX_TEXT
from vedette.repairs.repair import Severity
from vedette.repairs.rules import Checked, Judgement
from vedette.storable import storable

REPAIRS: Final = Order(name="repairs", columns=(repair.c.id,), kinds=(int,))
"""Newest first."""

MAX_OPEN = 2_000
"""Repairs that are shown at once; the rules find fewer."""

_DAY: Final = 86_400 * MICROSECONDS


class UnknownRepairError(VedetteError):
    """There is no repair of this number that is still to be done."""


class RepairState(StrEnum):
    """How a repair stands."""

    OPEN = "open"
    """Nobody took note of it, or the time for which somebody did is over."""
    NOTED = "noted"
    """A person took note of it; it is still wrong."""
    ENDED = "ended"
    """It is right again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairLine:
    """Something that is or was wrong."""

    id: int
    """Its number."""
    state: str
    """open, noted or ended."""
    severity: str
    """critical, warning or notice."""
    kind: str
    """What kind of thing."""
    place: str
    """What it is about."""
    what: str
    """What is wrong."""
    cause: str
    """Why, as far as is known."""
    remedy: str
    """What to do."""
    link: str
    """Path of the page that shows more; empty where there is none."""
    since: int
    """Microseconds since 1970: since when it is wrong."""
    began_at: int
    """Microseconds since 1970: when it was seen first."""
    ended_at: int | None
    """Microseconds since 1970: when it was right again; null while it is wrong."""
    noted_at: int | None
    """Microseconds since 1970: when a person took note of it."""
    noted_by: str
    """Who that was."""
    noted_why: str
    """What that person says about it."""
    noted_until: int | None
    """Microseconds since 1970: until when that counts; null: until it ends."""
    observer: str
    """Whose hub saw it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """When somebody looked last, and at what."""

    observer: str
    """Bare JID of the engine whose hub looks."""
    at: int
    """Microseconds since 1970."""
    checks: tuple[Checked, ...]
    """At what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairsWanted:
    """Which repairs to list; what is None does not matter."""

    kind: str | None = None
    """What kind."""
    severity: Severity | None = None
    """How much they matter."""
    state: RepairState | None = None
    """How they stand."""
    ended: bool | None = None
    """Only those that are right again, or only those that are wrong now."""


class Repairs:
    """The repairs of a store, from all its hubs."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, judgement: Judgement, *, observer: str, kept: int) -> RepairChanges:
        """Store what an observer sees now: what is new begins, what it does not see any more ends.

        Args:
            judgement: what is wrong, and what was looked at.
            observer: who looks; what others see is left alone.
            kept: microseconds that repairs which ended are kept.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.write(
            lambda connection: repair_rows.note(connection, judgement, observer=observer, now=now, kept=kept)
        )

    async def waiting(self, wanted: RepairsWanted | None = None) -> list[RepairLine]:
        """Return what is wrong now, the worst first, then what is wrong longest; those taken note of at the end.

        Raises:
            StoreError: the database failed.
        """
        now, asked = self._clock.now(), wanted or RepairsWanted()
        query = select(*repair.c).where(*_conditions(replace(asked, ended=False), now)).limit(MAX_OPEN)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return sorted((_line(row, now) for row in rows), key=_order)

    async def page(
        self, *, wanted: RepairsWanted | None = None, limit: int, cursor: str | None = None
    ) -> Page[RepairLine]:
        """Return the newest repairs, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        now = self._clock.now()
        query = select(*repair.c).where(*_conditions(wanted or RepairsWanted(), now))
        return await self._database.read(
            lambda connection: read_page(
                connection, query, order=REPAIRS, limit=limit, cursor=cursor, row=lambda row: _line(row, now)
            )
        )

    async def count(self) -> int:
        """Return how many are open.

        Raises:
            StoreError: the database failed.
        """
        return sum((await self.counts()).values())

    async def counts(self) -> dict[tuple[str, Severity], int]:
        """Return how many are open, by kind and how much they matter; where there is none, there is no count.

        Raises:
            StoreError: the database failed.
        """
        which = repair.c.kind, repair.c.severity
        query = select(*which, func.count()).where(_is(RepairState.OPEN, self._clock.now())).group_by(*which)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {(kind, Severity(severity)): number for kind, severity, number in rows}

    async def looks(self) -> list[Look]:
        """Return when each observer looked last, and at what.

        Raises:
            StoreError: the database failed.
        """
        query = select(*repair_look.c).order_by(repair_look.c.observer)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Look(observer=row.observer, at=row.at, checks=_checks(row.checks)) for row in rows]

    async def acknowledge(
        self, number: int, *, reason: str, seconds: float | None = None, by: Actor = ITSELF
    ) -> RepairLine:
        """Say that a person took note of a repair; an alarm that it is about is noted with it.

        Args:
            number: the repair.
            reason: what the person says about it; kept.
            seconds: for how long that counts; None: until it ends.
            by: who takes note.

        Raises:
            UnknownRepairError: there is none of this number that is still wrong.
            StoreError: the database failed.
        """
        now = self._clock.now()
        values = {
            "noted_at": now,
            "noted_by": storable(by.who, limit=MAX_TEXT),
            "noted_why": storable(reason, limit=MAX_TEXT),
            "noted_until": None if seconds is None else now + int(seconds * MICROSECONDS),
        }

        def work(connection: Connection) -> RowMapping | None:
            mine = and_(repair.c.id == number, repair.c.ended_at.is_(None))
            row = (
                connection.execute(update(repair).where(mine).values(values).returning(*repair.c)).mappings().first()
            )
            if row is not None:
                _note_alarm(connection, row, now)
                length = "until it ends" if seconds is None else f"for {int(seconds)} s"
                record_audit(connection, _entry(row, by, f"{length}: {reason}"), now=now)
            return row

        found = await self._database.write(work)
        if found is None:
            raise UnknownRepairError(f"{number}: there is no repair of this number that is still to be done")
        return _line(found, now)


def _note_alarm(connection: Connection, row: RowMapping, now: int) -> None:
    """Take note of the alarm that a repair is about, which ends it at the next look."""
    word, _, number = row["reference"].partition(" ")
    if word == "alarm" and number.isdigit():
        unseen = and_(alarm.c.id == int(number), alarm.c.acknowledged_at.is_(None))
        connection.execute(update(alarm).where(unseen).values(acknowledged_at=now))


def _entry(row: RowMapping, by: Actor, detail: str) -> AuditEntry:
    what = f"repair {row['id']}: {row['kind']} {row['place']}"
    return AuditEntry(who=by.who, action="repair.acknowledge", object=what, origin=by.origin, detail=detail)


def _is(state: RepairState, now: int) -> ColumnElement[bool]:
    wrong = repair.c.ended_at.is_(None)
    noted = and_(repair.c.noted_at.is_not(None), or_(repair.c.noted_until.is_(None), repair.c.noted_until > now))
    if state is RepairState.ENDED:
        return repair.c.ended_at.is_not(None)
    return and_(wrong, noted) if state is RepairState.NOTED else and_(wrong, not_(noted))


def _conditions(wanted: RepairsWanted, now: int) -> Sequence[ColumnElement[bool]]:
    conditions = []
    if wanted.kind is not None:
        conditions.append(repair.c.kind == wanted.kind)
    if wanted.severity is not None:
        conditions.append(repair.c.severity == wanted.severity.value)
    if wanted.state is not None:
        conditions.append(_is(wanted.state, now))
    if wanted.ended is not None:
        conditions.append(repair.c.ended_at.is_not(None) if wanted.ended else repair.c.ended_at.is_(None))
    return conditions


_STORED: Final = [field.name for field in fields(RepairLine) if field.name != "state"]


def _line(row: RowMapping, now: int) -> RepairLine:
    values: dict[str, Any] = {name: row[name] for name in _STORED}
    return RepairLine(state=_state(row, now).value, **values)


def _state(row: RowMapping, now: int) -> RepairState:
    if row["ended_at"] is not None:
        return RepairState.ENDED
    counts = row["noted_at"] is not None and (row["noted_until"] is None or row["noted_until"] > now)
    return RepairState.NOTED if counts else RepairState.OPEN


def _order(line: RepairLine) -> tuple[bool, int, int, int]:
    return line.state == RepairState.NOTED, Severity(line.severity).rank, line.since, line.id


def _checks(text: str) -> tuple[Checked, ...]:
    return tuple(Checked(name=name, found=found, problem=problem) for name, found, problem in orjson.loads(text))
