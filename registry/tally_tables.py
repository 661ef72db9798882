"""The table of how many items came when, of what kind; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class ItemTallyRow(SQLModel, table=True):
    """How many items of one chain arrived in one hour, one day, or ever, that have one thing in common.

    The order of the key is that of the questions: which values there are ever, and when items of one value came.
    """

    __tablename__ = "item_tally"
    __table_args__ = {"sqlite_with_rowid": False}

    kind: str = Field(primary_key=True)
    """What they have in common: a column of items, or `all`."""
    step: int = Field(primary_key=True, sa_type=BigInteger)
    """Microseconds that are counted together: an hour, a day; 0: ever."""
    value: str = Field(primary_key=True)
    """What it holds; empty for `all`."""
    start: int = Field(primary_key=True, sa_type=BigInteger)
    """When they begin, by the engine's clock."""
    chain_id: int = Field(primary_key=True, foreign_key="chain.id")
    """The chain: engines that write to one store do not wait for each other's numbers."""
    number: int = Field(sa_type=BigInteger)
    """How many."""


item_tally: Final[Table] = SQLModel.metadata.tables["item_tally"]
