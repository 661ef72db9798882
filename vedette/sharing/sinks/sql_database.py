"""The database of the exporter `sql`, spoken to in a thread: what it holds, and one transaction that changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Insert, Table, Update, bindparam, inspect, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InternalError, OperationalError, SQLAlchemyError

from vedette.errors import ConnectionFailedError, VedetteError
from vedette.pieces import pieces
from vedette.sharing.exporter import ComeAgainError, ExportError
from vedette.sharing.investigation import Withheld
from vedette.sharing.sinks.difference import Difference, Standing
from vedette.sharing.sinks.records import KINDS, RecordKind, Sealed
from vedette.sharing.sinks.sql_address import IMMEDIATE, shown_database
from vedette.sharing.sinks.sql_tables import row_of, values_of

BATCH: Final = 500
"""Rows of one statement."""

MAX_REFUSED: Final = 1_000
"""Rows that a database may refuse one by one; with more, something else is wrong."""

_OF_A_ROW: Final = (DataError, IntegrityError, InternalError)
"""What a database says when it does not take a value; anything else concerns all rows."""

_LATER: Final = frozenset({"40001", "40P01", "55P03", "57014", "53300"})
"""PostgreSQL's SQLSTATEs for: serialization, deadlock, lock not there in time, cancelled, too many connections."""


_BUSY_TIME: Final = 10.0
_MAX_CAUSE: Final = 300


class SqlDatabase:
    """A database with our tables in it."""

    def __init__(self, engine: Engine, *, tables: Mapping[RecordKind, Table], seconds: float) -> None:
        """Describe it; nothing is opened yet.

        Args:
            engine: how it is reached.
            tables: those that are filled.
            seconds: for one statement.
        """
        self._engine = engine
        self._tables = tables
        self._seconds = seconds
        self.place = shown_database(engine.url)
        """What it is called in messages."""
        sqlite = engine.url.get_backend_name() == "sqlite"
        self._file = Path(str(engine.url.database)) if sqlite else None

    def version(self) -> str:
        """Return what it says of itself.

        Raises:
            ConnectionFailedError: it does not answer.
        """
        with self._begin() as connection:
            found = connection.dialect.server_version_info or ()
            return f"{connection.dialect.name} {'.'.join(map(str, found))}".strip()

    def read(self, investigation: str) -> dict[str, Standing]:
        """Return what it holds of an investigation, by id; nothing is changed.

        Raises:
            ExportError: its tables are none of ours, or may not be read.
            ConnectionFailedError: it does not answer.
        """
        if self._file is not None and not self._file.is_file():
            return {}
        with self._begin() as connection:
            return self._standings(connection, investigation)

    def values(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the values of rows that it holds, by id; raises as `read`."""
        wanted = list(ids)
        if not wanted:
            return {}
        with self._begin() as connection:
            return {
                row["id"]: values_of(dict(row))
                for table in self._existing(connection)
                for batch in pieces(wanted, BATCH)
                for row in connection.execute(select(table).where(table.c.id.in_(batch))).mappings()
            }

    def write(
        self, investigation: str, *, difference_of: Callable[[Mapping[str, Standing]], Difference], at: int
    ) -> tuple[Difference, list[Withheld]]:
        """Make it hold what is said, all or nothing but the rows that it refuses.

        Args:
            investigation: uuid of the one that is written.
            difference_of: says what differs from what it holds.
            at: when, UTC, microseconds.

        Returns:
            What was done, and the rows that it did not take.

        Raises:
            ExportError: it refuses all of it.
            ComeAgainError: somebody else is writing.
            ConnectionFailedError: it does not answer.
        """
        self._make_file()
        with self._begin(immediate=True) as connection:
            existing = self._existing(connection)
            for table in self._tables.values():
                if table not in existing:
                    table.create(connection)
        with self._begin(immediate=True) as connection:
            _wait_for_turn(connection, investigation)
            difference = difference_of(self._standings(connection, investigation))
            refused: list[Withheld] = []
            for kind in KINDS:
                self._write_kind(connection, kind, difference, at, refused)
            difference.refuse_if_nothing_was_taken(refused, place=self.place)
            return difference, refused

    def _make_file(self) -> None:
        """Make an SQLite file that only its owner can read, before SQLite makes one that all can."""
        try:
            if self._file is not None:
                self._file.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise ExportError(f"{self.place}: cannot be made: {error.strerror or error}") from error

    def _write_kind(
        self, connection: Connection, kind: RecordKind, difference: Difference, at: int, refused: list[Withheld]
    ) -> None:
        table = self._tables[kind]
        known = table.c.id == bindparam("known_id")
        new = [one for one in difference.add if one.record.kind == kind]
        other = [one for one in [*difference.change, *difference.restore] if one.record.kind == kind]
        for batch in pieces(new, BATCH):
            self._write(connection, table.insert(), batch, refused)
        for batch in pieces(other, BATCH):
            self._write(connection, table.update().where(known), batch, refused)
        withdraw = table.update().where(known).values(withdrawn_at=at)
        for gone in pieces([id for of, id in difference.remove if of == kind], BATCH):
            connection.execute(withdraw, [{"known_id": id} for id in gone])

    def _write(
        self, connection: Connection, statement: Insert | Update, batch: Sequence[Sealed], refused: list[Withheld]
    ) -> None:
        """Write rows; what is refused is found by halving, and does not stand in the way of the rest."""
        try:
            with connection.begin_nested():
                connection.execute(statement, [_parameters(statement, one) for one in batch])
        except _OF_A_ROW as error:
            if error.connection_invalidated:
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                self._write(connection, statement, batch[:middle], refused)
                self._write(connection, statement, batch[middle:], refused)
                return
            if len(refused) >= MAX_REFUSED:
                raise
            refused.append(batch[0].record.withheld(f"the database does not take it: {_cause(error)}"))

    def _standings(self, connection: Connection, investigation: str) -> dict[str, Standing]:
        found = {}
        kinds = {table.name: kind for kind, table in self._tables.items()}
        for table in self._existing(connection):
            wanted = select(table.c.id, table.c.digest, table.c.withdrawn_at)
            for id, digest, withdrawn_at in connection.execute(wanted.where(table.c.investigation == investigation)):
                found[id] = Standing(kind=kinds[table.name], digest=digest, withdrawn=withdrawn_at is not None)
        return found

    def _existing(self, connection: Connection) -> list[Table]:
        """Return those of the tables that are there.

        Raises:
            ExportError: one lacks columns.
        """
        schema = next(iter(self._tables.values())).schema
        names = [table.name for table in self._tables.values()]
        found = inspect(connection).get_multi_columns(schema=schema, filter_names=names)
        there = []
        for table in self._tables.values():
            columns = found.get((schema, table.name))
            if columns is None:
                continue
            lacking = sorted({column.name for column in table.columns} - {column["name"] for column in columns})
            if lacking:
                reason = f"has no column {', '.join(lacking)}; choose another prefix, or rename that table"
                raise ExportError(f"{self.place}: the table {table.name} {reason}")
            there.append(table)
        return there

    @contextmanager
    def _begin(self, *, immediate: bool = False) -> Iterator[Connection]:
        """Give a transaction; what goes wrong in it is an error of ours, without values and passwords."""
        try:
            with self._engine.connect().execution_options(**{IMMEDIATE: immediate}) as connection, connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(self._seconds * 1_000)}")
                yield connection
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def _failure(self, error: SQLAlchemyError) -> VedetteError:
        cause = f"{self.place}: {self._without_password(_cause(error))}"
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        if state in _LATER or "database is locked" in cause:
            return ComeAgainError(cause, seconds=_BUSY_TIME)
        lost = isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
        return ConnectionFailedError(cause) if lost else ExportError(cause)

    def _without_password(self, text: str) -> str:
        password = self._engine.url.password
        return text.replace(password, "…") if password else text


def _wait_for_turn(connection: Connection, investigation: str) -> None:
    """Let whoever writes the same investigation end first: a process that was cut off may not be over yet."""
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(UUID(investigation).bytes[:8], signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _parameters(statement: Insert | Update, one: Sealed) -> dict[str, Any]:
    row = row_of(one)
    return row if isinstance(statement, Insert) else row | {"known_id": row.pop("id")}


def _cause(error: SQLAlchemyError) -> str:
    """Return what the driver says, as one line."""
    orig = getattr(error, "orig", None)
    told = " ".join(str(error if orig is None else orig).split())
    return "".join(char if char.isprintable() else "\ufffd" for char in told)[:_MAX_CAUSE]
