"""The table of inline payloads: apart from their items, so that they can go by the partition."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class ItemPayloadRow(SQLModel, table=True):
    """An item's decoded bytes, where they are kept inline; PostgreSQL divides them by time."""

    __tablename__ = "item_payload"
    # No foreign keys: an item is never deleted, and checking each row would cost the intake.
    __table_args__ = {"postgresql_partition_by": "RANGE (received_at)"}

    received_at: int = Field(sa_type=BigInteger, primary_key=True)
    """The item's `received_at`: which partition it is in."""
    chain_id: int = Field(primary_key=True)
    """The item's chain."""
    log_index: int = Field(sa_type=BigInteger, primary_key=True)
    """The item's place there."""
    payload: bytes
    """The bytes."""


item_payload: Final[Table] = SQLModel.metadata.tables["item_payload"]
