"""The table of leases: who does what only one process may do; times are UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class LeaseRow(SQLModel, table=True):
    """Something that one process does at a time."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    """What: an engine's bare JID after `engine `, or a duty."""
    holder: str
    """Who: bare JID and life of an engine, with a slash between them."""
    until: int = Field(sa_type=BigInteger)
    """When it ends unless it is renewed, by the database's clock; 0: it was given back."""


lease: Final[Table] = SQLModel.metadata.tables["lease"]
