"""The graph's statements in the driver's own form: for rows of a few numbers SQLAlchemy's cost more than all else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

CHUNK: Final = 400
"""Values that are looked up with one statement; SQLite's older libraries take 999 parameters."""

LISTED: Final = 5_000
"""Values that PostgreSQL looks up with one statement: they are one parameter."""

_FEW: Final = 10
"""Rows up to which PostgreSQL is not sent a stream of them."""

_ARRAYS: Final = {int: "bigint[]", str: "text[]", bytes: "bytea[]"}
"""PostgreSQL's types for lists of values."""

_LOCK: Final = 0x7665_6467
"""Key of PostgreSQL's advisory lock around a transaction that writes the graph."""

_CACHE: Final = 128 * 1024
"""KiB of pages that SQLite keeps for the writer: with its usual 2 MiB a merge writes the same pages several times."""

Row = tuple[Any, ...]


class Statements:
    """Runs SQL on a transaction of either database; `?` is a parameter, whichever it is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._postgresql = connection.dialect.name == "postgresql"

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL."""
        return self._postgresql

    def lock(self) -> None:
        """Wait until nobody else writes the graph, and keep others waiting until the transaction ends.

        With SQLite that is so from a transaction's start. What is read from here on is what the last writer left:
        folding reads, unites and writes, so that two at a time would lose what one of them said.
        """
        if self._postgresql:
            self.run("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        else:
            self.run(f"PRAGMA cache_size = -{_CACHE}")

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run one statement."""
        self._connection.exec_driver_sql(self._form(sql), tuple(values))

    def changed(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement; return how many rows it changed."""
        return self._connection.exec_driver_sql(self._form(sql), tuple(values)).rowcount

    def many(self, sql: str, rows: Sequence[Row]) -> None:
        """Run one statement for each row of values."""
        if rows:
            self._connection.exec_driver_sql(self._form(sql), list(rows))

    def insert(self, into: str, rows: Sequence[Row]) -> None:
        """Add rows that are not there.

        Args:
            into: table and columns: `name (column, …)`.
            rows: of values.
        """
        if self._postgresql and len(rows) > _FEW:
            self._copy(into, rows)
        elif rows:
            marks = ", ".join("?" * len(rows[0]))
            self.many(f"INSERT INTO {into} VALUES ({marks})", rows)  # noqa: S608

    def _copy(self, into: str, rows: Sequence[Row]) -> None:
        """Stream rows, a third of the time that a statement for each takes."""
        connection: psycopg.Connection[Any] = self._connection.connection.driver_connection  # type: ignore[assignment]
        sql = f"COPY {into} FROM STDIN"
        try:
            with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            # As SQLAlchemy has it of all other statements.
            dialect = self._connection.dialect
            raise DBAPIError.instance(sql, None, error, psycopg.Error, dialect=dialect) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> Sequence[Any]:
        """Return all rows of a query."""
        return self._connection.exec_driver_sql(self._form(sql), tuple(values)).all()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first value of a query's only row."""
        return self._connection.exec_driver_sql(self._form(sql), tuple(values)).scalar_one()

    def among(self, sql: str, values: Sequence[Any]) -> Iterator[Any]:
        """Yield the rows of a query for many values, hundreds at a time; `IN ({})` stands for their list."""
        if self._postgresql:
            listed = sql.replace("IN ({})", "= ANY(?)")
            for start in range(0, len(values), LISTED):
                yield from self.rows(listed, (list(values[start : start + LISTED]),))
            return
        for start in range(0, len(values), CHUNK):
            part = values[start : start + CHUNK]
            yield from self.rows(sql.replace("{}", ",".join("?" * len(part))), part)

    def pairs_among(self, sql: str, rows: Sequence[Row]) -> Iterator[Any]:
        """Yield the rows of a query for many tuples of the same length; `{}` stands for a table of them.

        To be joined: SQLite reads a whole table rather than look up a list of tuples in its index.
        """
        if self._postgresql and rows:
            arrays = ", ".join(f"?::{_ARRAYS[type(value)]}" for value in rows[0])
            listed = sql.replace("{}", f"SELECT * FROM unnest({arrays})")  # noqa: S608
            for start in range(0, len(rows), LISTED):
                columns = zip(*rows[start : start + LISTED], strict=True)
                yield from self.rows(listed, [list(column) for column in columns])
            return
        width = len(rows[0]) if rows else 1
        for start in range(0, len(rows), CHUNK // width):
            part = rows[start : start + CHUNK // width]
            marks = ",".join([f"({','.join('?' * width)})"] * len(part))
            yield from self.rows(sql.replace("{}", f"VALUES {marks}"), [value for row in part for value in row])

    def with_list(self, sql: str) -> str:
        """Return a query in which `{}` behind a column says that it is one of a list of numbers.

        The list is one parameter, however long it is (see `listed`): with one parameter each, to read the statement
        would take longer than to execute it.
        """
        return sql.replace("{}", "= ANY(?::int[])" if self._postgresql else "IN (SELECT value FROM json_each(?))")

    def listed(self, numbers: Iterable[int]) -> Any:
        """Return the parameter for the `{}` of `with_list`."""
        return list(numbers) if self._postgresql else orjson.dumps(list(numbers)).decode()

    def _form(self, sql: str) -> str:
        return sql.replace("?", "%s") if self._postgresql else sql
