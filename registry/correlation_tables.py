"""The tables of the correlation; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel


class CorrelationPositionRow(SQLModel, table=True):
    """How far a chain's items are correlated."""

    __tablename__ = "correlation_position"

    chain_id: int = Field(primary_key=True, foreign_key="chain.id")
    """The chain."""
    next_index: int = Field(sa_type=BigInteger)
    """The `log_index` to go on with."""


class CheckHistoryRow(SQLModel, table=True):
    """What is remembered of one check by one agent."""

    __tablename__ = "check_history"
    __table_args__ = (
        UniqueConstraint("check", "agent", name="uq_check_history_check_agent"),
        Index("ix_check_history_subject", "subject", "family"),
        Index("ix_check_history_overdue", "overdue_at"),
        Index("ix_check_history_last", "last_seen", "number"),
    )

    number: int | None = Field(default=None, primary_key=True)
    """Names it in lists."""
    check: str
    """`meta.check`, or a name made of what is looked at and how."""
    agent: str
    """Bare JID of who looks."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look it is."""
    shared: bool
    """Whether other agents can look at the same thing."""
    first_seen: int = Field(sa_type=BigInteger)
    """When it was first observed."""
    last_seen: int = Field(sa_type=BigInteger)
    """When it was last observed."""
    overdue_at: int | None = Field(sa_type=BigInteger)
    """When it counts as missing if nothing comes."""
    history: bytes
    """The whole history: JSON, compressed (zstd)."""


class ContradictionRow(SQLModel, table=True):
    """A subject whose witnesses contradict each other."""

    __tablename__ = "contradiction"

    subject: str = Field(primary_key=True)
    """What it is about."""
    family: str = Field(primary_key=True)
    """What kind of look showed it."""


class FindingRow(SQLModel, table=True):
    """Something that the correlation found; the witnesses are in a table of their own."""

    __tablename__ = "finding"
    __table_args__ = (
        Index("ix_finding_identity", "identity", "at"),
        Index("ix_finding_subject", "subject", "id"),
        Index("ix_finding_kind", "kind", "id"),
        Index("ix_finding_found", "found_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order in which they were found."""
    identity: str
    """The same for the same thing seen by others, or again."""
    kind: str
    """What kind."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look showed it."""
    at: int = Field(sa_type=BigInteger)
    """When it was observed first."""
    found_at: int = Field(sa_type=BigInteger)
    """When it was found."""
    engine: str
    """Bare JID of the engine that found it."""
    severity: str
    """How much it matters."""
    rule: str
    """Name of the rule that said so."""
    text: str
    """More about it, in words."""
    changes: bytes
    """JSON: a list of [fact, before, after]."""
    more: int
    """Changes that are not listed."""


class FindingWitnessRow(SQLModel, table=True):
    """An item that shows a finding."""

    __tablename__ = "finding_witness"
    __table_args__ = (Index("ix_finding_witness_item", "item"),)

    finding_id: int = Field(primary_key=True, foreign_key="finding.id")
    """The finding."""
    item: str = Field(primary_key=True)
    """The item's uuid."""
    agent: str
    """Bare JID of who observed it."""
    at: int = Field(sa_type=BigInteger)
    """When."""


_tables: Final = SQLModel.metadata.tables

correlation_position: Final[Table] = _tables["correlation_position"]
check_history: Final[Table] = _tables["check_history"]
contradiction: Final[Table] = _tables["contradiction"]
finding: Final[Table] = _tables["finding"]
finding_witness: Final[Table] = _tables["finding_witness"]
