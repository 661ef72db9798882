"""Safety copies and restores that are killed or run out of disk: never half a thing that passes for a whole one."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Table, func, select

from registry import tables
from registry.backup_check import check_backup, opened
from registry.backup_manifest import BackupError
from registry.database import Database
from tests.faults.shim import Calls, Kind, Shim
from tests.registry.backing_up import Filled
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.errors import StoreError

ROOT = Path(__file__).parents[2]
FEW = 2
MANY = 60
"""Places in a run at which it is killed, spread evenly."""

often = pytest.mark.parametrize("number", [FEW, pytest.param(MANY, marks=pytest.mark.long)], ids=["few", "many"])


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a command."""

    status: int
    touches: int
    said: str


class Commands:
    """The process that runs commands, under the shim."""

    def __init__(self, shim: Shim) -> None:
        self.shim = shim
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.command_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}", "PATH": "/usr/bin:/bin", **shim.environment},
            text=True,
        )

    def run(self, *words: object, kill_at: int = 0) -> Done:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"words": [str(word) for word in words], "kill_at": kill_at}) + "\n")
        stdin.flush()
        return Done(**json.loads(stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The worker with its shim, compiled and imported once."""
    shim = Shim(tmp_path_factory.mktemp("shim"))
    with Commands(shim) as running:
        yield running
    shim.close()


class Home:
    """A fleet's folder with 20 items and a document, from which the others are copied."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.file = folder / "vedette.yml"
        self.file.write_text("data: var\n")
        self.paths: FleetPaths = load_fleet(self.file)[1]
        self.paths.make()
        database = Database(self.paths.store_url)
        database.migrate()
        database.close()
        self.filled = Filled(url=self.paths.store_url, folder=self.paths.data)
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        await self.filled.open()
        await self.filled.commit(20, size=5_000)
        await self.filled.put(b"a document")

    async def commit_more(self) -> None:
        await self.filled.commit(5)
        await self.filled.put(b"another document")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.filled.close()


def items_in(copy: Path) -> int | None:
    """Return how many items a safety copy has, None where it is none; it must never be a bad one."""
    try:
        with opened(copy) as folder:
            report = check_backup(folder)
    except BackupError as error:
        if "is not a safety copy" in str(error) or "is not a file" in str(error):
            return None
        raise
    assert report.findings == ()
    return report.manifest.counts["items"]


def points(touches: int, number: int) -> list[int]:
    """Return where to kill a run: at its last step, and evenly before."""
    assert touches > number / 2
    return sorted({*range(1, touches, max(1, touches // number)), touches})


@often
@pytest.mark.parametrize("name", ["copy", "copy.tar.zst"])
def test_a_copy_that_is_killed_is_the_old_one_the_new_one_or_none(
    commands: Commands, home: Home, tmp_path: Path, name: str, number: int
) -> None:
    target, first = tmp_path / "targets" / name, tmp_path / "first"
    target.parent.mkdir()
    whole = commands.run("backup", first, "-c", home.file)
    assert (whole.status, items_in(first)) == (0, 20), whole.said
    asyncio.run(home.commit_more())
    fresh = commands.run("backup", tmp_path / f"other-{name}", "-c", home.file)
    assert fresh.status == 0, fresh.said

    seen: set[int | None] = set()
    for kill_at in points(fresh.touches, number):
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        if name == "copy":
            shutil.copytree(first, target)
        done = commands.run("backup", target, "-c", home.file, kill_at=kill_at)
        assert done.status in (-9, 0)
        seen.add(items_in(target))
        again = commands.run("backup", target, "-c", home.file)
        # A file that is there is whole, and not overwritten.
        expected = 2 if items_in(target) == 25 and name != "copy" and "exists already" in again.said else 0
        assert (again.status, items_in(target)) == (expected, 25), again.said
        assert [path.name for path in target.parent.iterdir()] == [name], "what was left was not cleared"
    assert seen <= ({20, 25} if name == "copy" else {None, 25})
    assert seen & {20, None}


def count(path: Path, table: Table) -> int:
    """Return the rows of a table."""
    query = select(func.count()).select_from(table)
    with Database(f"sqlite:///{path}") as database:
        return int(database.read_sync(lambda connection: connection.execute(query).scalar_one()))


def state(paths: FleetPaths) -> str:
    """Return which store is there: old, new, none, or marked as half restored."""
    store = store_of(paths)
    try:
        found = count(store, tables.item), count(store, tables.chain)
    except StoreError as error:
        if "was interrupted; run: vedette restore" in str(error):
            return "marked"
        if "there is no store yet" in str(error):
            return "none"
        raise
    return {(25, 1): "old", (20, 2): "new"}[found]


def store_of(paths: FleetPaths) -> Path:
    return Path(paths.store_url.removeprefix("sqlite:///"))


@often
def test_a_restore_that_is_killed_leaves_the_old_store_the_new_one_or_a_marked_place(
    commands: Commands, home: Home, tmp_path: Path, number: int
) -> None:
    copy, place = tmp_path / "copy", tmp_path / "place"
    assert commands.run("backup", copy, "-c", home.file).status == 0
    asyncio.run(home.commit_more())
    home.filled.close()
    words = ("restore", copy, "-c", place / "vedette.yml", "--replace")
    shutil.copytree(home.folder, place)
    paths = load_fleet(place / "vedette.yml")[1]
    whole = commands.run(*words)
    assert (whole.status, state(paths)) == (0, "new"), whole.said

    seen: set[str] = set()
    for kill_at in points(whole.touches, number):
        shutil.rmtree(place)
        shutil.copytree(home.folder, place)
        assert commands.run(*words, kill_at=kill_at).status in (-9, 0)
        found = state(paths)
        seen.add(found)
        again = commands.run(*words, "--json")
        assert (again.status, state(paths)) == (0, "new"), again.said
        logs = json.loads(again.said)["losses"]["logs"]
        named = [uuid for log in logs for _, uuid in log["items"]]
        assert named == ([] if found == "new" else home.filled.uuids[20:]), (
            "an interrupted restore forgot the old store"
        )
        assert _old_stores(paths), "the old store was lost"
    assert "old" in seen
    assert seen <= {"old", "new", "none", "marked"}


def _old_stores(paths: FleetPaths) -> list[Path]:
    """Return the stores of 25 items that were moved aside."""
    aside = (path for path in paths.data.glob("store.db.before-restore-*") if path.suffix.startswith(".before"))
    return [path for path in aside if path.name[-1].isdigit() and count(path, tables.item) == 25]


@often
def test_a_restore_to_another_folder_that_is_killed_leaves_no_folder_or_all_of_it(
    commands: Commands, home: Home, tmp_path: Path, number: int
) -> None:
    copy, target = tmp_path / "copy.tar.zst", tmp_path / "targets" / "new"
    target.parent.mkdir()
    assert commands.run("backup", copy, "-c", home.file).status == 0
    whole = commands.run("restore", copy, "--to", target)
    assert whole.status == 0, whole.said
    shutil.rmtree(target)
    for kill_at in points(whole.touches, number):
        done = commands.run("restore", copy, "--to", target, kill_at=kill_at)
        assert done.status in (-9, 0)
        if not target.exists():
            again = commands.run("restore", copy, "--to", target)
            assert again.status == 0, again.said
        assert count(store_of(load_fleet(target / "vedette.yml")[1]), tables.chain) == 2
        shutil.rmtree(target)
    assert commands.run("restore", copy, "--to", target).status == 0
    assert [path.name for path in target.parent.iterdir()] == ["new"], "what was left was not cleared"


@pytest.mark.parametrize("kind", [Kind.STAYING_ENOSPC], ids=["full"])
@pytest.mark.parametrize(
    ("name", "file"),
    [("copy", "store.db"), ("copy", "documents.txt"), ("copy", "manifest.json"), ("copy.tar.zst", "whole")],
)
def test_a_disk_that_is_full_is_one_clear_line_and_leaves_nothing(
    commands: Commands, home: Home, tmp_path: Path, name: str, file: str, kind: Kind
) -> None:
    target = tmp_path / "targets" / name
    target.parent.mkdir()
    home.filled.close()
    commands.shim.arm(file, calls=Calls.WRITES, kind=kind)
    try:
        done = commands.run("backup", target, "-c", home.file)
        fired = commands.shim.fired
    finally:
        commands.shim.disarm()
    assert fired
    assert done.status == 2
    (line,) = done.said.strip().splitlines()
    assert line.startswith("vedette: ")
    assert str(target.parent) in line
    assert items_in(target) is None
    left = [path for path in target.parent.rglob("*") if path.is_file() and "documents" not in path.parts]
    assert [path.name for path in left if path.name != "backup.lock"] == []
    assert commands.run("backup", target, "-c", home.file).status == 0
    assert items_in(target) == 20
