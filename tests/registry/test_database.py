"""The database: one writer, readers that cannot write, errors that name the place and no password."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update

from registry import tables
from registry.counters import count_up, read_counter
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.lock import FileLock
from tests.registry.postgresql import postgres_sql, postgres_url
from tests.timing import PATIENCE
from vedette.errors import StoreError


async def test_writes_are_serialised(database: Database) -> None:
    def increment(connection: Connection) -> None:
        value = read_counter(connection, "n") + 1
        connection.execute(update(tables.counter).values(value=value))

    await database.write(lambda connection: count_up(connection, "n", 0))
    await asyncio.gather(*(database.write(increment) for _ in range(50)))

    assert await database.read(lambda connection: read_counter(connection, "n")) == 50


async def test_what_work_raises_rolls_it_back(database: Database) -> None:
    def work(connection: Connection) -> None:
        count_up(connection, "n")
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await database.write(work)
    assert database.read_sync(lambda connection: read_counter(connection, "n")) == 0


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError, match=r"read-?only"):
        await database.read(lambda connection: count_up(connection, "n"))


async def test_a_reader_sees_one_state(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> tuple[int, int]:
        before = read_counter(connection, "n")
        asyncio.run_coroutine_threadsafe(database.write(lambda other: count_up(other, "n")), loop).result(PATIENCE)
        return before, read_counter(connection, "n")

    assert await database.read(work) == (0, 0)
    assert await database.read(lambda connection: read_counter(connection, "n")) == 1


async def test_an_existing_key_is_told_apart(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(tables.counter).values(name="n", value=1))

    await database.write(work)
    with pytest.raises(ConcurrentWriteError):
        await database.write(work)


async def test_a_cancelled_caller_does_not_leave_half_a_transaction(database: Database) -> None:
    task = asyncio.create_task(database.write(lambda connection: count_up(connection, "n")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await database.write(lambda connection: count_up(connection, "n"))
    assert await database.read(lambda connection: read_counter(connection, "n")) in (1, 2)


def test_sqlite_is_durable_and_strict(migrated_file: Path) -> None:
    with Database(f"sqlite:///{migrated_file}") as database:

        def pragmas(connection: Connection) -> list[Any]:
            names = ("journal_mode", "synchronous", "foreign_keys")
            return [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in names]

        assert database.write_sync(pragmas) == ["wal", 2, 1]


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.migrate()
    database.close()

    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {"new.db": 0, "new.db.lock": 0}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:secret@h/d",
        "postgresql+psycopg://u:secret@h:p0rt/d",
    ],
)
def test_other_urls_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///path or postgresql") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_an_unreachable_server_is_named_without_password(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://user:secret@/db?host={tmp_path}")

    with pytest.raises(StoreError) as failed:
        database.open()
    assert str(tmp_path) in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_database_that_does_not_keep_utf_8_is_told_apart(postgres_folder: Path) -> None:
    postgres_sql(postgres_folder, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    store = Database(postgres_url(postgres_folder, "ascii"))
    for use in (store.migrate, store.open):
        with pytest.raises(StoreError, match="keeps text as SQL_ASCII.*CREATE DATABASE ascii ENCODING 'UTF8'"):
            use()
    postgres_sql(postgres_folder, "DROP DATABASE ascii")


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="vedette migrate"):
        Database(f"sqlite:///{tmp_path / 'none.db'}").open()
    with pytest.raises(StoreError, match=r"missing/x\.db"):
        Database(f"sqlite:///{tmp_path / 'missing' / 'x.db'}").migrate()
    (tmp_path / "text.db").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match=r"text\.db: file is not a database"):
        Database(f"sqlite:///{tmp_path / 'text.db'}").open()


async def test_a_closed_store_says_so_and_opens_again(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises(StoreError, match="not open"):
        await database.read(lambda connection: connection.execute(select(1)).scalar_one())
    for _ in range(2):
        with database:
            assert await database.read(lambda connection: connection.execute(select(1)).scalar_one()) == 1


def test_a_lock_is_shared_by_readers_and_not_with_an_exclusive_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    taken = pytest.raises(StoreError, match="another process holds the lock")
    with FileLock(path, exclusive=False), FileLock(path, exclusive=False), taken:
        FileLock(path, exclusive=True).acquire()
    with FileLock(path, exclusive=True), taken:
        FileLock(path, exclusive=False, wait=0.1).acquire()
    with pytest.raises(StoreError, match="cannot open the lock file"):
        FileLock(tmp_path / "none" / "lock", exclusive=True).acquire()


def test_a_file_that_was_taken_away_is_not_written_until_it_is_back(migrated_file: Path, tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "store.db", tmp_path / "elsewhere.db"
    path.write_bytes(migrated_file.read_bytes())
    with Database(f"sqlite:///{path}") as database:
        database.write_sync(lambda connection: count_up(connection, "n"))
        path.rename(elsewhere)
        with pytest.raises(StoreError, match="taken away or replaced"):
            database.write_sync(lambda connection: count_up(connection, "n"))
        with pytest.raises(StoreError, match="taken away or replaced"):
            database.read_sync(lambda connection: read_counter(connection, "n"))
        assert not path.exists()
        path.write_bytes(migrated_file.read_bytes())
        with pytest.raises(StoreError, match=r"store\.db: the file was taken away"):
            database.write_sync(lambda connection: count_up(connection, "n"))
        elsewhere.rename(path)
        database.write_sync(lambda connection: count_up(connection, "n"))
        assert database.read_sync(lambda connection: read_counter(connection, "n")) == 2
