"""PostgreSQL databases for the tests, emptied rather than made anew: making one takes five times as long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.registry.postgresql import postgres_sql, postgres_url

PATIENCE_MILLISECONDS = 60_000

MANY_BYTES = 64 * 1024
"""A table of this size is given new files, which takes a hundred times as long as to delete a few rows.

What is deleted stays in the files until then, too little for the planner to notice; but it would in a table that was
analysed, and in an index of words (GIN), so these are given new files always.
"""

# What a test may change besides rows. Emptying a table changes none of these; whatever changes a row of them gives it
# a later transaction, and whatever takes one away lowers the count.
_CATALOGUES = (
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_db_role_setting",
    "pg_extension",
    "pg_index",
    "pg_namespace",
    "pg_proc",
    "pg_rewrite",
    "pg_statistic",
    "pg_trigger",
    "pg_type",
)
_RELATIONS = "(SELECT string_agg(concat_ws(' ', oid, relname, relkind, reloptions), ',' ORDER BY oid) FROM pg_class)"
_WRITTEN = (
    "SELECT oid::regclass::text, pg_relation_size(oid) > %s OR reltuples > 0 OR EXISTS ("
    "SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam"
    " WHERE i.indrelid = c.oid AND m.amname = 'gin')"
    " FROM pg_class c WHERE oid::regclass::text = ANY(%s) AND pg_relation_size(oid) > 0"
)
_TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_END_ALL_OTHERS = (
    "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_RESTART_ALL_NUMBERS = (
    "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"
)


@dataclass(frozen=True)
class _Fresh:
    """What a database is like before a test had it."""

    filled: tuple[str, ...]
    """The tables that have rows already, such as the schema's version."""
    empty: tuple[str, ...]
    """All others."""
    state: tuple[object, ...]
    """What is there besides rows, and the filled tables' rows."""


@dataclass
class DatabasePool:
    """Databases like a template, each lent to one test at a time."""

    folder: Path
    """The server's."""
    template: str
    """The database to copy."""
    idle: list[str] = field(default_factory=list)
    """The databases that nobody has."""
    _fresh: _Fresh | None = None

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Give the URL of a database that is as the template; what the test did to it is undone afterwards."""
        name = self.idle.pop() if self.idle else self._made()
        yield postgres_url(self.folder, name)
        if self._emptied(name):
            self.idle.append(name)
        else:
            postgres_sql(self.folder, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _made(self) -> str:
        if self._fresh is None:
            with self._connected(self.template) as template:
                self._fresh = _fresh(template)
        name = f"t{uuid4().hex}"
        postgres_sql(self.folder, f"CREATE DATABASE {name} TEMPLATE {self.template}")
        return name

    def _emptied(self, name: str) -> bool:
        """Empty it, unless the test took it away or changed more than rows."""
        assert self._fresh is not None
        try:
            with self._connected(name) as database:
                database.execute(_END_ALL_OTHERS, [PATIENCE_MILLISECONDS])
                if _state(database, self._fresh.filled) != self._fresh.state:
                    return False
                _empty(database, self._fresh.empty)
                return True
        except psycopg.Error:
            return False

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(f"host={self.folder} user=postgres dbname={name}", autocommit=True)


def _fresh(database: psycopg.Connection) -> _Fresh:
    tables = tuple(name for (name,) in database.execute(_TABLES))
    filled = _with_rows(database, tables)
    empty = tuple(name for name in tables if name not in filled)
    return _Fresh(filled=filled, empty=empty, state=_state(database, filled))


def _state(database: psycopg.Connection, filled: tuple[str, ...]) -> tuple[object, ...]:
    count = sql.SQL("(SELECT concat(count(*), ' ', max(xmin::text::bigint)) FROM {})")
    each = [count.format(sql.SQL(name)) for name in (*_CATALOGUES, *filled)]
    row = database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join([sql.SQL(_RELATIONS), *each]))).fetchone()
    assert row is not None
    return tuple(row)


def _with_rows(database: psycopg.Connection, tables: tuple[str, ...]) -> tuple[str, ...]:
    look = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    each = [look.format(sql.Literal(name), sql.SQL(name)) for name in tables]
    return tuple(name for (name,) in database.execute(sql.SQL(" UNION ALL ").join(each)))


def _empty(database: psycopg.Connection, tables: tuple[str, ...]) -> None:
    """Empty what has rows, and let all numbers begin again."""
    database.execute(_RESTART_ALL_NUMBERS)
    # As a replica: the audit log refuses to be emptied, and no table waits for the one that its rows point to.
    database.execute("SET session_replication_role = replica")
    rows = database.execute(_WRITTEN, [MANY_BYTES, list(tables)]).fetchall()
    if large := [sql.SQL(name) for name, is_large in rows if is_large]:
        database.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(large)))
    if small := [sql.SQL("DELETE FROM {}").format(sql.SQL(name)) for name, is_large in rows if not is_large]:
        database.execute(sql.SQL("; ").join(small))
