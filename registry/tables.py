"""The tables of the store; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from registry import agent_tables  # noqa: F401  # defines three of the tables below

USUAL_VERDICT: Final = "as expected"
"""The verdict that nobody looks for: an index without it is small."""

PARTLY_INDEXED: Final = ("target", "source", "verdict")
"""Columns whose long texts are not indexed (`admission.MAX_INDEXED`): PostgreSQL could not store them then."""

_SHORT_TARGET = text("length(target) <= 512")
_SHORT_SOURCE = text("length(source) <= 512")
_UNUSUAL = text(f"length(verdict) <= 512 AND verdict <> '{USUAL_VERDICT}'")


class ChainRow(SQLModel, table=True):
    """An engine's log: a gapless sequence of statements with a running head."""

    __tablename__ = "chain"
    __table_args__ = (UniqueConstraint("engine", "epoch", name="uq_chain_engine_epoch"),)

    id: int | None = Field(default=None, primary_key=True)
    """What items and batches refer to."""
    engine: str
    """Bare JID of the engine."""
    epoch: str
    """Random hexadecimal; a restored backup starts another."""
    opened_at: int = Field(sa_type=BigInteger)
    """When it was started."""
    next_index: int = Field(sa_type=BigInteger)
    """The `log_index` that the next item gets."""
    head: bytes
    """SHA-256(previous head || leaf) over all items so far, from 32 zero bytes."""
    urgent_index: int = Field(sa_type=BigInteger)
    """The last `log_index` of an urgent item; -1 where there was none."""


class DeliveryRow(SQLModel, table=True):
    """A manifest that an agent signed; stored once some item of it is committed."""

    __tablename__ = "delivery"

    sha256: str = Field(primary_key=True)
    """SHA-256 of the signed text, hexadecimal."""
    agent: str
    """Bare JID of the agent."""
    epoch: str
    """Epoch of the agent's outbox."""
    first: int = Field(sa_type=BigInteger)
    """Lowest `origin_seq`."""
    last: int = Field(sa_type=BigInteger)
    """Highest `origin_seq`."""
    text: str
    """The canonical JSON that was signed."""
    signature: str
    """Base64 of the signature."""
    public_key: str | None
    """Base64 of the key that the agent was enrolled with at that time: keys change, proofs stay."""
    received_at: int = Field(sa_type=BigInteger)
    """When it arrived."""


class ItemRow(SQLModel, table=True):
    """A committed item; its proof state is its batch's by `log_index`, its inline bytes are in `item_payload`."""

    __tablename__ = "item"
    __table_args__ = (
        Index("ix_item_chain_index", "chain_id", "log_index", unique=True),
        Index("ix_item_received", "received_at", "chain_id", "log_index"),
        Index("ix_item_agent_received", "agent", "received_at"),
        Index("ix_item_type_received", "type", "received_at"),
        Index("ix_item_check_received", "check", "received_at"),
        Index(
            "ix_item_target_received",
            "target",
            "received_at",
            sqlite_where=_SHORT_TARGET,
            postgresql_where=_SHORT_TARGET,
        ),
        Index(
            "ix_item_source_received",
            "source",
            "received_at",
            sqlite_where=_SHORT_SOURCE,
            postgresql_where=_SHORT_SOURCE,
        ),
        Index("ix_item_verdict_received", "verdict", "received_at", sqlite_where=_UNUSUAL, postgresql_where=_UNUSUAL),
        # Who has a payload, in the order of the log: SCANDALE's `q`, and who else refers to a document.
        Index("ix_item_payload", "payload_sha256", "chain_id", "log_index"),
    )

    uuid: str = Field(primary_key=True)
    """The item's uuid as it was written."""
    chain_id: int = Field(foreign_key="chain.id")
    """The chain that it is logged in."""
    log_index: int = Field(sa_type=BigInteger)
    """Its place in the chain."""
    agent: str
    """Bare JID of the sender."""
    type: str
    """`meta.type`."""
    format: str
    """Format of the payload."""
    version: str
    """Version of the item form."""
    target: str | None
    """`meta.target`."""
    source: str | None
    """`meta.source`, the routing key."""
    check: str | None
    """`meta.check`: which configured check made it."""
    ts: int = Field(sa_type=BigInteger)
    """`meta.ts`, in seconds."""
    collected_at: int | None = Field(sa_type=BigInteger)
    """`meta.collected_at`: the agent's clock."""
    received_at: int = Field(sa_type=BigInteger)
    """The engine's clock."""
    verdict: str | None
    """`meta.verdict`."""
    exit_code: int | None = Field(sa_type=BigInteger)
    """`meta.exit_code`."""
    size: int = Field(sa_type=BigInteger)
    """Bytes of the decoded payload."""
    unsigned: bool
    """Whether it came as a bare message, without a signed manifest."""
    skew: bool
    """Whether the agent's clock and the engine's disagree by more than a day."""
    digest: bytes
    """What the manifest lists for it: 32 bytes."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    manifest_sha256: str | None = Field(foreign_key="delivery.sha256")
    """The manifest that it came with."""
    extra: bytes | None
    """JSON of unknown fields outside `meta`, kept as they came."""
    statement: bytes
    """Statement v1: the bytes whose SHA-256 is the leaf."""


class BatchRow(SQLModel, table=True):
    """Items that are proved together: a contiguous range of one chain."""

    __tablename__ = "batch"
    __table_args__ = (
        Index("ix_batch_number", "chain_id", "number", unique=True),
        Index("ix_batch_last", "chain_id", "last_index", unique=True),
        Index("ix_batch_state", "state", "closed_at", "id"),
        Index("ix_batch_closed", "closed_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """What tokens refer to."""
    chain_id: int = Field(foreign_key="chain.id")
    """The chain."""
    number: int = Field(sa_type=BigInteger)
    """Number of the batch in its chain, from 1."""
    first_index: int = Field(sa_type=BigInteger)
    """First `log_index`."""
    last_index: int = Field(sa_type=BigInteger)
    """Last `log_index`."""
    count: int
    """How many items and audit entries."""
    audit_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    """How many of them are audit entries."""
    statement: bytes
    """The batch's own statement, the last leaf of the tree."""
    root: bytes
    """Root of the hash tree: what gets time-stamped."""
    previous_root: bytes | None
    """Root of the batch before; absent in the first."""
    closed_at: int = Field(sa_type=BigInteger)
    """When it was closed."""
    state: str
    """pending, self-asserted, proved, strong or failed."""
    reason: str
    """Why it failed, or why it still waits."""


class CertificateChainRow(SQLModel, table=True):
    """Certificates of an authority, stored once for all the tokens that were verified with them."""

    __tablename__ = "certificate_chain"

    sha256: str = Field(primary_key=True)
    """SHA-256 of the text, hexadecimal."""
    pem: bytes
    """The signer's certificate first, the trusted root last."""


class TokenRow(SQLModel, table=True):
    """An RFC 3161 time-stamp token over a batch's root, verified before it got here."""

    __tablename__ = "token"
    __table_args__ = (
        UniqueConstraint("batch_id", "tsa", name="uq_token_batch_tsa"),
        Index("ix_token_tsa", "tsa", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    batch_id: int = Field(foreign_key="batch.id")
    """The batch."""
    tsa: str
    """Name of the authority in the configuration."""
    external: bool
    """Whether somebody else runs it; a local one only asserts its own time."""
    token: bytes
    """DER of the TimeStampToken."""
    gen_time: int = Field(sa_type=BigInteger)
    """The authority's time."""
    policy: str
    """OID of its policy."""
    serial: str
    """Its serial number, decimal."""
    not_after: int = Field(sa_type=BigInteger)
    """When the first certificate of its chain ends: renew before."""
    chain_sha256: str = Field(foreign_key="certificate_chain.sha256")
    """The certificates that it was verified with."""
    obtained_at: int = Field(sa_type=BigInteger)
    """The engine's clock when it came."""


class RefusalRow(SQLModel, table=True):
    """An item or message that was refused; the oldest are pruned, the counter is not."""

    __tablename__ = "refusal"

    id: int | None = Field(default=None, primary_key=True)
    """Order."""
    at: int = Field(sa_type=BigInteger)
    """When."""
    sender: str
    """Bare JID."""
    uuid: str
    """The item's uuid; empty for a message."""
    field: str
    """Where."""
    reason: str
    """Why."""


class CounterRow(SQLModel, table=True):
    """A number that outlives the rows it counts."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    """What is counted."""
    value: int = Field(sa_type=BigInteger)
    """How many."""


_tables: Final = SQLModel.metadata.tables

agent: Final[Table] = _tables["agent"]
registration: Final[Table] = _tables["registration"]
presence_change: Final[Table] = _tables["presence_change"]
chain: Final[Table] = _tables["chain"]
delivery: Final[Table] = _tables["delivery"]
item: Final[Table] = _tables["item"]
batch: Final[Table] = _tables["batch"]
certificate_chain: Final[Table] = _tables["certificate_chain"]
token: Final[Table] = _tables["token"]
refusal: Final[Table] = _tables["refusal"]
counter: Final[Table] = _tables["counter"]
