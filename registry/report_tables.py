"""The table of what agents report of themselves; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel


class AgentReportRow(SQLModel, table=True):
    """What an agent's last heartbeat said of its outbox."""

    __tablename__ = "agent_report"

    jid: str = Field(primary_key=True, foreign_key="agent.jid")
    """Bare JID."""
    reported_at: int = Field(sa_type=BigInteger)
    """When it came, by the registry's clock."""
    waiting: int = Field(sa_type=BigInteger)
    """Items that were not confirmed."""
    waiting_since: int | None = Field(sa_type=BigInteger)
    """Since when the oldest of them waited, by the registry's clock; absent where there was none."""
    dead_letters: int = Field(sa_type=BigInteger)
    """Items that were given up and wait for a person."""


agent_report: Final[Table] = SQLModel.metadata.tables["agent_report"]
