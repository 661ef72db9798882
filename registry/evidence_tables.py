"""The tables that keep evidence alive: record states, renewals, revocation lists, alarms, the sweep's place.

Times are integers, UTC, microseconds since 1970.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry import tables  # noqa: F401  # the foreign keys below need them


class EvidenceRecordRow(SQLModel, table=True):
    """How the evidence record of one batch by one authority stands: what its newest time-stamp rests on."""

    __tablename__ = "evidence_record"
    __table_args__ = (Index("ix_evidence_record_group", "chain_sha256", "tsa", "digest"),)

    token_id: int = Field(primary_key=True, foreign_key="token.id")
    """The token that the record begins with."""
    tsa: str
    """Name of the authority that gave it."""
    external: bool
    """Whether somebody else runs that authority."""
    digest: str
    """Digest of the last chain's hash tree."""
    algorithms: str
    """What the newest token's signatures rest on: names with a comma between."""
    chain_sha256: str = Field(foreign_key="certificate_chain.sha256")
    """The certificates of the newest token."""
    not_after: int = Field(sa_type=BigInteger)
    """When the newest token's chain ends."""
    renewals: int
    """How often it was renewed."""
    void: str
    """Why the time-stamp counts no more; empty while it does."""


class RenewalRow(SQLModel, table=True):
    """One token that renews many records (RFC 4998 section 5)."""

    __tablename__ = "renewal"

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    kind: str
    """timestamp or hashtree."""
    digest: str
    """Digest of the hash tree that the token is over."""
    root: bytes
    """Root of that tree."""
    tsa: str
    """Name of the authority in the configuration."""
    external: bool
    """Whether somebody else runs it."""
    token: bytes
    """DER of the TimeStampToken."""
    gen_time: int = Field(sa_type=BigInteger)
    """The authority's time."""
    not_after: int = Field(sa_type=BigInteger)
    """When its chain ends."""
    chain_sha256: str = Field(foreign_key="certificate_chain.sha256")
    """The certificates that it was verified with."""
    obtained_at: int = Field(sa_type=BigInteger)
    """The engine's clock when it came."""
    reason: str
    """Why it was due."""


class RenewalPathRow(SQLModel, table=True):
    """How one record hangs in a renewal's tree."""

    __tablename__ = "renewal_path"

    token_id: int = Field(primary_key=True, foreign_key="evidence_record.token_id")
    """The record."""
    position: int = Field(primary_key=True)
    """Which renewal of this record it is, from 1: two that renew at once collide here."""
    renewal_id: int = Field(foreign_key="renewal.id")
    """The renewal."""
    path: bytes
    """Hashes from what is covered up to the root: the first list has two, each later one one."""


class RenewedPayloadsRow(SQLModel, table=True):
    """The payloads of a batch under a newer digest, as they were bound by a hash-tree renewal."""

    __tablename__ = "renewed_payloads"

    batch_id: int = Field(primary_key=True, foreign_key="batch.id")
    """The batch."""
    digest: str = Field(primary_key=True)
    """The digest."""
    hashes: bytes
    """One hash an item, in order; zeros where the payload was deleted."""


class RevocationListRow(SQLModel, table=True):
    """A certificate revocation list or a responder's answer, stored once for all that it speaks of."""

    __tablename__ = "revocation_list"

    sha256: str = Field(primary_key=True)
    """SHA-256 of the bytes, hexadecimal."""
    kind: str
    """`crl` or `ocsp`."""
    der: bytes
    """The list or answer in DER."""
    this_update: int = Field(sa_type=BigInteger)
    """When its issuer made it."""
    fetched_at: int = Field(sa_type=BigInteger)
    """When it came."""


class RevocationCheckRow(SQLModel, table=True):
    """The newest list from one distribution point of a certificate chain, or a responder's newest answer."""

    __tablename__ = "revocation_check"

    chain_sha256: str = Field(primary_key=True, foreign_key="certificate_chain.sha256")
    """The chain."""
    url: str = Field(primary_key=True)
    """The distribution point or responder."""
    about: str = Field(primary_key=True)
    """SHA-256 of the certificate that the responder is asked about, hexadecimal; empty for a list."""
    list_sha256: str | None = Field(foreign_key="revocation_list.sha256")
    """The newest list or answer; absent while there was none."""
    checked_at: int = Field(sa_type=BigInteger)
    """When it was last asked for."""
    error: str
    """Why the last attempt failed, empty after a success."""


class AlarmRow(SQLModel, table=True):
    """Something about the evidence that a person must look at; it is never repaired silently."""

    __tablename__ = "alarm"
    __table_args__ = (UniqueConstraint("kind", "place", name="uq_alarm_kind_place"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    at: int = Field(sa_type=BigInteger)
    """When it was found first."""
    kind: str
    """What is wrong, one word."""
    place: str
    """Exactly where."""
    text: str
    """What was found, and what to do."""
    acknowledged_at: int | None = Field(sa_type=BigInteger)
    """When a person took note of it."""


class SweepRow(SQLModel, table=True):
    """Where the sweep of a chain stands."""

    __tablename__ = "sweep"

    chain_id: int = Field(primary_key=True, foreign_key="chain.id")
    """The chain."""
    position: int = Field(sa_type=BigInteger)
    """First `log_index` that was not looked at in this pass."""
    number: int = Field(sa_type=BigInteger)
    """Number of the last batch that was."""
    root: bytes | None
    """Its root."""
    head: bytes
    """Head recomputed over everything before `position`."""
    target_index: int = Field(sa_type=BigInteger)
    """`next_index` of the chain when this pass began: where it ends."""
    target_head: bytes
    """Head of the chain then."""
    seen_index: int = Field(sa_type=BigInteger)
    """Where the pass before ended: no pass may end before it."""
    seen_head: bytes
    """Head of the chain there: no later one may have another."""
    seen_number: int = Field(sa_type=BigInteger)
    """Number of the last batch then."""
    passes: int
    """Passes that were finished."""
    finished_at: int | None = Field(sa_type=BigInteger)
    """When the last one was."""


_tables: Final = SQLModel.metadata.tables

evidence_record: Final[Table] = _tables["evidence_record"]
renewal: Final[Table] = _tables["renewal"]
renewal_path: Final[Table] = _tables["renewal_path"]
renewed_payloads: Final[Table] = _tables["renewed_payloads"]
revocation_list: Final[Table] = _tables["revocation_list"]
revocation_check: Final[Table] = _tables["revocation_check"]
alarm: Final[Table] = _tables["alarm"]
sweep: Final[Table] = _tables["sweep"]
