"""Putting a dump into a PostgreSQL database; the tables that were there move to a schema of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from psycopg import sql
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from registry.backup_finish import Finished, OldStore, RestoreOrder, finish_store, read_old
from registry.backup_manifest import BackupError, BackupManifest
from registry.backup_postgres import SCHEMA, connection_environment, run_tool, script_of, tool
from registry.backup_restore import Finish, Replaced
from registry.engines import place_of, reading_engine, writing_engine
from registry.graph_tables import WORDS_INDEX
from registry.lock import FileLock
from registry.restore_marks import MARK_TABLE
from vedette.errors import VedetteError

T = TypeVar("T")

_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)

_TRIGRAMS = "ix_graph_text_trigrams"
"""Index of the graph that needs an extension, and a dump of a schema has no extensions."""

_UNSEARCHED = text(f"SELECT to_regclass('graph_text') IS NOT NULL AND to_regclass('{_TRIGRAMS}') IS NULL")
"""Whether there is a graph that has to do without."""

_ROUTINES = (
    "SELECT format('%I.%I(%s)', CAST(:schema AS text), proname, pg_get_function_identity_arguments(pg_proc.oid))"
    " FROM pg_proc LEFT JOIN pg_depend ON pg_depend.objid = pg_proc.oid AND deptype = 'e'"
    " WHERE pronamespace = to_regnamespace(CAST(:schema AS text)) AND deptype IS NULL ORDER BY 1"
)
"""Functions that belong to no extension."""


class PostgresPlace:
    """A database."""

    def __init__(self, url: URL, *, lock: Path, finish: Finish = finish_store) -> None:
        """Describe it.

        Args:
            url: where it is.
            lock: a file on this machine: of other machines' processes, the sessions tell.
            finish: makes a copy one that may be used.
        """
        self._finish_copy = finish
        self._url = url
        self._lock = lock
        self._place = place_of(url)

    def held(self) -> FileLock:
        """Return the lock against another restore on this machine."""
        return FileLock(self._lock, exclusive=True, wait=1.0)

    def occupied(self) -> bool:
        """Tell whether there is anything in it.

        Raises:
            BackupError: the database cannot be reached.
        """
        return bool(self._look(_contents))

    def read_old(self, manifest: BackupManifest) -> OldStore:
        """Return what the store that is there knows and the safety copy does not.

        Raises:
            BackupError: it cannot be read.
        """
        schema = self._interrupted() or SCHEMA
        if not self._look(lambda connection: _contents(connection, schema)):
            return OldStore()
        inside = {"schema_translate_map": {None: schema}}
        return self._look(lambda connection: read_old(connection.execution_options(**inside), manifest))

    def _interrupted(self) -> str | None:
        """Return the schema into which a restore that was interrupted moved what was there; None where none was."""

        def work(connection: Connection) -> str | None:
            if not inspect(connection).has_table(MARK_TABLE, schema=SCHEMA):
                return None
            return connection.execute(text(f"SELECT aside FROM {SCHEMA}.{MARK_TABLE}")).scalar_one_or_none()  # noqa: S608

        return self._look(work)

    def replace(self, part: Path, order: RestoreOrder) -> Replaced:
        """Put the dump in its place, in two transactions; between them the store is marked, and nobody opens it.

        Raises:
            BackupError: somebody uses the database, a tool is missing, or the dump cannot be loaded.
            StoreError: its schema is newer than this release.
        """
        others = self._look(lambda connection: int(connection.execute(text(_OTHERS)).scalar_one()))
        if others:
            raise BackupError(f"{self._place}: {others} sessions use it; end the fleet on every machine first")
        present, aside = self._look(_contents), f"before_restore_{order.now}"
        try:
            self._load(part, present, aside)
            finished = self._finish(order)
        except VedetteError:
            self._undo(aside)
            raise
        return Replaced(finished=finished, aside=f"{self._place}, schema {aside}" if present else "")

    def _finish(self, order: RestoreOrder) -> Finished:
        engine = writing_engine(self._url)
        try:
            with engine.begin() as connection:
                finished = self._finish_copy(connection, order)
                if connection.execute(_UNSEARCHED).scalar_one():
                    connection.exec_driver_sql(WORDS_INDEX)
                connection.execute(text(f"DROP TABLE {SCHEMA}.{MARK_TABLE}"))
                return finished
        except SQLAlchemyError as error:
            raise BackupError(f"{self._place}: cannot be restored: {str(error).splitlines()[0]}") from error
        finally:
            engine.dispose()

    def _load(self, part: Path, present: Sequence[str], aside: str) -> None:
        with tempfile.TemporaryDirectory(prefix="vedette-restore-") as scratch:
            before, after = Path(scratch) / "before.sql", Path(scratch) / "after.sql"
            before.write_text("\n".join(_move(present, target=aside)) if present else "")
            # Of several restores that were interrupted, the first one moved the store.
            name = sql.Literal(self._interrupted() or aside).as_string(None)
            after.write_text(f"CREATE TABLE {SCHEMA}.{MARK_TABLE} AS SELECT {name}::text AS aside;\n")
            files = [f"--file={before}", f"--file={after}", "--file=-"]
            options = ["--no-psqlrc", "--quiet", "--no-password", "--single-transaction", "--set=ON_ERROR_STOP=1"]
            with script_of(part, *self._parts(part, Path(scratch))) as script:
                run_tool([tool("psql"), *options, *files], connection_environment(self._url), stdin=script)

    def _parts(self, part: Path, scratch: Path) -> list[str]:
        """Return how a dump is read: without the index that needs an extension, where that is not to be had."""
        with script_of(part, "--list") as script:
            listed = script.readlines()
        kept = [line for line in listed if _TRIGRAMS.encode() not in line]
        if kept == listed or self._has_trigrams():
            return []
        wanted = scratch / "wanted"
        wanted.write_bytes(b"".join(kept))
        return [f"--use-list={wanted}"]

    def _has_trigrams(self) -> bool:
        engine = writing_engine(self._url)
        try:
            with engine.begin() as connection:
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
        except DBAPIError:
            return False
        finally:
            engine.dispose()
        return True

    def _undo(self, aside: str) -> None:
        """Take back what was committed of a dump that broke off: psql cannot tell its end from a cut."""
        engine = writing_engine(self._url)
        try:
            with engine.begin() as connection:
                if not inspect(connection).has_table(MARK_TABLE, schema=SCHEMA):
                    return
                for kind, _, name in (one.partition(" ") for one in _contents(connection, SCHEMA)):
                    # Partitions are tables, too, and go with the table that they are parts of.
                    connection.exec_driver_sql(f"DROP {kind} IF EXISTS {name} CASCADE")
                for statement in _move(_contents(connection, aside), target=SCHEMA):
                    connection.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            note = f"{self._place}: is half restored; what was there is in schema {aside}"
            raise BackupError(f"{note}: {str(error).splitlines()[0]}") from error
        finally:
            engine.dispose()

    def _look(self, work: Callable[[Connection], T]) -> T:
        engine = reading_engine(self._url)
        try:
            with engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise BackupError(f"{self._place}: cannot be read: {str(error).splitlines()[0]}") from error
        finally:
            engine.dispose()


def _contents(connection: Connection, schema: str = SCHEMA) -> list[str]:
    """Return the tables and functions of a schema, as SQL names them."""
    tables = sorted(inspect(connection).get_table_names(schema=schema))
    routines = connection.execute(text(_ROUTINES), {"schema": schema}).scalars()
    return [*(f"TABLE {_quoted(schema, name)}" for name in tables), *(f"ROUTINE {name}" for name in routines)]


def _quoted(*names: str) -> str:
    return sql.Identifier(*names).as_string(None)


def _move(names: Sequence[str], *, target: str) -> list[str]:
    """Return the statements that move tables, with their indexes and sequences, and functions to another schema."""
    moves = [f"ALTER {name} SET SCHEMA {_quoted(target)};" for name in names]
    return [f"CREATE SCHEMA IF NOT EXISTS {_quoted(target)};", *moves]
