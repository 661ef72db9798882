"""The tables of retention; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class ItemTombstoneRow(SQLModel, table=True):
    """An item whose payload was deleted; its row, meta, statement and proof stay."""

    __tablename__ = "item_tombstone"

    uuid: str = Field(primary_key=True)
    """The item's uuid."""
    size: int = Field(sa_type=BigInteger)
    """Bytes that the payload had."""
    payload_sha256: str
    """Its SHA-256, hexadecimal."""
    policy: str
    """Name of the policy that said so; empty where a person did."""
    deleted_at: int = Field(sa_type=BigInteger)
    """When."""
    deleted_by: str
    """Who."""
    reason: str
    """Why."""


class RetentionHoldRow(SQLModel, table=True):
    """An item whose payload nobody may delete until it is released."""

    __tablename__ = "retention_hold"

    uuid: str = Field(primary_key=True)
    """The item's uuid."""
    held_at: int = Field(sa_type=BigInteger)
    """Since when."""
    held_by: str
    """By whom."""
    reason: str
    """Why."""


item_tombstone: Final[Table] = SQLModel.metadata.tables["item_tombstone"]
retention_hold: Final[Table] = SQLModel.metadata.tables["retention_hold"]
