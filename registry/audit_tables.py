"""The table of the audit log; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table
from sqlmodel import Field, SQLModel

from registry import tables  # noqa: F401  # the foreign key below needs them

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A growing number: only SQLite's INTEGER grows by itself."""


class AuditRow(SQLModel, table=True):
    """Something that somebody did: written with the deed, put into an engine's log soon after, never changed then.

    Triggers of the database refuse to delete a row, and to change one except by logging it once.
    """

    __tablename__ = "audit"
    __table_args__ = (
        # Also finds what waits, whose chain is NULL: that is asked for several times a second.
        Index("ix_audit_chain_index", "chain_id", "log_index", unique=True),
        Index("ix_audit_at", "at"),
        Index("ix_audit_who", "who", "id"),
        Index("ix_audit_action", "action", "id"),
        Index("ix_audit_object", "object", "id"),
        # Numbers are never used twice, so that one always means the same entry.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(_NUMBER, primary_key=True, autoincrement=True))
    """Its number; also the order in which entries are logged."""
    uuid: str = Field(unique=True)
    """Random; the statement names it."""
    at: int = Field(sa_type=BigInteger)
    """When it was done, by the clock of who wrote it down."""
    who: str
    """Who did it."""
    action: str
    """What was done, dotted words."""
    object: str
    """What it was done to."""
    origin: str
    """Where from."""
    detail: str
    """Why, or what changed."""
    chain_id: int | None = Field(foreign_key="chain.id")
    """The chain that it is logged in; absent until an engine has logged it."""
    log_index: int | None = Field(sa_type=BigInteger)
    """Its place in the chain, among the items."""
    received_at: int | None = Field(sa_type=BigInteger)
    """The engine's clock when it was logged."""
    statement: bytes | None
    """Statement v1 of kind `audit`: the bytes whose SHA-256 is the leaf."""


audit: Final[Table] = SQLModel.metadata.tables["audit"]
