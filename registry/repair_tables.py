"""The tables of repairs: what is wrong, when that began and ended, and when everything was looked at.

Times are integers, UTC, microseconds since 1970.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, text
from sqlmodel import Field, SQLModel

_OPEN = text("ended_at IS NULL")


class RepairRow(SQLModel, table=True):
    """Something that is or was wrong; a row is one time that it was."""

    __tablename__ = "repair"
    __table_args__ = (
        Index("ix_repair_open", "observer", "kind", "place", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_repair_ended", "ended_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order in which they were seen first."""
    observer: str
    """Who saw it: bare JID of the engine whose hub looks."""
    kind: str
    """What kind of thing."""
    place: str
    """What it is about."""
    severity: str
    """How much it matters."""
    what: str
    """What is wrong."""
    cause: str
    """Why."""
    remedy: str
    """What to do."""
    link: str
    """Path of the page that shows more; empty where there is none."""
    reference: str
    """What a person takes note of with it; empty where that is nothing but the repair."""
    since: int = Field(sa_type=BigInteger)
    """Since when it is wrong, as far as is known."""
    began_at: int = Field(sa_type=BigInteger)
    """When it was seen first."""
    ended_at: int | None = Field(sa_type=BigInteger)
    """When it was seen to be right again; absent while it is wrong."""
    noted_at: int | None = Field(sa_type=BigInteger)
    """When a person took note of it."""
    noted_by: str
    """Who that was; empty before."""
    noted_why: str
    """What that person says about it; empty before."""
    noted_until: int | None = Field(sa_type=BigInteger)
    """Until when that counts; absent: until it ends."""


class RepairChangeRow(SQLModel, table=True):
    """A repair began or ended: the order of events."""

    __tablename__ = "repair_change"
    __table_args__ = (
        Index("ix_repair_change_repair", "repair_id"),
        # Positions are never used twice: who reads on must not miss one.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    repair_id: int = Field(foreign_key="repair.id")
    """The repair."""
    at: int = Field(sa_type=BigInteger)
    """When."""
    change: str
    """`began` or `ended`."""


class RepairLookRow(SQLModel, table=True):
    """When an observer looked last, and at what."""

    __tablename__ = "repair_look"

    observer: str = Field(primary_key=True)
    """Bare JID of the engine whose hub looks."""
    at: int = Field(sa_type=BigInteger)
    """When."""
    checks: str
    """JSON: a list of [name, number found, why it could not be looked at]."""


_tables: Final = SQLModel.metadata.tables

repair: Final[Table] = _tables["repair"]
repair_change: Final[Table] = _tables["repair_change"]
repair_look: Final[Table] = _tables["repair_look"]
