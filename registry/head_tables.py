"""The table of signed heads; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class SignedHeadsRow(SQLModel, table=True):
    """Where all logs stood, as the registry signed it."""

    __tablename__ = "signed_heads"

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    at: int = Field(sa_type=BigInteger)
    """When it was signed."""
    text: str
    """The canonical JSON that was signed."""
    signature: str
    """Base64 of the signature."""
    public_key: str
    """Base64 of the registry's key then: keys change."""


signed_heads: Final[Table] = SQLModel.metadata.tables["signed_heads"]
