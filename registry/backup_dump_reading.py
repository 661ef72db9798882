"""Looking into a PostgreSQL dump without a server: the tables that are checked, as an SQLite file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final

from registry.backup_manifest import BackupError
from registry.backup_postgres import SCHEMA, script_of

Tables = Mapping[str, tuple[str, ...]]
"""Tables that are read of a dump, and their columns."""

STORE_TABLES: Final[Tables] = {
    "alembic_version": ("version_num",),
    "chain": ("id", "engine", "epoch", "next_index", "head"),
    "item": ("chain_id", "log_index", "statement"),
    "audit": ("chain_id", "log_index", "statement"),
    "batch": ("id",),
    "token": ("id",),
    "document": ("sha256", "size"),
}
"""Those that a store is checked by."""

GRAPH_TABLES: Final[Tables] = {
    "graph_version": ("version_num",),
    "graph_origin": ("id",),
    "graph_node": ("id",),
    "graph_mention": ("origin",),
    "graph_edge": ("relation",),
    "graph_edge_mention": ("origin",),
    "graph_decision": ("id",),
}
"""Those that a graph is checked by: their rows are counted."""

_BYTES = frozenset({"head", "statement"})
_NUMBERS = frozenset({"id", "next_index", "chain_id", "log_index", "size", "origin", "relation"})
_COPY = re.compile(rf"COPY {SCHEMA}\.(?P<table>\w+) \((?P<columns>[^)]*)\) FROM stdin;\n")
_ESCAPE = re.compile(rb"\\(.)")
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_END = b"\\.\n"


def load_dump(dump: Path, target: Path, tables: Tables) -> None:
    """Write what is checked of a dump into a new SQLite file.

    Raises:
        BackupError: the dump is damaged or not one.
    """
    names = [f"--table={name}" for name in tables]
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=OFF")
            database.execute("BEGIN")
            for name, columns in tables.items():
                database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            with script_of(dump, "--data-only", *names) as script:
                _load(script, database, tables)
            for name in tables.keys() & {"item", "audit"}:
                database.execute(f"CREATE INDEX {name}_place ON {name} (chain_id, log_index)")
            database.execute("COMMIT")
    except (ValueError, sqlite3.Error) as error:
        raise BackupError(f"{dump}: holds what no store does: {error}") from error


def _load(script: IO[bytes], database: sqlite3.Connection, tables: Tables) -> None:
    while line := script.readline():
        found = _COPY.fullmatch(line.decode("utf-8", "replace"))
        if found is None or found["table"] not in tables:
            continue
        wanted = tables[found["table"]]
        present = [name.strip().strip('"') for name in found["columns"].split(",")]
        places = [(present.index(name), _reader(name)) for name in wanted]
        marks = ", ".join("?" * len(wanted))
        insert = f"INSERT INTO {found['table']} VALUES ({marks})"  # noqa: S608  # constant names
        database.executemany(insert, _rows(script, places))


def _rows(script: IO[bytes], places: list[tuple[int, Callable[[bytes], object]]]) -> Iterator[tuple[object, ...]]:
    while (line := script.readline()) != _END:
        if not line:
            raise ValueError("it ends in the middle of a table")
        fields = line[:-1].split(b"\t")
        yield tuple(None if fields[place] == b"\\N" else read(fields[place]) for place, read in places)


def _reader(column: str) -> Callable[[bytes], object]:
    if column in _BYTES:
        return _bytes
    return int if column in _NUMBERS else _text


def _bytes(field: bytes) -> bytes:
    # COPY doubles the backslash of \x.
    return bytes.fromhex(field.removeprefix(b"\\\\x").decode("ascii"))


def _text(field: bytes) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), field).decode()
