"""The tables of sharing: exports, the destinations' state, and what exporters remember; times as everywhere."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_OPEN = text("ended_at IS NULL")


class ExportRow(SQLModel, table=True):
    """A request to bring an investigation to a destination, and what has become of it."""

    __tablename__ = "export"
    __table_args__ = (
        UniqueConstraint("uuid", name="uq_export_uuid"),
        # What is to be done is asked every second, of a table that keeps what ended for months.
        Index("ix_export_open", "destination", "state", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_export_identity", "identity", "id"),
        Index("ix_export_state", "state", "id"),
        Index("ix_export_destination", "destination", "id"),
        Index("ix_export_ended", "ended_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    uuid: str
    """What it is called outside."""
    identity: str
    """SHA-256, hex, over what it brings where and how: two that are open at once are one."""
    key: str
    """What the investigation is known by."""
    selection: str
    """Its canonical text."""
    title: str
    """Of the investigation; empty before it was gathered."""
    destination: str
    """Name of the destination."""
    share: str
    """Name of the share that it is of; empty: none."""
    dry_run: bool
    """Whether it is only planned."""
    approval: bool
    """Whether a person must approve the plan."""
    state: str
    """waiting, running, planned, approval, done, failed or rejected."""
    requested_by: str
    """Who wants it."""
    requested_at: int = Field(sa_type=BigInteger)
    """Since when."""
    woken_at: int = Field(sa_type=BigInteger)
    """When it was asked for last: what was committed until then belongs into it."""
    not_before: int = Field(sa_type=BigInteger)
    """When its turn comes."""
    attempts: int
    """How often it was begun since it was asked for or tried again."""
    lost: int
    """How often its process died of it, or was cut off, since it was asked for or tried again."""
    started_at: int | None = Field(sa_type=BigInteger)
    """When it was begun last."""
    ended_at: int | None = Field(sa_type=BigInteger)
    """When it ended; absent: it is open."""
    planned_at: int | None = Field(sa_type=BigInteger)
    """Since when its plan waits for a person."""
    decided_by: str
    """Who approved or rejected it."""
    approved: str
    """Digest of the plan that was approved; empty: none."""
    reason: str
    """Why it waits, failed or was rejected."""
    plan: str | None
    """The plan, JSON."""
    plan_digest: str
    """Its digest; empty: there is none."""
    exported: str | None
    """What was done, JSON."""
    withheld: str
    """Why things were left out, and how often, JSON."""
    worker: str
    """Who runs it; empty: nobody."""
    life: str
    """Random, made when that process started."""
    due_at: int = Field(sa_type=BigInteger)
    """When its lease ends."""


class ExportDestinationRow(SQLModel, table=True):
    """How a destination fares; who enters, takes or ends an export of it locks this row first."""

    __tablename__ = "export_destination"

    name: str = Field(primary_key=True)
    """Its name in the configuration."""
    not_before: int = Field(sa_type=BigInteger)
    """Until when it is left alone."""
    failures: int
    """Attempts that failed since one did not."""
    failing_since: int | None = Field(sa_type=BigInteger)
    """When the first of them did."""
    last_done_at: int | None = Field(sa_type=BigInteger)
    """When an export was done last."""
    last_failed_at: int | None = Field(sa_type=BigInteger)
    """When an attempt failed last."""
    last_reason: str
    """Why it did."""
    sent: int = Field(sa_type=BigInteger)
    """Changes confirmed since ever."""


class ExportMemoryRow(SQLModel, table=True):
    """Something that an exporter remembers of a destination."""

    __tablename__ = "export_memory"

    destination: str = Field(primary_key=True)
    """Name of the destination."""
    key: str = Field(primary_key=True)
    """What it is remembered by."""
    value: str
    """What is remembered."""


export: Final[Table] = SQLModel.metadata.tables["export"]
export_destination: Final[Table] = SQLModel.metadata.tables["export_destination"]
export_memory: Final[Table] = SQLModel.metadata.tables["export_memory"]
