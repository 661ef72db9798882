"""The tables of the collections that our TAXII server serves; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field, SQLModel


class TaxiiCollectionRow(SQLModel, table=True):
    """How far a collection is filled; who writes into it locks this row."""

    __tablename__ = "taxii_collection"

    name: str = Field(primary_key=True)
    """The destination's in the configuration."""
    last_added: int = Field(sa_type=BigInteger)
    """The latest `date_added` in it: the next is later."""


class TaxiiVersionRow(SQLModel, table=True):
    """A version of an object, as clients get it."""

    __tablename__ = "taxii_version"
    __table_args__ = (
        Index("ix_taxii_version_object", "collection", "object_id", "version"),
        Index("ix_taxii_version_source", "collection", "source_id"),
    )

    collection: str = Field(primary_key=True)
    """Name of the collection."""
    date_added: int = Field(primary_key=True, sa_type=BigInteger)
    """When it was added; no two of a collection are the same, and none is added before another one."""
    object_id: str
    """The object's id."""
    source_id: str
    """The id that its exporter knows it by: the same, but for what came back after it was revoked."""
    type: str
    """Its type."""
    version: int = Field(sa_type=BigInteger)
    """When it was modified, else created, else added."""
    version_text: str
    """The same as the object has it."""
    earliest: bool
    """Whether it is the object's first version here."""
    latest: bool
    """Whether it is the object's last version here."""
    size: int
    """Bytes."""
    body: bytes
    """Its canonical JSON."""


class TaxiiHeldRow(SQLModel, table=True):
    """An object that an exporter or a client put into a collection, by the id that it is known by there."""

    __tablename__ = "taxii_held"

    collection: str = Field(primary_key=True)
    """Name of the collection."""
    source_id: str = Field(primary_key=True)
    """The id."""
    digest: str
    """SHA-256 of the statement that is published, hexadecimal."""
    version: int | None = Field(sa_type=BigInteger)
    """Of what is published; absent: it has no versions."""
    turn: int
    """How often it came back after it was revoked."""
    revoked: bool
    """Whether nobody says it any more."""


class TaxiiSaidRow(SQLModel, table=True):
    """Who says an object of a collection."""

    __tablename__ = "taxii_said"
    __table_args__ = (Index("ix_taxii_said_group", "collection", "group_id", "source_id"),)

    collection: str = Field(primary_key=True)
    """Name of the collection."""
    source_id: str = Field(primary_key=True)
    """The object."""
    group_id: str = Field(primary_key=True)
    """The investigation, or who posted it."""
    digest: str
    """SHA-256 of what it said last, hexadecimal."""
    strictness: int
    """Of its marking for the Traffic Light Protocol."""


class TaxiiStatusRow(SQLModel, table=True):
    """What became of objects that a client posted (TAXII 2.1, section 4.3)."""

    __tablename__ = "taxii_status"
    __table_args__ = (Index("ix_taxii_status_at", "at"),)

    id: str = Field(primary_key=True)
    """Random."""
    at: int = Field(sa_type=BigInteger)
    """When they were posted."""
    holder: str
    """Who posted them, and may ask."""
    body: bytes
    """The status resource."""


_tables: Final = SQLModel.metadata.tables

taxii_collection: Final[Table] = _tables["taxii_collection"]
taxii_version: Final[Table] = _tables["taxii_version"]
taxii_held: Final[Table] = _tables["taxii_held"]
taxii_said: Final[Table] = _tables["taxii_said"]
taxii_status: Final[Table] = _tables["taxii_status"]
