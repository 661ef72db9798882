"""The tables of the document service; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field, SQLModel


class DocumentRow(SQLModel, table=True):
    """A stored document; its bytes are a file named by their SHA-256."""

    __tablename__ = "document"
    # What a key or agent takes up is asked before each upload.
    __table_args__ = (
        Index("ix_document_created_by", "created_by", "created_at", "sha256"),
        Index("ix_document_created_at", "created_at", "sha256"),
    )

    sha256: str = Field(primary_key=True)
    """SHA-256 of its bytes, hexadecimal: its id."""
    size: int = Field(sa_type=BigInteger)
    """Bytes."""
    content_type: str
    """MIME type, as its sender said."""
    created_at: int = Field(sa_type=BigInteger)
    """When it came first."""
    created_by: str
    """Agent or key that handed it in."""
    description: str
    """Canonical JSON of what its sender said of it: title, dates and the like."""


class DocumentNameRow(SQLModel, table=True):
    """A name that a client chose for a document, where it does not use the SHA-256."""

    __tablename__ = "document_name"
    __table_args__ = (Index("ix_document_name_sha256", "sha256"),)

    name: str = Field(primary_key=True)
    """The name."""
    sha256: str
    """The document that it means."""
    content_type: str
    """MIME type, as who gave the name said."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was given."""
    created_by: str
    """Agent or key that gave it."""
    description: str
    """Canonical JSON of what was said of the document under this name."""


class DocumentTombstoneRow(SQLModel, table=True):
    """A document that was deleted; what was proved about it stays."""

    __tablename__ = "document_tombstone"
    __table_args__ = (Index("ix_document_tombstone_sha256", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of the deletions: a document may come again and be deleted again."""
    sha256: str
    """Its id."""
    size: int = Field(sa_type=BigInteger)
    """Bytes that it had."""
    content_type: str
    """MIME type."""
    created_at: int = Field(sa_type=BigInteger)
    """When it came."""
    created_by: str
    """Who handed it in."""
    deleted_at: int = Field(sa_type=BigInteger)
    """When it was deleted."""
    deleted_by: str
    """Who deleted it."""
    reason: str
    """Why."""


document: Final[Table] = SQLModel.metadata.tables["document"]
document_name: Final[Table] = SQLModel.metadata.tables["document_name"]
document_tombstone: Final[Table] = SQLModel.metadata.tables["document_tombstone"]
