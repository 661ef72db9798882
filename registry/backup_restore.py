"""Putting the store of a safety copy in its place; what was there is moved aside, never deleted."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from registry.backup_finish import Finished, OldStore, RestoreOrder, finish_store, read_old
from registry.backup_manifest import BackupError, BackupManifest
from registry.backup_sqlite import copy_store
from registry.backup_target import sync
from registry.engines import parse_url, reading_engine, writing_engine
from registry.lock import FileLock
from registry.restore_marks import mark_of

Finish = Callable[[Connection, RestoreOrder], Finished]
"""Makes a copy one that may be used, within a transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replaced:
    """What came of putting a store in its place."""

    finished: Finished
    """What was done to the copy."""
    aside: str
    """Where the store that was there is now; empty where none was."""


class StorePlace(Protocol):
    """Where a store is, or will be."""

    def held(self) -> FileLock:
        """Return the lock that keeps everybody else out meanwhile."""
        ...

    def occupied(self) -> bool:
        """Tell whether there is a store."""
        ...

    def read_old(self, manifest: BackupManifest) -> OldStore:
        """Return what the store that is there knows and the safety copy does not."""
        ...

    def replace(self, part: Path, order: RestoreOrder) -> Replaced:
        """Put the copy in its place."""
        ...


class SqlitePlace:
    """A file."""

    def __init__(self, path: Path, *, finish: Finish = finish_store) -> None:
        """Describe it; `finish` makes a copy one that may be used."""
        self._path = path
        self._finish = finish
        self._staging = path.with_name(f"{path.name}.restore")

    def held(self) -> FileLock:
        """Return the lock of the store, which everybody who uses it holds."""
        return FileLock(self._path.with_name(f"{self._path.name}.lock"), exclusive=True, wait=1.0)

    def occupied(self) -> bool:
        """Tell whether there is a store, or what a restore that was interrupted left of one."""
        return self._path.exists() or mark_of(self._path).exists()

    def read_old(self, manifest: BackupManifest) -> OldStore:
        """Return what the store that is there knows and the safety copy does not.

        Raises:
            BackupError: it cannot be read.
        """
        # A copy, so that recovery of a store that died does not write into what is kept.
        source = self._interrupted() or self._path
        if not source.exists():
            return OldStore()
        self._make_staging()
        copy = self._staging / "old.db"
        copy_store(source, copy)
        return _old_of(reading_engine(parse_url(f"sqlite:///{copy}")), manifest, str(self._path))

    def replace(self, part: Path, order: RestoreOrder) -> Replaced:
        """Put the copy in its place; whoever is killed in it leaves the old store, the new one, or a marked place.

        Raises:
            BackupError: it cannot be written.
            StoreError: its schema is newer than this release.
        """
        self._make_staging()
        staged = self._staging / "store.db"
        try:
            shutil.copyfile(part, staged)
            staged.chmod(0o600)
            finished = self._finished(writing_engine(parse_url(f"sqlite:///{staged}")), order)
            sync(staged)
            aside = self._swap(staged, order.now)
        except OSError as error:
            raise BackupError(f"{self._path}: cannot be restored: {error}") from error
        shutil.rmtree(self._staging, ignore_errors=True)
        return Replaced(finished=finished, aside=aside)

    def _interrupted(self) -> Path | None:
        """Return where a restore that was interrupted put the store that was there; None where none was."""
        try:
            name = mark_of(self._path).read_text()
        except OSError:
            return None
        aside = self._path.with_name(Path(name).name) if name else self._path
        return aside if aside.exists() else None

    def _finished(self, engine: Engine, order: RestoreOrder) -> Finished:
        try:
            with engine.begin() as connection:
                return self._finish(connection, order)
        except SQLAlchemyError as error:
            raise BackupError(f"the copy cannot be made ready: {str(error).splitlines()[0]}") from error
        finally:
            engine.dispose()

    def _make_staging(self) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        try:
            self._staging.mkdir(mode=0o700)
        except OSError as error:
            raise BackupError(f"{self._staging}: cannot be made: {error.strerror}") from error

    def _swap(self, staged: Path, now: int) -> str:
        mark, moved = mark_of(self._path), ""
        aside = self._path.with_name(f"{self._path.name}.before-restore-{now}")
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True)) as database,
        ):
            # So that one file is all of it; of a damaged one its log goes aside as it is.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if self._interrupted() is None:
            # Written beside and renamed: a mark that is empty would not say where the store is.
            fresh = self._staging / "mark"
            fresh.write_text(aside.name)
            sync(fresh)
            fresh.replace(mark)
        sync(self._path.parent)
        # With its write-ahead log: the two are one database, and the log must not meet the new one.
        for suffix in ("-wal", "-shm", ""):
            file = self._path.with_name(f"{self._path.name}{suffix}")
            if file.exists():
                file.rename(aside.with_name(f"{aside.name}{suffix}"))
                moved = str(aside)
        staged.rename(self._path)
        sync(self._path.parent)
        mark.unlink()
        sync(self._path.parent)
        return moved


def _old_of(engine: Engine, manifest: BackupManifest, place: str) -> OldStore:
    try:
        with engine.begin() as connection:
            return read_old(connection, manifest)
    except SQLAlchemyError as error:
        raise BackupError(f"{place}: cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
