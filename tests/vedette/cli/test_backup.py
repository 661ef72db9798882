"""`vedette backup` and `vedette restore` over a real fleet's folder: what they say, write, refuse and report."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from registry import tables
from registry.database import Database
from registry.fleet_evidence import known_roots
from tests.registry.backing_up import Filled
from tests.registry.postgresql import postgres_sql, postgres_url
from tests.vedette.cli.fleet_folder import PROBE, SECRET, FleetFolder
from vedette.cli.fleet_files import FleetFiles
from vedette.cli.main import build
from vedette.configuration.fleet import FleetPaths, load_fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Any:
    made = FleetFolder(tmp_path / "fleet")
    made.start()
    yield made
    made.filled.close()


def vedette(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(words), words)


def answer(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


def items_of(paths: FleetPaths) -> int:
    with Database(paths.store_url) as database:
        query = select(func.count()).select_from(tables.item)
        return int(database.read_sync(lambda connection: connection.execute(query).scalar_one()))


@pytest.mark.parametrize("name", ["copy", "copy.tar.zst"])
def test_a_copy_is_made_while_the_store_is_in_use_and_verifies(fleet: FleetFolder, tmp_path: Path, name: str) -> None:
    made = vedette("backup", tmp_path / name, "-c", fleet.file, "--json")
    said = answer(made)
    assert (made.exit_code, said["counts"]["items"], said["secrets"]) == (0, 20, False)
    verified = vedette("backup", "verify", tmp_path / name)
    assert (verified.exit_code, verified.output.startswith("GOOD: ")) == (0, True)
    assert answer(vedette("backup", "verify", tmp_path / name, "--json"))["findings"] == []


def test_wrong_use(fleet: FleetFolder, tmp_path: Path) -> None:
    for words in (["verify"], ["one", "two"], ["verify", "one", "two"]):
        assert vedette("backup", *words, "-c", fleet.file).exit_code == 2
    assert not (tmp_path / "verify").exists()
    assert vedette("restore", tmp_path / "missing", "-c", fleet.file).exit_code == 2
    (tmp_path / "empty").mkdir()
    refused = vedette("restore", tmp_path / "empty", "-c", fleet.file)
    assert "is not a safety copy" in str(refused.exception)


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_secrets_are_in_it_only_when_they_are_wanted(fleet: FleetFolder, tmp_path: Path) -> None:
    vedette("backup", tmp_path / "without", "-c", fleet.file)
    data = everything_in(tmp_path / "without")
    assert [word in data for word in (SECRET.encode(), b"private key", b"PRIVATE KEY", b"hosts@localhost")] == [
        False,
        False,
        False,
        True,
    ]
    said = vedette("backup", tmp_path / "with", "-c", fleet.file, "--with-secrets").output
    assert "whoever has it is the fleet" in said
    data = everything_in(tmp_path / "with")
    assert all(word in data for word in (SECRET.encode(), b"private key", b"PRIVATE KEY"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "with").rglob("*"))


def test_a_password_in_the_stores_url_is_taken_out(fleet: FleetFolder, tmp_path: Path) -> None:
    fleet.file.write_text("data: var\nstore: postgresql+psycopg://me:p%40ss-word@db.example/vedette\n")
    configuration, paths = load_fleet(fleet.file)
    files = FleetFiles(configuration=configuration, paths=paths)
    (main,) = [entry for entry in files.entries(secrets=False) if entry.origin == "vedette.yml"]
    assert (b"p%40ss-word" in main.data, main.redacted, b"db.example" in main.data) == (False, True, True)
    (main,) = [entry for entry in files.entries(secrets=True) if entry.origin == "vedette.yml"]
    assert (b"p%40ss-word" in main.data, main.redacted) == (True, False)


def test_a_database_of_accounts_is_copied_with_its_log_and_without_the_logs_file(
    fleet: FleetFolder, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(fleet.paths.xmpp / "accounts.sqlite")) as accounts:
        accounts.execute("PRAGMA journal_mode=WAL")
        accounts.execute("CREATE TABLE account (name)")
        accounts.execute("INSERT INTO account VALUES ('hosts')")
        accounts.commit()
        assert vedette("backup", tmp_path / "copy", "-c", fleet.file, "--with-secrets").exit_code == 0
    vedette("restore", tmp_path / "copy", "--to", tmp_path / "new")
    place = tmp_path / "new" / "var" / "xmpp"
    assert [path.name for path in place.iterdir()] == ["accounts.sqlite"]
    with closing(sqlite3.connect(place / "accounts.sqlite")) as accounts:
        assert accounts.execute("SELECT name FROM account").fetchall() == [("hosts",)]


def test_a_restore_in_place_moves_the_old_store_aside_and_names_what_is_gone(
    fleet: FleetFolder, tmp_path: Path
) -> None:
    vedette("backup", tmp_path / "copy", "-c", fleet.file)
    fleet.commit(5)
    gone = fleet.filled.uuids[20:]
    in_use = vedette("restore", tmp_path / "copy", "-c", fleet.file, "--replace")
    assert "another process holds the lock" in str(in_use.exception)
    fleet.filled.close()
    refused = vedette("restore", tmp_path / "copy", "-c", fleet.file)
    assert "--replace moves it aside" in str(refused.exception)
    assert items_of(fleet.paths) == 25
    said = answer(vedette("restore", tmp_path / "copy", "-c", fleet.file, "--replace", "--json"))

    (lost,) = said["losses"]["logs"]
    assert ([uuid for _, uuid in lost["items"]], lost["unknown"]) == (gone, 0)
    assert items_of(fleet.paths) == 20
    with Database(f"sqlite:///{said['aside']}") as old:
        query = select(func.count()).select_from(tables.item)
        assert old.read_sync(lambda connection: connection.execute(query).scalar_one()) == 25
    assert (fleet.folder / "hosts.json").read_text() == json.dumps(PROBE)


def test_a_lost_machine_comes_back_in_another_folder(fleet: FleetFolder, tmp_path: Path) -> None:
    vedette("backup", tmp_path / "copy.tar.zst", "-c", fleet.file, "--with-secrets")
    fleet.commit(3)
    fleet.keep_receipts()
    outboxes = tmp_path / "outboxes"
    shutil.copytree(fleet.paths.outboxes, outboxes)
    gone = fleet.filled.uuids[20:]
    fleet.filled.close()
    shutil.rmtree(fleet.folder)
    said = vedette("restore", tmp_path / "copy.tar.zst", "--to", tmp_path / "new", "--receipts", outboxes, "--json")

    (lost,) = answer(said)["losses"]["logs"]
    assert ([uuid for _, uuid in lost["items"]], lost["first"], lost["last"]) == (gone, 20, 22)
    _, paths = load_fleet(tmp_path / "new" / "vedette.yml")
    assert items_of(paths) == 20
    assert (paths.credentials / "hosts.key").read_text() == "private key"
    assert json.loads((tmp_path / "new" / "hosts.json").read_text()) == PROBE
    assert (paths.tsa / "tsa.key").exists()
    again = vedette("restore", tmp_path / "copy.tar.zst", "--to", tmp_path / "new")
    assert "is not an empty folder" in str(again.exception)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_roots_of_a_removed_authority_come_back_for_what_it_proved(fleet: FleetFolder, tmp_path: Path) -> None:
    roots = fleet.paths.external_roots
    roots.mkdir()
    shutil.copy(fleet.paths.roots, roots / "former.pem")
    (roots / "linked.pem").symlink_to(fleet.paths.roots)
    (roots / "broken.pem").symlink_to(tmp_path / "missing")
    (roots / "folder.pem").mkdir()
    assert vedette("backup", tmp_path / "copy", "-c", fleet.file).exit_code == 0
    vedette("restore", tmp_path / "copy", "--to", tmp_path / "new")
    configuration, paths = load_fleet(tmp_path / "new" / "vedette.yml")
    assert sorted(file.name for file in paths.external_roots.iterdir()) == ["former.pem", "linked.pem"]
    assert set(known_roots(configuration, paths)) == {"local", "former", "linked"}


def test_without_secrets_a_restored_fleet_says_what_to_put_back(fleet: FleetFolder, tmp_path: Path) -> None:
    vedette("backup", tmp_path / "copy", "-c", fleet.file)
    said = vedette("restore", tmp_path / "copy", "--to", tmp_path / "new").output
    assert "hosts.json: put the secrets back" in said
    assert "Nothing is known to be lost." in said
    assert not (tmp_path / "new" / "var" / "credentials" / "hosts.key").exists()


def test_what_is_missing_in_place_is_put_back_and_what_is_there_stays(fleet: FleetFolder, tmp_path: Path) -> None:
    vedette("backup", tmp_path / "copy", "-c", fleet.file, "--with-secrets")
    fleet.filled.close()
    (fleet.paths.credentials / "hosts.key").unlink()
    (fleet.paths.tsa / "roots.pem").write_text("another one")
    document = next(fleet.paths.documents.glob("??/*"))
    document.write_bytes(b"damaged")
    said = vedette("restore", tmp_path / "copy", "-c", fleet.file, "--replace").output

    assert "hosts.key was missing and is back" in said
    assert "roots.pem stays as it is" in said
    assert (fleet.paths.tsa / "roots.pem").read_text() == "another one"
    assert document.read_bytes() == b"a document"


def test_a_damaged_copy_is_not_restored(fleet: FleetFolder, tmp_path: Path) -> None:
    vedette("backup", tmp_path / "copy", "-c", fleet.file)
    store = next((tmp_path / "copy").glob("*/store.db"))
    store.write_bytes(store.read_bytes()[:-1])
    fleet.filled.close()
    refused = vedette("restore", tmp_path / "copy", "-c", fleet.file, "--replace", "--json")
    assert (refused.exit_code, answer(refused)["restored"]) == (1, False)
    assert "NOT GOOD" in vedette("restore", tmp_path / "copy", "-c", fleet.file, "--replace").output
    assert items_of(fleet.paths) == 20


def test_a_missing_document_is_said_with_exit_1(fleet: FleetFolder, tmp_path: Path) -> None:
    next(fleet.paths.documents.glob("??/*")).unlink()
    made = vedette("backup", tmp_path / "copy", "-c", fleet.file)
    assert (made.exit_code, "was not there or is damaged" in made.output) == (1, True)


def test_data_that_lie_elsewhere_are_not_restored_over_to_another_folder(fleet: FleetFolder, tmp_path: Path) -> None:
    fleet.file.write_text(f"data: {fleet.paths.data}\nprobes: [hosts.json]\n")
    vedette("backup", tmp_path / "copy", "-c", fleet.file)
    refused = vedette("restore", tmp_path / "copy", "--to", tmp_path / "new")
    assert "restore to there with --config" in str(refused.exception)
    assert not (tmp_path / "new").exists()
    assert items_of(fleet.paths) == 20


def documented_commands() -> list[list[str]]:
    """Return the commands of docs/backup.md about safety copies, in order."""
    page = (Path(__file__).parents[3] / "docs" / "backup.md").read_text()
    lines = [line.strip() for line in page.splitlines()]
    wanted = [line for line in lines if line.startswith(("vedette backup ", "vedette restore "))]
    return [shlex.split(line)[1:] for line in wanted]


def test_the_commands_of_the_page_work_in_its_order(
    fleet: FleetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fleet.folder)
    (fleet.folder / "outboxes").mkdir()
    (tmp_path / "copies").mkdir()
    commands = documented_commands()
    assert len(commands) == 5
    for words in commands:
        if words[0] == "restore":
            fleet.filled.close()
        done = vedette(*(word.replace("/srv/", f"{tmp_path}/new-").replace("new-copies", "copies") for word in words))
        assert done.exit_code == 0, (words, done.output, done.exception)
        if words[-1].endswith("fleet-monday.tar.zst"):
            shutil.copyfile(tmp_path / "copies" / "fleet-monday.tar.zst", "fleet.tar.zst")
    assert items_of(load_fleet(tmp_path / "new-fleet" / "vedette.yml")[1]) == 20
    assert items_of(fleet.paths) == 20


def test_a_fleet_on_postgresql(tmp_path: Path, migrated_postgres: Path) -> None:
    postgres_sql(migrated_postgres, "CREATE DATABASE command_line TEMPLATE migrated")
    url = postgres_url(migrated_postgres, "command_line")
    (tmp_path / "vedette.yml").write_text(f"data: var\nstore: {url}\n")
    _, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    filled = Filled(url=url, folder=paths.data)

    async def start() -> None:
        await filled.open()
        await filled.commit(20)

    asyncio.run(start())
    assert vedette("backup", tmp_path / "copy", "-c", paths.file).exit_code == 0
    asyncio.run(filled.commit(5))
    in_use = vedette("restore", tmp_path / "copy", "-c", paths.file, "--replace")
    assert "sessions use it" in str(in_use.exception)
    filled.close()
    said = answer(vedette("restore", tmp_path / "copy", "-c", paths.file, "--replace", "--json"))
    (lost,) = said["losses"]["logs"]
    assert {uuid for _, uuid in lost["items"]} >= set(filled.uuids[20:])
    assert "schema before_restore_" in said["aside"]
    assert items_of(paths) == 20
