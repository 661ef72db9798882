"""The file of an outbox: schema, opening and checking; raw SQLite, because each item passes here."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from vedette.errors import StoreError

SCHEMA_VERSION = 1
"""`PRAGMA user_version` of the files that this release reads."""

APPLICATION = 0x5644_4F42
"""`PRAGMA application_id` (VDOB): another database is not mistaken for an outbox."""

_BUSY = 30.0
"""Seconds to wait for the transaction of another process, such as `vedette dead-letters`."""

_SCHEMA = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE item (
    seq INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, size INTEGER NOT NULL,
    added_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, retry_at INTEGER NOT NULL DEFAULT 0,
    field TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', data BLOB NOT NULL,
    document TEXT, uploaded INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX item_document ON item (document) WHERE document IS NOT NULL;
CREATE TABLE dead_letter (
    seq INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, size INTEGER NOT NULL,
    added_at INTEGER NOT NULL, attempts INTEGER NOT NULL, died_at INTEGER NOT NULL,
    field TEXT NOT NULL, reason TEXT NOT NULL, data BLOB NOT NULL, document TEXT
);
CREATE INDEX dead_letter_document ON dead_letter (document) WHERE document IS NOT NULL;
CREATE TABLE tombstone (
    seq INTEGER PRIMARY KEY, uuid TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
    discarded_at INTEGER NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL
);
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, text TEXT NOT NULL, signature TEXT NOT NULL,
    received_at INTEGER NOT NULL, engine TEXT NOT NULL, proved INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX receipt_engine ON receipt (engine, id);
CREATE INDEX receipt_proved ON receipt (id) WHERE proved;
"""


def open_file(path: Path, *, agent: str) -> sqlite3.Connection:
    """Open the outbox of an agent, making it with a new epoch if there is none.

    Transactions are the caller's; the connection may be used in another thread than this one.

    Raises:
        StoreError: the file is damaged, not an outbox, another agent's, of another release, or cannot
            be opened; names the file and what to do.
    """
    try:
        path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: the outbox cannot be opened: {error}") from error
    try:
        _prepare(connection, path, agent)
    except sqlite3.OperationalError as error:
        connection.close()
        raise StoreError(f"{path}: the outbox cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(
            f"{path}: the outbox is damaged ({error}); move it aside, keep it, and start again"
        ) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, agent: str) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "trusted_schema=OFF", "wal_autocheckpoint=2000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check(connection, path, agent)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path, agent: str) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        _create(connection, agent)
        return
    if application != APPLICATION:
        raise StoreError(f"{path}: is an SQLite database, but not an outbox; give the outbox a file of its own")
    if version != SCHEMA_VERSION:
        raise StoreError(f"{path}: the outbox has form {version}; this release reads form {SCHEMA_VERSION}")
    (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if damage != "ok":
        raise StoreError(f"{path}: the outbox is damaged ({damage}); move it aside, keep it, and start again")
    (owner,) = connection.execute("SELECT value FROM fact WHERE name = 'agent'").fetchone()
    if owner != agent:
        raise StoreError(f"{path}: is the outbox of {owner}, not of {agent}; give each agent a file of its own")


def _create(connection: sqlite3.Connection, agent: str) -> None:
    for statement in _SCHEMA.split(";")[:-1]:
        connection.execute(statement)
    facts = (("agent", agent), ("epoch", secrets.token_hex(8)), ("next_seq", 0))
    connection.executemany("INSERT INTO fact (name, value) VALUES (?, ?)", facts)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
