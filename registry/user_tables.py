"""The tables of people who log in; times are integers, UTC, microseconds since 1970."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field, SQLModel


class UserAccountRow(SQLModel, table=True):
    """A person who may log in."""

    __tablename__ = "user_account"

    id: str = Field(primary_key=True)
    """Random; stays when everything else changes."""
    name: str = Field(unique=True)
    """What the person types, in lower case."""
    role: str
    """What the person may do."""
    password_hash: str
    """Argon2id, as a PHC string with its parameters."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was made."""
    password_changed_at: int = Field(sa_type=BigInteger)
    """When the password was set."""
    disabled_at: int | None = Field(sa_type=BigInteger)
    """Since when it is refused; absent: it is not."""
    last_login_at: int | None = Field(sa_type=BigInteger)
    """When the person logged in last."""


class UserSessionRow(SQLModel, table=True):
    """A browser in which somebody is logged in; the token itself is not kept."""

    __tablename__ = "user_session"
    __table_args__ = (Index("ix_user_session_user", "user_id"),)

    sha256: str = Field(primary_key=True)
    """SHA-256 of the token, hexadecimal."""
    id: str = Field(unique=True)
    """Random; names the session in records."""
    user_id: str = Field(foreign_key="user_account.id")
    """Whose it is."""
    origin: str
    """Address from which the person logged in."""
    created_at: int = Field(sa_type=BigInteger)
    """When the person logged in."""
    seen_at: int = Field(sa_type=BigInteger)
    """When it was last used, to the minute: finer would cost a write a request."""


class SetupLinkRow(SQLModel, table=True):
    """A way to make the first administrator, to choose a password, or to get back in; good once."""

    __tablename__ = "setup_link"

    sha256: str = Field(primary_key=True)
    """SHA-256 of the token, hexadecimal."""
    created_at: int = Field(sa_type=BigInteger)
    """When it was made."""
    expires_at: int = Field(sa_type=BigInteger)
    """From when on it is refused."""
    only_first: bool
    """Whether it is good only as long as there is no administrator."""
    user_id: str | None = Field(foreign_key="user_account.id")
    """Whose password it sets; absent: it makes an administrator."""


user_account: Final[Table] = SQLModel.metadata.tables["user_account"]
user_session: Final[Table] = SQLModel.metadata.tables["user_session"]
setup_link: Final[Table] = SQLModel.metadata.tables["setup_link"]
