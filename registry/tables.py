"""The tables of the store; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel


class AgentRow(SQLModel, table=True):
    """An enrolled agent: who may speak, in which role and with which key."""

    __tablename__ = "agent"

    jid: str = Field(primary_key=True)
    """Bare JID."""
    role: str
    """The role that it was enrolled in."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key; absent for an account that only sends unsigned items."""
    unsigned_allowed: bool
    """Whether bare SCANDALE messages are accepted from it."""
    enrolled_at: int = Field(sa_type=BigInteger)
    """When it was enrolled last."""
    revoked_at: int | None = Field(sa_type=BigInteger)
    """When it was revoked; a revoked agent is a stranger."""


class RegistrationRow(SQLModel, table=True):
    """What an enrolled agent last said of itself, and its presence."""

    __tablename__ = "registration"

    jid: str = Field(primary_key=True, foreign_key="agent.jid")
    """Bare JID."""
    card: str | None
    """The signed text of its card; absent before it registers."""
    signature: str | None
    """Base64 of the card's signature."""
    signed_at: int = Field(sa_type=BigInteger)
    """When the card was signed, by the agent's clock; an older card is a replay."""
    registered_at: int | None = Field(sa_type=BigInteger)
    """When the card arrived."""
    last_seen_at: int | None = Field(sa_type=BigInteger)
    """When anything of it was last heard."""
    show: str
    """Presence: available, away, dnd, gone or unknown."""
    status: str
    """Why, in the agent's words or the registry's."""
    since: int = Field(sa_type=BigInteger)
    """Since when the presence is what it is."""


class PresenceChangeRow(SQLModel, table=True):
    """One change of an agent's presence."""

    __tablename__ = "presence_change"
    __table_args__ = (Index("ix_presence_change_jid", "jid", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of the changes."""
    jid: str
    """Bare JID."""
    show: str
    """What it became."""
    status: str
    """Why."""
    at: int = Field(sa_type=BigInteger)
    """When."""
    cause: str
    """What told us: presence, heartbeat, silence, restart."""


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
    """A committed item; its proof state is its batch's, found by chain and `log_index`."""

    __tablename__ = "item"
    __table_args__ = (
        Index("ix_item_chain_index", "chain_id", "log_index", unique=True),
        Index("ix_item_received", "received_at", "chain_id", "log_index"),
        Index("ix_item_agent_received", "agent", "received_at"),
        Index("ix_item_type_received", "type", "received_at"),
        Index("ix_item_check_received", "check", "received_at"),
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
    payload: bytes | None
    """Decoded bytes, where they are kept inline."""


class BatchRow(SQLModel, table=True):
    """Items that are proved together: a contiguous range of one chain."""

    __tablename__ = "batch"
    __table_args__ = (
        Index("ix_batch_number", "chain_id", "number", unique=True),
        Index("ix_batch_last", "chain_id", "last_index", unique=True),
        Index("ix_batch_state", "state", "closed_at"),
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
    """How many items."""
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
    __table_args__ = (UniqueConstraint("batch_id", "tsa", name="uq_token_batch_tsa"),)

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
