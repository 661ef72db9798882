"""SQLAlchemy engines as the store needs them, for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlite3 import Connection as SqliteConnection
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from vedette.configuration.database_url import POOLED
from vedette.errors import StoreError

READERS = 4
"""Connections that read at the same time; more only compete for the interpreter."""

_BUSY = 30_000
"""Milliseconds that SQLite waits for another process's transaction."""

CONNECT = 10
"""Seconds for a connection to PostgreSQL."""

LISTENER = "vedette notices"
"""Name, to PostgreSQL, of the connection by which a hub or an engine hears what others commit."""

_CHECKPOINT = 4_000
"""Pages of the write-ahead log (16 MB) between checkpoints: the default of 4 MB is one commit of ours."""


def parse_url(text: str) -> URL:
    """Return a database's URL, without our mark that it is pooled, which no driver knows.

    Raises:
        StoreError: it is not `sqlite:///path` or `postgresql+psycopg://…`; never shows a password.
    """
    wanted = "use sqlite:///path or postgresql+psycopg://user:password@host/name"
    try:
        url = make_url(text).difference_update_query([POOLED])
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"the database URL cannot be read; {wanted}") from error
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"the database URL starts with {url.drivername!r}; {wanted}")
    if not url.database or url.database == ":memory:":
        raise StoreError(f"the database URL names no {'file' if is_sqlite(url) else 'database'}; {wanted}")
    return url


def is_sqlite(url: URL) -> bool:
    """Tell whether the URL is of an SQLite file."""
    return url.get_backend_name() == "sqlite"


def place_of(url: URL) -> str:
    """Return the file, or host and database, for messages: without user and password."""
    if is_sqlite(url):
        return str(url.database)
    return f"{url.host or url.query.get('host', 'localhost')}:{url.port or 5432}/{url.database}"


def writing_engine(url: URL, *, pooled: bool = False) -> Engine:
    """Return the engine of the one writer: a single connection, each transaction a write from its start."""
    if not is_sqlite(url):
        return _postgres_engine(url, connections=1, pooled=pooled)
    engine = create_engine(url, pool_size=1, max_overflow=0)
    _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL", "synchronous=FULL"))
    return engine


def reading_engine(url: URL, *, readers: int = READERS, pooled: bool = False) -> Engine:
    """Return the engine of the readers: each transaction sees one state and cannot write."""
    if not is_sqlite(url):
        engine = _postgres_engine(url, connections=readers, pooled=pooled, isolation_level="REPEATABLE READ")
        return engine.execution_options(postgresql_readonly=True)
    engine = create_engine(url, pool_size=readers)
    _prepare_sqlite(engine, begin="BEGIN", pragmas=("query_only=ON",))
    return engine


def _postgres_engine(url: URL, *, connections: int, pooled: bool, **more: Any) -> Engine:
    # A statement that is prepared on one of a pooler's connections is unknown on the next.
    pooling = {"prepare_threshold": None} if pooled else {}
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT} | pooling,
        **more,
    )

    def on_connect(connection: psycopg.Connection[Any], _record: Any) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise StoreError(
                f"{place_of(url)}: the database keeps text as {encoding}; make one that keeps UTF-8:"
                f" CREATE DATABASE {url.database} ENCODING 'UTF8' TEMPLATE template0"
            )

    # Before SQLAlchemy's own, which understands nothing that comes in another encoding.
    event.listen(engine, "connect", on_connect, insert=True)
    return engine


def _prepare_sqlite(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    """Take transactions out of sqlite3's hands, which would begin them late and commit them early."""
    common = (f"busy_timeout={_BUSY}", "foreign_keys=ON", f"wal_autocheckpoint={_CHECKPOINT}", "trusted_schema=OFF")

    def on_connect(connection: SqliteConnection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (*common, *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
