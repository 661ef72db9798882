"""Accounts on an XMPP server: the port, and the embedded server's own."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from vedette.errors import ConfigurationError, RefusedError, StoreError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What an account's name (the JID's local part) may be: lower case, nothing that XMPP must escape."""

DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9][a-z0-9-]{0,62})*")
"""What an XMPP domain of ours may be: a lower-case host name (RFC 7622 section 3.2)."""

RANDOM_PASSWORD_LENGTH = 43
"""Characters of 256 random bits in base64url: what `new_password` makes."""

FEW_ITERATIONS = 1_000
MANY_ITERATIONS = 210_000

_SCHEMA = "CREATE TABLE IF NOT EXISTS credentials (jid TEXT PRIMARY KEY, hash_pwd TEXT NOT NULL) STRICT"


class Accounts(Protocol):
    """Who may log in to an XMPP server of ours."""

    def create(self, name: str, password: str) -> None:
        """Add the account, or give it this password.

        Raises:
            RefusedError: the name or the password cannot be used.
            VedetteError: the server or its database cannot be reached.
        """
        ...

    def remove(self, name: str) -> None:
        """Take the account away and end its sessions; no error when there is none.

        Raises:
            VedetteError: the server or its database cannot be reached.
        """
        ...

    def names(self) -> list[str]:
        """Return the names (local parts) of the accounts, sorted.

        Raises:
            VedetteError: the server or its database cannot be reached.
        """
        ...


def new_password() -> str:
    """Return a password of 256 random bits, base64url."""
    return secrets.token_urlsafe(32)


def check_name(name: str) -> str:
    """Return the name if it can be an account's.

    Raises:
        RefusedError: it has characters that XMPP addresses would escape or fold (RFC 7622 section 3.3).
    """
    if not NAME.fullmatch(name):
        raise RefusedError(
            "name", f"{name!r} must be 1 to 64 of a-z, 0-9, '.', '_', '-' and start with a letter or digit"
        )
    return name


def check_domain(domain: str) -> str:
    """Return the domain if it can be a server's.

    Raises:
        ConfigurationError: it is not a lower-case host name.
    """
    if not DOMAIN.fullmatch(domain):
        raise ConfigurationError("xmpp", "domain", f"{domain!r} is not a lower-case host name")
    return domain


def check_password(password: str) -> str:
    """Return the password if it can be one.

    Raises:
        RefusedError: it is shorter than 8 characters, longer than 1024, or has control characters.
    """
    if not 8 <= len(password) <= 1024:
        raise RefusedError("password", "must have 8 to 1024 characters")
    if not password.isprintable():
        raise RefusedError("password", "must not have control characters")
    return password


class EmbeddedAccounts:
    """The accounts of an embedded server, in the SQLite file `accounts.sqlite` of its folder.

    The server reads the file at each login and looks once a second whether it changed: accounts
    come and go while it runs. Rows have pyjabber's form, `sha256$iterations$salt$hash` (PBKDF2, RFC 8018).
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "accounts.sqlite"

    def create(self, name: str, password: str) -> None:
        """Add the account, or give it this password.

        Raises:
            RefusedError: the name or the password cannot be used.
            StoreError: the database cannot be written.
        """
        row = (
            check_name(name),
            _hash(check_password(password), salt=os.urandom(16), iterations=_iterations(password)),
        )
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO credentials VALUES (?, ?)", row)

    def remove(self, name: str) -> None:
        """Take the account away; the server ends its sessions within 2 seconds.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._connection() as connection:
            connection.execute("DELETE FROM credentials WHERE jid = ?", (name,))

    def names(self) -> list[str]:
        """Return the names (local parts) of the accounts, sorted.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._connection() as connection:
            return [name for (name,) in connection.execute("SELECT jid FROM credentials ORDER BY jid")]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = open_credentials(self._path)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error


def open_credentials(path: Path) -> sqlite3.Connection:
    """Open the accounts' database, making it (mode 0600) if it is not there.

    Raises:
        ConfigurationError: the folder cannot be written.
        sqlite3.Error: it is not such a database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be written: {error.strerror}") from error
    connection = sqlite3.connect(path, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_SCHEMA)
        connection.commit()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def is_costly(stored: str) -> bool:
    """Tell whether checking a password against this hash takes tens of milliseconds (use a thread)."""
    return int(stored.split("$")[1]) > FEW_ITERATIONS


def matches(password: str, stored: str) -> bool:
    """Tell whether the password is the one that was hashed; False for a row that is not understood."""
    try:
        _, iterations, salt, _ = stored.split("$")
        again = _hash(password, salt=bytes.fromhex(salt), iterations=int(iterations))
    except ValueError:
        return False
    return hmac.compare_digest(again, stored)


def _iterations(password: str) -> int:
    # Stretching protects what people choose. 256 random bits cannot be guessed however cheap a guess is,
    # while every agent's connect would pay for it: 0.1 s of CPU at 210,000 iterations.
    return FEW_ITERATIONS if len(password) >= RANDOM_PASSWORD_LENGTH else MANY_ITERATIONS


def _hash(password: str, *, salt: bytes, iterations: int) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    return f"sha256${iterations}${salt.hex()}${digest.hex()}"
