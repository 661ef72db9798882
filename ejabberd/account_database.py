"""The PostgreSQL database in which the nodes of a cluster keep accounts and rosters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import psycopg

from vedette.errors import ConfigurationError, ConnectionFailedError

DEFAULT_PORT = 5432
"""PostgreSQL's port."""

CONNECT_SECONDS = 10
"""How long reaching it may take."""

_TABLES = """
CREATE TABLE IF NOT EXISTS users (
    username text PRIMARY KEY, password text NOT NULL, serverkey text NOT NULL DEFAULT '',
    salt text NOT NULL DEFAULT '', iterationcount integer NOT NULL DEFAULT 0,
    created_at timestamp NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS rosterusers (
    username text NOT NULL, jid text NOT NULL, nick text NOT NULL, subscription character(1) NOT NULL,
    ask character(1) NOT NULL, askmessage text NOT NULL, server character(1) NOT NULL, subscribe text NOT NULL,
    type text, created_at timestamp NOT NULL DEFAULT now());
CREATE UNIQUE INDEX IF NOT EXISTS i_rosteru_user_jid ON rosterusers (username, jid);
CREATE INDEX IF NOT EXISTS i_rosteru_jid ON rosterusers (jid);
CREATE TABLE IF NOT EXISTS rostergroups (username text NOT NULL, jid text NOT NULL, grp text NOT NULL);
CREATE INDEX IF NOT EXISTS pk_rosterg_user_jid ON rostergroups (username, jid);
CREATE TABLE IF NOT EXISTS roster_version (username text PRIMARY KEY, version text NOT NULL);
"""
"""What ejabberd's `sql` authentication and roster need, in the form that ejabberd 23.01 reads and writes."""


@dataclass(frozen=True, kw_only=True)
class AccountDatabase:
    """Where it is. ejabberd's driver speaks TCP only: no socket."""

    host: str
    """Host name or address."""
    port: int
    """TCP port."""
    name: str
    """Name of the database."""
    user: str
    """Who logs in."""
    password: str = field(repr=False)
    """That role's password."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return what `postgresql://user:password@host[:port]/database` says.

        Raises:
            ConfigurationError: it has another form; the message does not repeat it.
        """
        try:
            parts = urlsplit(url)
            name, port = unquote(parts.path[1:]), parts.port or DEFAULT_PORT
        except ValueError:
            parts, name, port = urlsplit(""), "", 0
        if parts.scheme != "postgresql" or not (parts.hostname and parts.username and name) or parts.query:
            reason = "is not of the form postgresql://user:password@host[:port]/database"
            raise ConfigurationError("xmpp", "accounts", reason)
        user, password = unquote(parts.username), unquote(parts.password or "")
        return cls(host=parts.hostname, port=port, name=name, user=user, password=password)

    def rendered(self) -> dict[str, Any]:
        """Return ejabberd's options for it."""
        return {
            "sql_type": "pgsql",
            "sql_server": self.host,
            "sql_port": self.port,
            "sql_database": self.name,
            "sql_username": self.user,
            "sql_password": self.password,
            "sql_pool_size": 5,
        }

    def prepare(self) -> None:
        """Make the tables that are missing.

        Raises:
            ConnectionFailedError: it cannot be reached or refuses; the password is not in the message.
        """
        try:
            with psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.name,
                user=self.user,
                password=self.password,
                connect_timeout=CONNECT_SECONDS,
            ) as connection:
                # Two nodes may be initialised at once; CREATE … IF NOT EXISTS alone fails then.
                connection.execute("SELECT pg_advisory_xact_lock(hashtext('vedette xmpp accounts'))")
                connection.execute(_TABLES)
        except psycopg.Error as error:
            place = f"{self.host}:{self.port}/{self.name}"
            raise ConnectionFailedError(f"the accounts' database {place} cannot be used: {error}") from error
