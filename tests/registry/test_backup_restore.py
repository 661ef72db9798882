"""A safety copy back in its place: a new epoch, the old store aside, and exactly what is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from registry import migrations, tables
from registry.backup_check import check_backup
from registry.backup_finish import OldStore
from registry.backup_losses import LossSearch
from registry.backup_manifest import BackupError
from registry.backup_restore_postgres import PostgresPlace
from registry.database import Database
from registry.engines import is_sqlite, parse_url
from registry.intake import Intake
from registry.keys import KeyRefusedError, Keys, Scope
from registry.payload_rows import is_inline
from registry.proofs import Proofs
from registry.restore_marks import mark_of
from registry.retention_rows import bury_payload, read_payloads
from tests.registry.backing_up import ENGINE, Filled
from tests.registry.postgresql import postgres_sql, postgres_url
from tests.registry.restoring import order, place_of, put_back
from vedette.errors import StoreError
from vedette.evidence.deletion import Deletion


@pytest.fixture
async def filled(store_url: str, tmp_path: Path) -> AsyncIterator[Filled]:
    """A store of 30 items, in both databases."""
    made = Filled(url=store_url, folder=tmp_path)
    await made.open()
    await made.commit(30)
    yield made
    made.close()


def epochs(connection: Connection) -> list[tuple[str, int]]:
    chain = tables.chain
    return [(row.epoch, row.next_index) for row in connection.execute(select(chain).order_by(chain.c.id))]


async def test_what_came_after_the_copy_is_gone_named_and_aside(filled: Filled, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    manifest = filled.backup(copy)
    await filled.commit(5)
    first = filled.intake.epoch
    filled.database.close()
    place = place_of(filled.url, tmp_path)
    with place.held():
        assert place.occupied()
        old = place.read_old(manifest)
    assert [(item.epoch, item.log_index, item.uuid) for item in old.lost] == [
        (first, 30 + number, uuid) for number, uuid in enumerate(filled.uuids[30:])
    ]
    replaced = put_back(filled, copy, manifest, old=old)

    (fresh,) = replaced.finished.epochs
    assert replaced.aside
    with Database(filled.url) as database:
        assert database.read_sync(epochs) == [(first, 30), (fresh.epoch, 0)]
        result = LossSearch(database=database, restored=manifest.logs, old=old).result()
        (lost,) = result.logs
        assert (lost.epoch, lost.first, lost.last, lost.unknown) == (first, 30, 34, 0)
        assert [uuid for _, uuid in lost.items] == filled.uuids[30:]
        assert check_backup(copy).findings == ()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_new_items_and_old_ones_are_proved_in_their_own_epochs(filled: Filled, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    manifest = filled.backup(copy)
    filled.database.close()
    put_back(filled, copy, manifest)

    filled.database.open()
    filled.intake = Intake(database=filled.database, engine=ENGINE, clock=filled.clock)
    await filled.intake.open()
    await filled.commit(3)
    proofs = Proofs(database=filled.database, engine=ENGINE, clock=filled.clock)
    batches = [await proofs.close_batch(max_items=100) for _ in range(3)]
    assert [batch and (batch.number, batch.count) for batch in batches] == [(1, 30), (1, 3), None]
    (_, new) = filled.database.read_sync(epochs)
    assert new == (filled.intake.epoch, 3)


async def test_restoring_gives_nobody_access_again(filled: Filled, tmp_path: Path) -> None:
    keys = Keys(database=filled.database, clock=filled.clock)
    key = await keys.issue(name="script", scopes=[Scope.READ])
    id = (await keys.check(key)).id
    manifest = filled.backup(tmp_path / "copy")
    await filled.directory.revoke(filled.sender.jid)
    await filled.database.write(
        lambda connection: connection.execute(text("UPDATE api_key SET revoked_at = 1")) and None
    )
    filled.database.close()
    replaced = put_back(filled, tmp_path / "copy", manifest)

    assert set(replaced.finished.withdrawn) == {f"agent {filled.sender.jid} is revoked", f"key {id} is revoked"}
    filled.database.open()
    (agent,) = [agent for agent in await filled.directory.agents(revoked=True) if agent.jid == filled.sender.jid]
    assert agent.revoked_at is not None
    with pytest.raises(KeyRefusedError):
        await Keys(database=filled.database, clock=filled.clock).check(key)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_was_deleted_after_the_copy_does_not_come_back(filled: Filled, tmp_path: Path) -> None:
    document = await filled.put(b"must go")
    manifest = filled.backup(tmp_path / "copy")
    await filled.documents.delete(document.sha256, by="test", reason="the law")
    uuid, now = filled.uuids[3], filled.clock.now()

    def bury(connection: Connection) -> None:
        payload = read_payloads(connection, [uuid])[uuid]
        bury_payload(connection, payload, Deletion(at=now, by="test", reason="the law"))

    await filled.database.write(bury)
    filled.database.close()
    replaced = put_back(filled, tmp_path / "copy", manifest)

    assert set(replaced.finished.withdrawn) == {
        f"the payload of item {uuid} is deleted",
        f"document {document.sha256} is deleted",
    }
    with Database(filled.url) as database:
        query = select(tables.item.c.uuid).where(~is_inline())
        assert database.read_sync(lambda connection: connection.execute(query).scalars().all()) == [uuid]


async def test_a_store_in_use_is_not_replaced(filled: Filled, tmp_path: Path) -> None:
    manifest = filled.backup(tmp_path / "copy")
    with pytest.raises((StoreError, BackupError), match="another process holds the lock|sessions use it"):
        put_back(filled, tmp_path / "copy", manifest)
    assert await filled.database.read(epochs) == [(filled.intake.epoch, 30)]


async def test_a_restore_into_nothing(filled: Filled, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    empty_url = f"sqlite:///{tmp_path / 'other.db'}"
    if not is_sqlite(parse_url(filled.url)):
        folder: Path = request.getfixturevalue("postgres_folder")
        postgres_sql(folder, "CREATE DATABASE nothing_yet")
        empty_url = postgres_url(folder, "nothing_yet")
    manifest = filled.backup(tmp_path / "copy")
    place = place_of(empty_url, tmp_path)
    with place.held():
        assert not place.occupied()
        old = place.read_old(manifest)
        assert old == OldStore()
        done = place.replace(tmp_path / "copy" / manifest.store, order(manifest, old))
    assert done.aside == ""
    with Database(empty_url) as database:
        assert [count for _, count in database.read_sync(epochs)] == [30, 0]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_restore_says_so_until_somebody_takes_note(filled: Filled, tmp_path: Path) -> None:
    manifest = filled.backup(tmp_path / "copy")
    filled.database.close()
    put_back(filled, tmp_path / "copy", manifest)
    with Database(filled.url) as database:
        row = database.read_sync(
            lambda connection: connection.execute(text("SELECT kind, place, acknowledged_at FROM alarm")).one()
        )
    assert tuple(row) == ("restored", f"{ENGINE}/{filled.intake.epoch}, item 30", None)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_dump_that_breaks_off_leaves_the_old_store(filled: Filled, tmp_path: Path) -> None:
    manifest = filled.backup(tmp_path / "copy")
    dump = tmp_path / "copy" / manifest.store
    whole = dump.read_bytes()
    await filled.commit(5)
    filled.database.close()
    place = place_of(filled.url, tmp_path)
    for length in (100, len(whole) // 2, len(whole) - 200):
        dump.write_bytes(whole[:length])
        with place.held(), pytest.raises(BackupError):
            place.replace(dump, order(manifest, OldStore(), now=length))
        with Database(filled.url) as database:
            assert database.read_sync(epochs) == [(filled.intake.epoch, 35)]


async def test_nobody_opens_or_migrates_a_half_restored_store(filled: Filled) -> None:
    filled.database.close()
    url = parse_url(filled.url)
    if is_sqlite(url):
        mark_of(Path(str(url.database))).touch()
    else:
        filled.database.open()
        await filled.database.write(
            lambda connection: connection.execute(text("CREATE TABLE vedette_restoring (aside text)")) and None
        )
        filled.database.close()
    with pytest.raises(StoreError, match="restore of it was interrupted; run: vedette restore"):
        Database(filled.url).open()
    database = Database(filled.url)
    with pytest.raises(StoreError, match="restore of it was interrupted"):
        database.migrate()
    database.close()


async def test_a_copy_of_a_newer_release_is_refused_and_changes_nothing(filled: Filled, tmp_path: Path) -> None:
    change = text("UPDATE alembic_version SET version_num = '9999'")
    await filled.database.write(lambda connection: connection.execute(change) and None)
    manifest = filled.backup(tmp_path / "copy")
    back = text("UPDATE alembic_version SET version_num = :head").bindparams(head=migrations.HEAD)
    await filled.database.write(lambda connection: connection.execute(back) and None)
    filled.database.close()
    with pytest.raises(StoreError, match="install the one that made it, or a newer one"):
        put_back(filled, tmp_path / "copy", manifest)
    with Database(filled.url) as database:
        assert database.read_sync(epochs) == [(filled.intake.epoch, 30)]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_restore_that_was_killed_between_its_two_transactions_is_done_again(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = filled.backup(tmp_path / "copy")
    await filled.commit(5)
    filled.database.close()
    finish = PostgresPlace._finish
    monkeypatch.setattr(PostgresPlace, "_finish", _interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            put_back(filled, tmp_path / "copy", manifest)
    monkeypatch.setattr(PostgresPlace, "_finish", finish)
    with pytest.raises(StoreError, match="was interrupted; run: vedette restore"):
        Database(filled.url).open()
    with place_of(filled.url, tmp_path).held():
        old = place_of(filled.url, tmp_path).read_old(manifest)
    assert [item.uuid for item in old.lost] == filled.uuids[30:]
    assert put_back(filled, tmp_path / "copy", manifest).aside
    with Database(filled.url) as database:
        assert [count for _, count in database.read_sync(epochs)] == [30, 0]


def _interrupted(*_arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_tables_that_were_there_are_in_a_schema_of_their_own(filled: Filled, tmp_path: Path) -> None:
    manifest = filled.backup(tmp_path / "copy")
    await filled.commit(5)
    filled.database.close()
    replaced = put_back(filled, tmp_path / "copy", manifest)
    schema = replaced.aside.rpartition(" ")[2]
    with Database(filled.url) as database:
        count = database.read_sync(
            lambda connection: connection.execute(text(f"SELECT count(*) FROM {schema}.item")).scalar_one()  # noqa: S608
        )
    assert count == 35
