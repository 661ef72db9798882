"""A database that is lent again is as the template: nothing of the test before is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.registry.pool import DatabasePool
from tests.registry.postgresql import postgres_sql

TEMPLATE = "pool_template"


@pytest.fixture(scope="module")
def template(postgres_folder: Path) -> Iterator[str]:
    """A database with three tables, one with a row from the beginning; it is only copied."""
    postgres_sql(postgres_folder, f"CREATE DATABASE {TEMPLATE}")
    with _connected(postgres_folder, TEMPLATE) as made:
        made.execute("CREATE TABLE thing (id serial PRIMARY KEY, name text)")
        made.execute("CREATE TABLE part (thing integer REFERENCES thing)")
        made.execute("CREATE TABLE version (number integer)")
        made.execute("INSERT INTO version VALUES (1)")
    yield TEMPLATE
    postgres_sql(postgres_folder, f"DROP DATABASE {TEMPLATE} WITH (FORCE)")


@pytest.fixture
def pool(postgres_folder: Path, template: str) -> Iterator[DatabasePool]:
    """A pool of databases like it."""
    pool = DatabasePool(folder=postgres_folder, template=template)
    yield pool
    for name in pool.idle:
        postgres_sql(postgres_folder, f"DROP DATABASE {name} WITH (FORCE)")


def _connected(folder: Path, name: str) -> psycopg.Connection:
    return psycopg.connect(f"host={folder} user=postgres dbname={name}", autocommit=True)


def _name(url: str) -> str:
    return str(make_url(url).database)


def test_rows_and_numbers_are_undone_and_the_database_is_lent_again(pool: DatabasePool) -> None:
    with pool.lend() as first, _connected(pool.folder, _name(first)) as database:
        database.execute("INSERT INTO thing (name) VALUES ('one'), ('two')")
        database.execute("INSERT INTO part VALUES (1)")
    with pool.lend() as second, _connected(pool.folder, _name(second)) as database:
        assert second == first
        assert database.execute("SELECT * FROM part").fetchall() == []
        assert database.execute("INSERT INTO thing DEFAULT VALUES RETURNING id").fetchone() == (1,)
        assert database.execute("SELECT number FROM version").fetchone() == (1,)


def test_a_number_that_was_taken_and_not_used_is_given_again(pool: DatabasePool) -> None:
    with pool.lend() as first, _connected(pool.folder, _name(first)) as database:
        database.execute("SELECT nextval('thing_id_seq')")
    with pool.lend() as second, _connected(pool.folder, _name(second)) as database:
        assert (second, database.execute("SELECT nextval('thing_id_seq')").fetchone()) == (first, (1,))


def test_who_is_connected_still_is_cut_off(pool: DatabasePool) -> None:
    with pool.lend() as url:
        database = _connected(pool.folder, _name(url))
        database.execute("BEGIN")
        database.execute("LOCK TABLE thing")
    with database, pytest.raises(psycopg.OperationalError):
        database.execute("SELECT 1")
    with pool.lend() as again:
        assert again == url


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE thing ADD COLUMN more text",
        "ALTER TABLE thing DROP COLUMN name",
        "ALTER TABLE thing ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE thing RENAME TO stuff",
        "ALTER TABLE thing DISABLE TRIGGER ALL",
        "ALTER TABLE thing SET (fillfactor = 50)",
        "ALTER INDEX thing_pkey RENAME TO other",
        "CREATE TABLE another (id integer)",
        "CREATE INDEX ON thing (name)",
        "CREATE VIEW seen AS SELECT * FROM thing",
        "CREATE SCHEMA other",
        "CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE part",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 100', current_database()); END $$",
        "INSERT INTO thing (name) VALUES ('one'); ANALYZE thing",
        "UPDATE version SET number = 2",
        "DELETE FROM version",
    ],
)
def test_one_that_was_changed_otherwise_is_not_lent_again(pool: DatabasePool, change: str) -> None:
    with pool.lend() as first, _connected(pool.folder, _name(first)) as database:
        database.execute(change.encode())
    with pool.lend() as second:
        assert second != first
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _connected(pool.folder, _name(first))


def test_one_that_the_test_dropped_is_not_missed(pool: DatabasePool) -> None:
    with pool.lend() as first:
        postgres_sql(pool.folder, f"DROP DATABASE {_name(first)}")
    with pool.lend() as second:
        assert second != first
