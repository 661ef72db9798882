"""The tables behind SCANDALE's routes; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry import tables  # noqa: F401  # the foreign keys below need it


class PostedTokenRow(SQLModel, table=True):
    """A time-stamp token over one item's payload that somebody else obtained and handed in.

    It says when the payload existed, and nothing about the statement: so it is no token of a batch, no item's state
    rests on it, and it is not renewed. It was verified before it got here.
    """

    __tablename__ = "posted_token"
    __table_args__ = (UniqueConstraint("uuid", "sha256", name="uq_posted_token"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    uuid: str = Field(foreign_key="item.uuid")
    """The item."""
    sha256: str
    """SHA-256 of the token, hexadecimal: the same token again is no other one."""
    token: bytes
    """DER of the TimeStampToken."""
    form: str
    """What of the payload was hashed: `bytes`, or `base64` as SCANDALE does."""
    digest: str
    """The hash."""
    authority: str
    """Name of the configured authority whose roots it was verified with."""
    gen_time: int = Field(sa_type=BigInteger)
    """The authority's time."""
    posted_by: str
    """Who handed it in."""
    posted_at: int = Field(sa_type=BigInteger)
    """When."""


class BatchTopRow(SQLModel, table=True):
    """The upper nodes of a batch's hash tree, so that one item is verified without reading all of its batch.

    They are witnesses and need no trust: a wrong one leads to no time-stamped root.
    """

    __tablename__ = "batch_top"

    batch_id: int = Field(primary_key=True, foreign_key="batch.id")
    """The batch."""
    nodes: bytes
    """One hash for every `BLOCK` leaves, in order."""


posted_token: Final[Table] = SQLModel.metadata.tables["posted_token"]
batch_top: Final[Table] = SQLModel.metadata.tables["batch_top"]
