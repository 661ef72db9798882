"""The tables of schedules; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel


class ScheduleRow(SQLModel, table=True):
    """A job that is requested again and again."""

    __tablename__ = "schedule"
    __table_args__ = (
        UniqueConstraint("uuid", name="uq_schedule_uuid"),
        UniqueConstraint("name", name="uq_schedule_name"),
        Index("ix_schedule_due", "due_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    uuid: str
    """What it is called outside."""
    name: str
    """What people call it."""
    timetable: str
    """When, as it was written."""
    zone: str
    """Time zone, IANA name."""
    anchor: int = Field(sa_type=BigInteger)
    """What intervals are counted from."""
    job: str
    """The job's request, JSON."""
    tool: str
    """The job's tool or command: lists are filtered by it."""
    jitter: int
    """Seconds that a run may be put off."""
    misfire: str
    """run-once or skip."""
    overlap: str
    """skip or wait."""
    responsible: str
    """In whose name the jobs are requested."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was made."""
    changed_at: int = Field(sa_type=BigInteger)
    """When it was changed last."""
    paused_at: int | None = Field(sa_type=BigInteger)
    """Since when it is paused."""
    paused_by: str
    """By whom; empty: it is not."""
    planned_at: int | None = Field(sa_type=BigInteger)
    """The next planned time; absent: never again."""
    due_at: int | None = Field(sa_type=BigInteger)
    """The same and its jitter; absent while it is paused, too."""
    waiting: bool
    """Whether the run is due and waits for the job before."""
    last_at: int | None = Field(sa_type=BigInteger)
    """When something became of it last."""
    last_outcome: str
    """What: entered, missed, skipped or refused; empty: nothing yet."""
    last_reason: str
    """Why."""
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


class ScheduleRunRow(SQLModel, table=True):
    """What became of a planned time."""

    __tablename__ = "schedule_run"
    __table_args__ = (UniqueConstraint("schedule_id", "planned_at", name="uq_schedule_run_planned"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    schedule_id: int = Field(foreign_key="schedule.id")
    """The schedule."""
    planned_at: int = Field(sa_type=BigInteger)
    """The planned time; of several, the first."""
    at: int = Field(sa_type=BigInteger)
    """When that was dealt with."""
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


schedule: Final[Table] = SQLModel.metadata.tables["schedule"]
schedule_run: Final[Table] = SQLModel.metadata.tables["schedule_run"]
