"""Every released schema, with data in it, becomes this release's, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, inspect, text

from registry.backup_facts import check_heads
from registry.database import Database
from registry.engines import parse_url, reading_engine
from registry.migrations import CURRENT, Schema
from tests.registry.postgresql import postgres_sql, postgres_url
from tests.registry.schema_comparison import differences
from tests.registry.schema_dumps import load, make
from tests.registry.test_migrating import next_release

RELEASED = Path(__file__).with_name("schemas")

MakeUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> MakeUrl:
    """Makes URLs of databases with nothing in them."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"
    folder: Path = request.getfixturevalue("postgres_folder")

    def make_database() -> str:
        name = f"t{uuid4().hex}"
        postgres_sql(folder, f"CREATE DATABASE {name}")
        return postgres_url(folder, name)

    return make_database


def counts(connection: Connection) -> dict[str, int]:
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {
        name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()  # noqa: S608  # our own names
        for name in sorted(names)
    }


def migrate(dump: Path, url: str, schema: Schema) -> Database:
    """Load a dump and migrate it; all that was in it must still be there."""
    load(dump, url)
    engine = reading_engine(parse_url(url))
    with engine.begin() as connection:
        before = counts(connection)
    engine.dispose()
    database = Database(url, schema=schema)
    database.migrate()
    database.open()
    after = database.read_sync(counts)
    assert {name: after.get(name) for name in before} == before, dump
    assert min(before[name] for name in ("item", "batch", "token", "document", "delivery")) > 0, dump
    assert database.read_sync(lambda connection: list(check_heads(connection))) == [], dump
    return database


def test_every_released_schema_becomes_this_releases(new_url: MakeUrl, tmp_path: Path) -> None:
    url = new_url()
    fresh = make(url, tmp_path, tmp_path)
    released = RELEASED.glob(f"*.{parse_url(url).get_backend_name()}.sql")
    for dump in [fresh, *sorted(released)]:
        with migrate(dump, new_url(), CURRENT) as database:
            assert database.read_sync(differences) == [], dump


def test_what_a_dump_holds_goes_on_to_the_next_schema(new_url: MakeUrl, tmp_path: Path) -> None:
    fresh = make(new_url(), tmp_path, tmp_path)
    with migrate(fresh, new_url(), next_release(tmp_path)) as database:
        assert "extra" in database.read_sync(counts)
