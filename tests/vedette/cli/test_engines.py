"""A fleet of three engines on one PostgreSQL, of real processes: each is killed in turn while probes run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from registry import tables
from registry.database import Database
from tests.registry.postgresql import empty_database
from tests.vedette.cli.commands import called, running, until
from tests.vedette.cli.fleet_store import check_logs, lost, numbers_of

ENGINES = ("engine-2", "engine-3")
PROBES = 8
"""Their checks are spread over the engines as their names fall."""


@pytest.fixture
def url(postgres_folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(postgres_folder) as url:
        yield url


def _write(folder: Path, url: str) -> None:
    probes = [f"probe{number}.json" for number in range(PROBES)]
    configuration = {
        "store": url,
        "batch": {"seconds": 0.2},
        "probes": probes,
        "engines": [{"name": name} for name in ENGINES],
    }
    (folder / "vedette.yml").write_text(json.dumps(configuration))
    for name in probes:
        probe = {
            "command": ["echo", name],
            "jid": f"{Path(name).stem}@localhost",
            "passwd": "s3cret-of-a-probe",
            "period": 0.5,
        }
        (folder / name).write_text(json.dumps(probe))


def _count(database: Database) -> int:
    query = select(func.count()).select_from(tables.item)
    return database.read_sync(lambda connection: int(connection.execute(query).scalar_one()))


def _are_more(database: Database, items: int) -> bool:
    return _count(database) >= items


def _engines_with_items(connection: Connection) -> int:
    return int(connection.execute(select(func.count(tables.item.c.chain_id.distinct()))).scalar_one())


@pytest.mark.long
def test_each_process_is_killed_in_turn_and_nothing_is_lost_or_stored_twice(tmp_path: Path, url: str) -> None:
    _write(tmp_path, url)
    assert called("migrate", folder=tmp_path).returncode == 0
    with Database(url) as database, running("up", folder=tmp_path, name="up") as fleet:
        fleet.until_said("The fleet is up")
        until(lambda: database.read_sync(_engines_with_items) >= 2, what=fleet.complained)
        for mark in ("--name engine-2", "--name engine-3", "cli.process hub", "--name engine-2"):
            before = _count(database)
            fleet.kill_child(mark)
            until(partial(_are_more, database, before + 12), what=fleet.complained)
        unstamped = select(func.count()).select_from(tables.batch).where(tables.batch.c.state == "pending")
        until(lambda: database.read_sync(lambda connection: connection.execute(unstamped).scalar_one()) == 0)
        # What was on its way to an engine that was killed comes later than what follows it, but it comes.
        newest = {agent: max(numbers) for agent, numbers in database.read_sync(numbers_of).items()}
        assert len(newest) == PROBES
        until(lambda: not lost(database, newest), what=lambda: str(lost(database, newest)))
        assert fleet.end() == 0
        assert [
            agent for agent, numbers in database.read_sync(numbers_of).items() if len(set(numbers)) < len(numbers)
        ] == []
        database.read_sync(check_logs)


@pytest.mark.long
def test_a_safety_copy_of_several_engines_at_work_brings_back_what_it_has_and_names_the_rest(
    tmp_path: Path, url: str, postgres_folder: Path
) -> None:
    _write(tmp_path, url)
    assert called("migrate", folder=tmp_path).returncode == 0
    with Database(url) as database, running("up", folder=tmp_path, name="up") as fleet:
        fleet.until_said("The fleet is up")
        until(lambda: database.read_sync(_engines_with_items) >= 2, what=fleet.complained)
        copied = called("backup", "copy", folder=tmp_path)
        assert copied.returncode == 0, copied.stderr
        until(partial(_are_more, database, _count(database) + 24), what=fleet.complained)
        assert fleet.end() == 0
        stored = database.read_sync(numbers_of)
    # The database is lost: what senders keep, and the copy, is all there is.
    with empty_database(postgres_folder) as another:
        _write(tmp_path, another)
        restored = called("restore", "copy", "-c", "vedette.yml", "--json", folder=tmp_path)
        assert restored.returncode == 0, restored.stderr
        named = _numbers_named(restored.stdout)
        assert sum(map(len, named.values())) >= 20
        assert all(numbers <= set(stored[agent]) for agent, numbers in named.items())
        with Database(another) as database, running("up", folder=tmp_path, name="again") as fleet:
            fleet.until_said("The fleet is up")
            until(partial(_are_more, database, _count(database) + 40), what=fleet.complained)
            # Just what the restore named is missing: what a sender still had, it sent again.
            last = {agent: max(numbers) for agent, numbers in stored.items()}
            wanted = {(agent, number) for agent, numbers in named.items() for number in numbers}
            until(lambda: set(lost(database, last)) == wanted, what=lambda: str(lost(database, last)))
            assert fleet.end() == 0
            found = database.read_sync(numbers_of)
            assert [agent for agent, numbers in found.items() if len(set(numbers)) < len(numbers)] == []
            database.read_sync(check_logs)
        swept = called("evidence", "sweep", "--all", folder=tmp_path)
        assert (swept.returncode, "0 findings" in swept.stdout) == (0, True), swept.stdout + swept.stderr


def _numbers_named(answer: str) -> dict[str, set[int]]:
    """Return the numbers of each agent that a restore says are gone."""
    return {
        one["agent"]: {number for first, last in one["ranges"] for number in range(first, last + 1)}
        for one in json.loads(answer)["losses"]["numbers"]
    }
