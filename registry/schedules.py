"""Schedules in the store: made, changed, paused, removed, and read; every change in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from random import Random
from typing import Any, Final, TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.listing import Order, Page, made_of, read_page
from registry.schedule_rows import Schedule, ScheduleRun, UnknownScheduleError, schedule_of, timetable_of
from registry.schedule_tables import schedule, schedule_run
from registry.schedule_work import jittered
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.scheduling.request import ScheduleRequest
from vedette.storable import storable

__all__ = ["MAX_SCHEDULES", "Schedule", "ScheduleRun", "Schedules", "UnknownScheduleError"]

T = TypeVar("T")

MAX_SCHEDULES = 10_000
"""Schedules that there may be."""

SCHEDULES: Final = Order(name="schedules", columns=(schedule.c.id,), kinds=(int,))
"""Newest first."""

RUNS: Final = Order(name="schedule runs", columns=(schedule_run.c.id,), kinds=(int,))
"""Newest first."""


class Schedules:
    """The schedules of a store."""

    def __init__(self, *, database: Database, clock: Clock, randomness: Random | None = None) -> None:
        self._database = database
        self._clock = clock
        self._random = randomness or Random()  # noqa: S311 (spreads load, protects nothing)

    # Changing ------------------------------------------------------------------------

    async def add(self, request: ScheduleRequest, *, by: Actor) -> Schedule:
        """Make a schedule.

        Raises:
            RefusedError: the name is taken, the timetable cannot be used, or there are too many.
            StoreError: the database failed.
        """
        now = self._clock.now()
        values = self._values(request, by=by, now=now) | {"uuid": str(uuid4()), "created_at": now}

        def work(connection: Connection) -> Schedule:
            if connection.execute(select(func.count()).select_from(schedule)).scalar_one() >= MAX_SCHEDULES:
                raise RefusedError("name", f"there are {MAX_SCHEDULES} schedules; remove some first")
            _check_name(connection, request.name, "")
            number = connection.execute(
                insert(schedule).values(_BLANK | values).returning(schedule.c.id)
            ).scalar_one()
            _record(connection, by, "schedule.create", str(values["uuid"]), _detail(request), now=now)
            return _read(connection, schedule.c.id == number, now=now)

        return await self._write(work)

    async def change(self, uuid: str, request: ScheduleRequest, *, by: Actor, seen: int | None = None) -> Schedule:
        """Change a schedule; who changes it answers for it from now on. It stays paused if it was.

        `seen` is its `changed_at` as the person saw it; None: they did not look.

        Raises:
            UnknownScheduleError: there is none.
            RefusedError: the name is taken, the timetable cannot be used, or it was changed since it was seen.
            StoreError: the database failed.
        """
        now = self._clock.now()
        values = self._values(request, by=by, now=now)

        def work(connection: Connection) -> Schedule:
            row = _locked(connection, uuid)
            if seen is not None and row.changed_at != seen:
                raise RefusedError("schedule", f"{row.responsible} changed it meanwhile; open it again and look")
            _check_name(connection, request.name, row.uuid)
            due = {} if row.paused_at is None else {"due_at": None}
            connection.execute(update(schedule).where(schedule.c.id == row.id).values(values | due))
            _record(connection, by, "schedule.change", row.uuid, _detail(request), now=now)
            return _read(connection, schedule.c.id == row.id, now=now)

        return await self._write(work)

    async def pause(self, uuid: str, *, by: Actor) -> Schedule:
        """Let nothing be due until it is resumed; one that is paused stays so.

        Raises:
            UnknownScheduleError: there is none.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Schedule:
            row = _locked(connection, uuid)
            if row.paused_at is None:
                values = {"paused_at": now, "paused_by": storable(by.who), "due_at": None, "waiting": False}
                connection.execute(update(schedule).where(schedule.c.id == row.id).values(values))
                _record(connection, by, "schedule.pause", row.uuid, row.name, now=now)
            return _read(connection, schedule.c.id == row.id, now=now)

        return await self._write(work)

    async def resume(self, uuid: str, *, by: Actor) -> Schedule:
        """Go on with the next planned time; what was planned meanwhile is neither run nor counted.

        Raises:
            UnknownScheduleError: there is none.
            RefusedError: its timetable cannot be read any more.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> Schedule:
            row = _locked(connection, uuid)
            if row.paused_at is not None:
                planned = timetable_of(row._mapping).next_after(now)
                values = {"paused_at": None, "paused_by": "", "planned_at": planned, "waiting": False}
                due = None if planned is None else jittered(planned, row.jitter, self._random)
                connection.execute(update(schedule).where(schedule.c.id == row.id).values(values | {"due_at": due}))
                _record(connection, by, "schedule.resume", row.uuid, row.name, now=now)
            return _read(connection, schedule.c.id == row.id, now=now)

        return await self._write(work)

    async def remove(self, uuid: str, *, by: Actor) -> None:
        """Forget a schedule; the jobs that it brought stay.

        Raises:
            UnknownScheduleError: there is none.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> None:
            row = _locked(connection, uuid)
            connection.execute(delete(schedule_run).where(schedule_run.c.schedule_id == row.id))
            connection.execute(delete(schedule).where(schedule.c.id == row.id))
            _record(connection, by, "schedule.remove", row.uuid, row.name, now=now)

        await self._write(work)

    # Looking -------------------------------------------------------------------------

    async def get(self, name: str) -> Schedule:
        """Return a schedule by its uuid or its name.

        Raises:
            UnknownScheduleError: there is none.
            StoreError: the database failed.
        """
        now, wanted = self._clock.now(), storable(name)
        found = (schedule.c.uuid == wanted) | (schedule.c.name == wanted)
        return await self._database.read(lambda connection: _read(connection, found, now=now, name=name))

    async def page(
        self, *, state: str | None = None, tool: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Schedule]:
        """Return the newest schedules, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        now = self._clock.now()
        query = select(*schedule.c)
        if tool is not None:
            query = query.where(schedule.c.tool == storable(tool))
        return await self._database.read(
            lambda connection: read_page(
                connection,
                query.where(*_in_state(state)),
                order=SCHEDULES,
                limit=limit,
                cursor=cursor,
                row=lambda row: schedule_of(row, now=now),
            )
        )

    async def runs(self, uuid: str, *, limit: int = 100, cursor: str | None = None) -> Page[ScheduleRun]:
        """Return what became of a schedule's last planned times, newest first.

        Raises:
            UnknownScheduleError: there is none.
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        names = [field.name for field in fields(ScheduleRun)]

        def work(connection: Connection) -> Page[ScheduleRun]:
            number = connection.execute(
                select(schedule.c.id).where(schedule.c.uuid == storable(uuid))
            ).scalar_one_or_none()
            if number is None:
                raise _unknown(uuid)
            query = select(*(schedule_run.c[name] for name in names)).where(schedule_run.c.schedule_id == number)
            made = made_of(ScheduleRun, names)
            return read_page(connection, query, order=RUNS, limit=limit, cursor=cursor, row=made)

        return await self._database.read(work)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.write(work)
        except ConcurrentWriteError as error:
            raise RefusedError("name", "was taken at this moment; choose another") from error

    def _values(self, request: ScheduleRequest, *, by: Actor, now: int) -> dict[str, Any]:
        timetable = request.checked(now=now)
        planned = timetable.next_after(now)
        return {
            "name": storable(request.name),
            "timetable": timetable.text,
            "zone": request.zone,
            "anchor": now,
            "job": storable(request.job.model_dump_json()),
            "tool": storable(request.job.tool),
            "jitter": request.jitter,
            "misfire": request.misfire,
            "overlap": request.overlap,
            "responsible": storable(by.who),
            "changed_at": now,
            "planned_at": planned,
            "due_at": None if planned is None else jittered(planned, request.jitter, self._random),
            "waiting": False,
        }


_BLANK: Final = {
    "paused_at": None,
    "paused_by": "",
    "last_at": None,
    "last_outcome": "",
    "last_reason": "",
    "last_job": "",
    **dict.fromkeys(("entered", "missed", "skipped", "refused"), 0),
}


def _in_state(state: str | None) -> list[ColumnElement[bool]]:
    paused, due = schedule.c.paused_at.is_not(None), schedule.c.due_at.is_not(None)
    match state:
        case "paused":
            return [paused]
        case "ended":
            return [~paused, ~due]
        case "waiting":
            return [due, schedule.c.waiting]
        case "scheduled":
            return [due, ~schedule.c.waiting]
    return []


def _locked(connection: Connection, uuid: str) -> Row[Any]:
    query = select(schedule).where(schedule.c.uuid == storable(uuid)).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _unknown(uuid)
    return row


def _read(connection: Connection, wanted: ColumnElement[bool], *, now: int, name: str = "") -> Schedule:
    # A schedule may be called like another's uuid: the uuid is meant, then.
    query = select(*schedule.c).where(wanted).order_by((schedule.c.uuid != name), schedule.c.id).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise _unknown(name)
    return schedule_of(row, now=now)


def _check_name(connection: Connection, name: str, own: str) -> None:
    taken = select(schedule.c.uuid).where(schedule.c.name == storable(name), schedule.c.uuid != own)
    if connection.execute(taken).first() is not None:
        raise RefusedError("name", f"{name!r} is taken; choose another")


def _record(connection: Connection, by: Actor, action: str, uuid: str, detail: str, *, now: int) -> None:
    entry = AuditEntry(who=by.who, action=action, object=uuid, origin=by.origin, detail=detail)
    record_audit(connection, entry, now=now)


def _detail(request: ScheduleRequest) -> str:
    targets = ", ".join(request.job.targets[:10]) + (" and more" if len(request.job.targets) > 10 else "")
    return f"{request.name}: {request.when} ({request.zone}): {request.job.tool} at {targets}"


def _unknown(name: str) -> UnknownScheduleError:
    return UnknownScheduleError(f"{name[:64]}: there is no such schedule; see: vedette schedules list")
