"""Copies of an SQLite store, taken while it is used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from registry.backup_manifest import BackupError
from vedette.evidence.finding import Finding

T = TypeVar("T")

_PAGES = 1_024
"""Pages (4 MiB) that are copied in one go, between looks at what else this process has to do."""


def copy_store(source: Path, target: Path) -> None:
    """Copy one state of a store that may be written meanwhile; the copy is one file, synced.

    Raises:
        BackupError: the store cannot be read, or the copy not be written; no copy is left.
    """
    target.unlink(missing_ok=True)
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _copy(source, target)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except (OSError, sqlite3.Error) as error:
        target.unlink(missing_ok=True)
        raise BackupError(f"{source}: cannot be copied to {target}: {error}") from error


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as store,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        store.execute("PRAGMA busy_timeout=30000")
        # A read transaction of its own: without it each commit of the engine would start the copy over.
        store.execute("BEGIN")
        store.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        copy.execute("PRAGMA synchronous=OFF")
        store.backup(copy, pages=_PAGES)
        # Else the copy would want a write-ahead log beside it as soon as somebody reads it.
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """Open a copy that nobody writes, without leaving anything beside it.

    Raises:
        BackupError: it is not a database, or not a store.
    """
    uri = f"file:{path.resolve().as_uri().removeprefix('file://')}"
    engine = create_engine(URL.create("sqlite", database=uri, query={"mode": "ro", "immutable": "1", "uri": "true"}))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA trusted_schema=OFF")
            yield connection
    except SQLAlchemyError as error:
        raise BackupError(f"{path}: is not a store that can be read: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()


def copied_facts(path: Path, read: Callable[[Connection], T]) -> T:
    """Return what a copy holds.

    Raises:
        BackupError: it cannot be read.
    """
    with reading(path) as connection:
        return read(connection)


def integrity_findings(connection: Connection, *, place: str = "store") -> list[Finding]:
    """Return what SQLite itself finds wrong with a copy."""
    rows = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
    return [Finding(kind="integrity", place=place, text=str(row)) for row in rows if row != "ok"]
