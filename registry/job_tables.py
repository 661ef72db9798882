"""The tables of one-shot jobs; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A growing number: only SQLite's INTEGER grows by itself."""

_OPEN = text("ended_at IS NULL")


class JobRow(SQLModel, table=True):
    """A requested piece of work."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("uuid", name="uq_job_uuid"),
        # What is to be done is asked several times a second, of a table that keeps every job.
        Index("ix_job_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_job_state", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    uuid: str
    """What it is called outside."""
    tool: str
    """The tool, or the allowed command."""
    arguments: str
    """Its arguments as they were given, JSON."""
    targets: str
    """Its targets as they were given, networks not expanded, JSON."""
    words: str
    """What is run, the target's place left open, JSON."""
    agents: str
    """JIDs of agents or launchers that may do it, JSON; empty: any."""
    place: str
    """Where it must be done; empty: anywhere."""
    parallel: int
    """Runs at once."""
    time_limit: float
    """Seconds that a run may take."""
    requested_by: str
    """Who wants it."""
    requested_at: int = Field(sa_type=BigInteger)
    """Since when."""
    state: str
    """requested, running, done, failed or cancelled."""
    started_at: int | None = Field(sa_type=BigInteger)
    """When its first run was handed out."""
    ended_at: int | None = Field(sa_type=BigInteger)
    """When its last run ended."""
    cancelled_at: int | None = Field(sa_type=BigInteger)
    """When somebody cancelled it."""
    total: int
    """Runs."""
    active: int
    """Runs that somebody has now."""
    done: int
    """Runs that brought an item."""
    failed: int
    """Runs that nobody could do."""
    refused: int
    """Runs that the probe's scope does not allow."""
    cancelled: int
    """Runs that were cancelled."""
    pruned: int
    """Lines of its output that were deleted because they were too old or too many."""


class JobRunRow(SQLModel, table=True):
    """One execution at one target; its uuid is that of its item."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("uuid", name="uq_job_run_uuid"),
        Index("ix_job_run_job", "job_id", "state", "id"),
        Index("ix_job_run_open", "agent", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    uuid: str
    """The item's uuid: a run that was done twice is recorded once."""
    job_id: int = Field(foreign_key="job.id")
    """The job."""
    target: str
    """What is looked at."""
    state: str
    """requested, leased, running, done, failed, refused or cancelled."""
    agent: str
    """Bare JID of who has or did it; empty before."""
    life: str
    """Random, made when that agent's process started."""
    attempts: int
    """How often it was handed out."""
    due_at: int = Field(sa_type=BigInteger)
    """When its lease ends."""
    started_at: int | None = Field(sa_type=BigInteger)
    """When it was handed out last."""
    ended_at: int | None = Field(sa_type=BigInteger)
    """When it ended."""
    exit_code: int | None
    """The command's exit code."""
    reason: str
    """Why it brought no item; empty otherwise."""
    lines: int
    """Lines of output that came in the present attempt."""
    dropped: int
    """Lines that were not kept."""


class JobOutputRow(SQLModel, table=True):
    """A line of a run's output, as it may be shown."""

    __tablename__ = "job_output"
    __table_args__ = (
        UniqueConstraint("run_id", "attempt", "line", name="uq_job_output_line"),
        Index("ix_job_output_job", "job_id", "id"),
        # Positions are never used twice: who reads on must not miss a line.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(_NUMBER, primary_key=True, autoincrement=True))
    """Order among all lines: the position that reading goes on from."""
    job_id: int = Field(foreign_key="job.id")
    """The job."""
    run_id: int = Field(foreign_key="job_run.id")
    """The run."""
    attempt: int
    """Which attempt at it."""
    line: int
    """Number of the line in it."""
    at: int = Field(sa_type=BigInteger)
    """When it came."""
    text: str
    """The line."""


job: Final[Table] = SQLModel.metadata.tables["job"]
job_run: Final[Table] = SQLModel.metadata.tables["job_run"]
job_output: Final[Table] = SQLModel.metadata.tables["job_output"]
