"""The tables of the consumers' queues; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A growing number: only SQLite's INTEGER grows by itself."""


_LEASED = text("consumer <> ''")
_WAITING = text("discarded_at IS NULL")


class QueueRow(SQLModel, table=True):
    """A durable queue: what matches its bindings is held until somebody acknowledges it."""

    __tablename__ = "queue"
    __table_args__ = (UniqueConstraint("name", name="uq_queue_name"),)

    id: int | None = Field(default=None, primary_key=True)
    """What its items refer to."""
    name: str
    """What consumers call it."""
    owner: str
    """Who may touch it: a bare JID, or a role whose agents share it."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was made."""


class BindingRow(SQLModel, table=True):
    """A pattern of a queue; `*` is one word of the routing key, `#` any number."""

    __tablename__ = "binding"

    queue_id: int = Field(primary_key=True, foreign_key="queue.id")
    """The queue."""
    pattern: str = Field(primary_key=True)
    """The pattern."""
    bound_at: int = Field(sa_type=BigInteger)
    """When it was bound."""


class QueueItemRow(SQLModel, table=True):
    """An item that a queue holds; its content is the item's own row."""

    __tablename__ = "queue_item"
    __table_args__ = (
        Index("ix_queue_item_queue", "queue_id", "id"),
        # Whether somebody still waits for an item is asked before its payload is deleted.
        Index("ix_queue_item_place", "chain_id", "log_index"),
        # Who has what is asked at each fetch, of queues with a million items that nobody has.
        Index("ix_queue_item_leased", "queue_id", "consumer", sqlite_where=_LEASED, postgresql_where=_LEASED),
        # Ids are never used twice, so that a late answer never means another item.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(_NUMBER, primary_key=True, autoincrement=True))
    """Order in the queue."""
    queue_id: int = Field(foreign_key="queue.id")
    """The queue."""
    chain_id: int
    """The chain that the item is logged in."""
    log_index: int = Field(sa_type=BigInteger)
    """Its place there."""
    queued_at: int = Field(sa_type=BigInteger)
    """When it was committed."""
    attempts: int
    """How often it was handed out and neither acknowledged nor given back unblamed."""
    due_at: int = Field(sa_type=BigInteger)
    """When it may be handed out (again): the end of its lease, or of its wait after a failure."""
    consumer: str
    """Who has it: bare JID, `/` and the number of the consumer's life; empty while nobody has."""
    reason: str
    """Why the last attempt failed, empty before."""


class QueueDeadLetterRow(SQLModel, table=True):
    """An item that a consumer could not handle; discarded, it stays as its own tombstone."""

    __tablename__ = "queue_dead_letter"
    __table_args__ = (
        Index("ix_queue_dead_letter_queue", "queue_id", "died_at", "id"),
        Index("ix_queue_dead_letter_died", "died_at", "id"),
        # One is found by its item; of thousands that are decided about together, each.
        Index("ix_queue_dead_letter_place", "chain_id", "log_index"),
        # What a person looks for, however many tombstones lie about it.
        Index("ix_queue_dead_letter_waiting", "died_at", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    queue_id: int = Field(foreign_key="queue.id")
    """The queue."""
    chain_id: int
    """The chain that the item is logged in."""
    log_index: int = Field(sa_type=BigInteger)
    """Its place there: the full content."""
    queued_at: int = Field(sa_type=BigInteger)
    """When it was committed."""
    died_at: int = Field(sa_type=BigInteger)
    """When it was given up."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why the last attempt failed."""
    discarded_at: int | None = Field(sa_type=BigInteger)
    """When a person decided that nobody will handle it."""
    why: str
    """Why that person did; empty before."""


queue: Final[Table] = SQLModel.metadata.tables["queue"]
binding: Final[Table] = SQLModel.metadata.tables["binding"]
queue_item: Final[Table] = SQLModel.metadata.tables["queue_item"]
queue_dead_letter: Final[Table] = SQLModel.metadata.tables["queue_dead_letter"]
