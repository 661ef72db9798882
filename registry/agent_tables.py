"""The tables of the agents' directory; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index
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
