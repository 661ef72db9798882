"""SQLite's write-ahead log stays small: whoever reads meanwhile, and however many processes write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from registry import write_ahead
from registry.counters import count_up, read_counter
from registry.database import Database
from tests.timing import PATIENCE

LIMIT = 2**20


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A store whose log is emptied from 1 MiB on, whenever it can be."""
    monkeypatch.setattr(write_ahead, "EMPTIED_FROM", LIMIT)
    monkeypatch.setattr(write_ahead, "REST", 0.0)
    monkeypatch.setattr(write_ahead, "_PATIENCE", 20)
    (tmp_path / "store.db").write_bytes(migrated_file.read_bytes())
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:
        database.write_sync(lambda connection: connection.execute(text("CREATE TABLE filler (bytes BLOB)")))
        yield database


def much(connection: Connection) -> None:
    """Write twice what the log may have, and far less than SQLite writes back by itself."""
    connection.execute(text("INSERT INTO filler VALUES (zeroblob(:size))"), {"size": 2 * LIMIT})


def little(connection: Connection) -> None:
    """Write one row."""
    count_up(connection, "n")


@contextmanager
def reading(database: Database) -> Iterator[Callable[[], int]]:
    """Read one state of the store until what is given is called, which returns what was read last."""
    began, end = threading.Event(), threading.Event()

    def work(connection: Connection) -> int:
        read_counter(connection, "n")
        began.set()
        assert end.wait(PATIENCE)
        return read_counter(connection, "n")

    with ThreadPoolExecutor(max_workers=1) as thread:
        result = thread.submit(database.read_sync, work)
        assert began.wait(PATIENCE)

        def finish() -> int:
            end.set()
            return result.result(PATIENCE)

        try:
            yield finish
        finally:
            end.set()


def test_a_large_log_is_emptied_before_the_next_transaction(database: Database) -> None:
    database.write_sync(much)
    assert database.write_ahead_bytes > LIMIT
    database.write_sync(little)
    assert database.write_ahead_bytes < LIMIT
    assert database.read_sync(lambda connection: read_counter(connection, "n")) == 1


def test_who_reads_keeps_the_log_and_the_state_that_is_read(database: Database) -> None:
    with reading(database) as finish:
        for _ in range(3):
            database.write_sync(much)
            database.write_sync(little)
        assert database.write_ahead_bytes > 6 * LIMIT
        assert finish() == 0
        database.write_sync(little)
        assert database.write_ahead_bytes < LIMIT
    assert database.read_sync(lambda connection: read_counter(connection, "n")) == 4


def test_another_process_that_writes_between_does_not_let_it_grow(database: Database) -> None:
    # What keeps SQLite from beginning the log anew by itself: it was never all written back when a transaction began.
    with Database(f"sqlite:///{database.place}") as other:
        for _ in range(20):
            database.write_sync(much)
            other.write_sync(little)
            assert database.write_ahead_bytes < 4 * LIMIT


def test_an_attempt_in_vain_is_repeated_only_after_a_rest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead, "REST", 3_600.0)
    with reading(database) as finish:
        database.write_sync(much)
        database.write_sync(little)
        finish()
    database.write_sync(little)
    assert database.write_ahead_bytes > LIMIT


def test_a_log_that_cannot_be_emptied_fails_nobody_and_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write_sync(much)
    # As a failing disk would, but at will: SQLite refuses the statement.
    monkeypatch.setattr(write_ahead, "_PATIENCE", "no number")
    with capture_logs() as logs:
        database.write_sync(little)
    assert [entry["event"] for entry in logs] == ["the write-ahead log cannot be emptied"]
    assert database.read_sync(lambda connection: read_counter(connection, "n")) == 1


def test_postgresql_sees_to_its_own() -> None:
    assert Database("postgresql+psycopg://user@host/name").write_ahead_bytes == 0
