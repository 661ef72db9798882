"""Schedules as they are shown, made of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vedette.errors import VedetteError
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.timetable import Timetable


class UnknownScheduleError(VedetteError):
    """There is no schedule of this uuid or name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A job that is requested again and again."""

    uuid: str
    """What it is called outside."""
    name: str
    """What people call it."""
    state: str
    """scheduled, waiting (for the job before), paused, or ended: it never comes again."""
    when: str
    """When, as it was written."""
    zone: str
    """Time zone, IANA name."""
    english: str
    """When, in English."""
    next_runs: list[int]
    """The next five, microseconds since 1970, jitter apart; none while it is paused."""
    job: dict[str, Any]
    """The job's request."""
    jitter: int
    """Seconds that a run may be put off."""
    misfire: str
    """run-once or skip."""
    overlap: str
    """skip or wait."""
    responsible: str
    """In whose name the jobs are requested: who saved it last."""
    created_at: int
    """Microseconds since 1970."""
    changed_at: int
    """Microseconds since 1970."""
    paused_at: int | None
    """Microseconds since 1970; None: it is not paused."""
    paused_by: str
    """By whom; empty: it is not paused."""
    last_at: int | None
    """Microseconds since 1970: when something became of it last."""
    last_outcome: str
    """entered, missed, skipped or refused; empty: nothing yet."""
    last_reason: str
    """Why it was not entered."""
    last_job: str
    """Uuid of the last job; empty: none."""
    entered: int
    """Jobs that were requested."""
    missed: int
    """Runs that were due while nothing could run them."""
    skipped: int
    """Runs that were left out because the job before had not ended."""
    refused: int
    """Runs that were not allowed, or not possible."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleRun:
    """What became of a planned time."""

    planned_at: int
    """Microseconds since 1970; of several, the first."""
    at: int
    """Microseconds since 1970: when that was dealt with."""
    outcome: str
    """entered, missed, skipped or refused."""
    times: int
    """How many planned times."""
    job: str
    """Uuid of the job; empty: none."""
    asked_by: str
    """Who asked for it; empty: the timetable."""
    reason: str
    """Why it was not entered."""


_SAME = (
    "uuid", "name", "zone", "jitter", "misfire", "overlap", "responsible", "created_at", "changed_at", "paused_at",
    "paused_by", "last_at", "last_outcome", "last_reason", "last_job", "entered", "missed", "skipped", "refused",
)  # fmt: skip


def timetable_of(row: Mapping[Any, Any]) -> Timetable:
    """Return a row's timetable.

    Raises:
        TimetableError: the time zone is not known any more, or a later release wrote it.
    """
    return Timetable.parse(row["timetable"], zone=row["zone"], anchor=row["anchor"])


def schedule_of(row: Mapping[Any, Any], *, now: int) -> Schedule:
    """Return what a row shows."""
    english, runs = _told(row, now=now)
    return Schedule(
        state=_state(row),
        when=row["timetable"],
        english=english,
        next_runs=runs,
        job=orjson.loads(row["job"]),
        **{name: row[name] for name in _SAME},
    )


def _told(row: Mapping[Any, Any], *, now: int) -> tuple[str, list[int]]:
    try:
        timetable = timetable_of(row)
    except TimetableError as error:
        return f"cannot be read: {error}", []
    planned = row["planned_at"]
    if planned is None or row["due_at"] is None:
        return timetable.english, []
    # What is planned may be past: it is due, or waits.
    return timetable.english, [planned, *timetable.next_runs(max(planned, now), count=4)]


def _state(row: Mapping[Any, Any]) -> str:
    if row["paused_at"] is not None:
        return "paused"
    if row["due_at"] is None:
        return "ended"
    return "waiting" if row["waiting"] else "scheduled"
