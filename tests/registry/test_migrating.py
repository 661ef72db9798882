"""From one schema to the next, with a second revision of the tests' own: all or nothing, once, never silently."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from registry import migrations
from registry.backup_facts import read_facts
from registry.backup_sqlite import copied_facts
from registry.database import Database
from registry.engines import is_sqlite, parse_url
from registry.migrations import Schema
from registry.notices import Notices
from tests.registry.backing_up import Filled
from tests.timing import PATIENCE
from vedette.errors import StoreError

NEXT = f"{migrations.HEAD}next"
"""A revision after this release's."""

_SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down}"

def upgrade():
    op.create_table("extra", sa.Column("name", sa.String(), primary_key=True))
    op.add_column("refusal", sa.Column("noted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE agent SET role = upper(role)")
    {last}
"""


def next_release(folder: Path, *, last: str = "pass") -> Schema:
    """Return the schema of a release after this one."""
    scripts = folder / "migrations"
    shutil.copytree(migrations.CURRENT.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    script = _SECOND.format(revision=NEXT, down=migrations.HEAD, last=last)
    (scripts / "versions" / f"v{NEXT}_next.py").write_text(script)
    return Schema(scripts=scripts, head=NEXT)


@pytest.fixture
async def url(store_url: str, tmp_path: Path) -> str:
    """A store of this release with 20 items, closed."""
    filled = Filled(url=store_url, folder=tmp_path)
    await filled.open()
    await filled.commit(20)
    filled.close()
    return store_url


def copies(url: str) -> list[Path]:
    """Return the safety copies beside a store."""
    parsed = parse_url(url)
    if not is_sqlite(parsed):
        return []
    path = Path(str(parsed.database))
    return sorted(path.parent.glob(f"{path.name}.before-migration-*"))


def state(connection: Connection) -> tuple[str, bool, bool, set[str], int]:
    looked = inspect(connection)
    return (
        connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one(),
        looked.has_table("extra"),
        "noted" in {column["name"] for column in looked.get_columns("refusal")},
        {role.lower() == role for role in connection.execute(text("SELECT role FROM agent")).scalars()},
        connection.execute(text("SELECT count(*) FROM item")).scalar_one(),
    )


OLD = (migrations.HEAD, False, False, {True}, 20)
NEW = (NEXT, True, True, {False}, 20)


def test_a_store_of_the_release_before_is_refused_then_migrated_with_its_data(url: str, tmp_path: Path) -> None:
    database = Database(url, schema=next_release(tmp_path))
    with pytest.raises(StoreError, match="run: vedette migrate"):
        database.open()
    copy = database.migrate()

    with database:
        assert database.read_sync(state) == NEW
    assert copies(url) == ([copy] if copy is not None else [])
    assert (copy is not None) == is_sqlite(parse_url(url))
    if copy is not None:
        facts = copied_facts(copy, read_facts)
        assert (facts.revision, facts.counts["items"]) == (migrations.HEAD, 20)
        assert copy.stat().st_mode & 0o077 == 0


def test_a_migration_that_fails_in_the_middle_changes_nothing(url: str, tmp_path: Path) -> None:
    schema = next_release(tmp_path, last='op.execute("INSERT INTO nothing VALUES (1)")')
    database = Database(url, schema=schema)
    with pytest.raises(StoreError, match="nothing"):
        database.migrate()
    database.close()

    with Database(url) as old:
        assert old.read_sync(state) == OLD


def test_two_at_once_migrate_once(url: str, tmp_path: Path) -> None:
    schema = next_release(tmp_path, last="op.execute(\"INSERT INTO extra VALUES ('once')\")")
    failed: list[BaseException] = []

    def migrate() -> None:
        database = Database(url, schema=schema, lock_wait=30)
        try:
            database.migrate()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test says so
            failed.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Database(url, schema=schema) as database:
        assert database.read_sync(state) == NEW
        rows = database.read_sync(lambda connection: connection.execute(text("SELECT name FROM extra")).all())
    assert [tuple(row) for row in rows] == [("once",)]
    assert len(copies(url)) == is_sqlite(parse_url(url))


async def test_the_schema_is_not_changed_under_a_hub_that_works_on_it(url: str, tmp_path: Path) -> None:
    if is_sqlite(parse_url(url)):
        pytest.skip("an SQLite store is locked by who works on it")
    notices = Notices(url, heard=lambda _topic: None)
    notices.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await notices.listening.wait()
        database = Database(url, schema=next_release(tmp_path))
        with pytest.raises(StoreError, match="1 hubs or engines work on the store; end every host that opens it"):
            await asyncio.to_thread(database.migrate)
    finally:
        await notices.stop()
    with Database(url) as old:
        assert old.read_sync(state) == OLD


def test_a_store_of_the_release_after_is_refused_by_this_one_and_left_alone(url: str, tmp_path: Path) -> None:
    database = Database(url, schema=next_release(tmp_path))
    database.migrate()
    database.close()
    older = Database(url)
    with pytest.raises(StoreError, match="newer than this release; install the release that made it"):
        older.open()
    with pytest.raises(StoreError, match="install the one that made it, or a newer one"):
        older.migrate()
    older.close()
    assert len(copies(url)) == is_sqlite(parse_url(url))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_without_room_for_the_safety_copy_nothing_is_changed(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.store_file.copy_store", _full)
    database = Database(url, schema=next_release(tmp_path))
    with pytest.raises(StoreError, match="disk is full"):
        database.migrate()
    database.close()
    with Database(url) as old:
        assert old.read_sync(state) == OLD


def _full(_source: Path, _target: Path) -> None:
    raise StoreError("the disk is full")
