"""The table of API keys; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field, SQLModel


class ApiKeyRow(SQLModel, table=True):
    """A key with which a machine uses the HTTP API; the key itself is not kept."""

    __tablename__ = "api_key"
    __table_args__ = (Index("ix_api_key_agent", "agent"),)

    sha256: str = Field(primary_key=True)
    """SHA-256 of the key, hexadecimal."""
    id: str = Field(unique=True)
    """Random; names the key in lists and logs."""
    name: str
    """What it is for, in the operator's words."""
    agent: str | None
    """Bare JID of the agent that it was issued to; absent for other programs."""
    scopes: str
    """What it allows, words with a space between."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was issued."""
    expires_at: int | None = Field(sa_type=BigInteger)
    """From when on it is refused; absent: never."""
    revoked_at: int | None = Field(sa_type=BigInteger)
    """When it was revoked."""
    last_used_day: int | None
    """Days since 1970: the last day of use. Finer would cost a write a request."""


api_key: Final[Table] = SQLModel.metadata.tables["api_key"]
