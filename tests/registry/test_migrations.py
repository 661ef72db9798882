"""The schema: applied by command only, and the same as the tables in the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from registry import migrations
from registry.database import Database
from tests.registry.schema_comparison import differences
from vedette.errors import StoreError


def test_migrated_schema_is_the_one_in_the_code(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()

    with database:
        assert database.read_sync(differences) == []


def test_head_is_the_last_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD
    assert migrations.is_known(migrations.HEAD)


def test_a_store_that_nobody_migrated_is_not_opened(empty_url: str) -> None:
    with pytest.raises(StoreError, match="vedette migrate"):
        Database(empty_url).open()


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    database.migrate()

    with database:
        version = database.read_sync(
            lambda connection: connection.execute(text("SELECT * FROM alembic_version")).all()
        )
    assert [tuple(row) for row in version] == [(migrations.HEAD,)]


def test_a_newer_schema_is_refused_and_left_alone(store_url: str) -> None:
    database = Database(store_url)
    with database:
        database.write_sync(
            lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
        )

    with pytest.raises(StoreError, match="newer than this release"):
        database.open()
    with pytest.raises(StoreError, match="cannot be migrated"):
        database.migrate()
    database.close()


def test_a_store_in_use_is_not_migrated(migrated_file: Path) -> None:
    with (
        Database(f"sqlite:///{migrated_file}") as _open,
        pytest.raises(StoreError, match="another process holds the lock"),
    ):
        Database(f"sqlite:///{migrated_file}", lock_wait=0.1).migrate()
