"""The tables of a collector's sources: in the file of its outbox, so that state and items commit together."""

from __future__ import annotations

import sqlite3

from vedette.collection.simhash import BLOCKS

_BLOCKS = ", ".join(f"block{number} INTEGER" for number in range(BLOCKS))

_SCHEMA = (
    f"""CREATE TABLE IF NOT EXISTS source_page (
        source TEXT NOT NULL, url TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
        sha256 TEXT NOT NULL, sha1 TEXT NOT NULL, simhash INTEGER, size INTEGER NOT NULL,
        first_seen INTEGER NOT NULL, checked_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
        checks INTEGER NOT NULL, changes INTEGER NOT NULL, failures INTEGER NOT NULL, failure TEXT NOT NULL,
        settled INTEGER NOT NULL, ignores_conditions INTEGER NOT NULL, refuses_head INTEGER NOT NULL,
        listed TEXT NOT NULL, uuid TEXT NOT NULL, {_BLOCKS},
        PRIMARY KEY (source, url)) WITHOUT ROWID""",
    *(
        f"CREATE INDEX IF NOT EXISTS source_page_block{number} ON source_page (block{number})"
        f" WHERE block{number} IS NOT NULL"
        for number in range(BLOCKS)
    ),
    """CREATE TABLE IF NOT EXISTS source_mark (
        source TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (source, name)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS source_robots (
        origin TEXT PRIMARY KEY, body BLOB NOT NULL, reachable INTEGER NOT NULL,
        fetched_at INTEGER NOT NULL, asked_at INTEGER NOT NULL) WITHOUT ROWID""",
)


def make_source_tables(connection: sqlite3.Connection) -> None:
    """Make what is not there yet, inside the caller's transaction."""
    for statement in _SCHEMA:
        connection.execute(statement)
