"""The disk failing below SQLite, at every single write and sync: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from registry.database import Database
from tests.faults.harness import seeded
from tests.faults.processes import ROOT
from tests.faults.shim import Calls, Kind, Shim
from vedette.evidence.hashtree import HashTree
from vedette.signing import SigningKey

STORE_ERROR = 3
KILLED = -9
ITEMS = 6
MOST = 400
"""Calls of one run are fewer than this: more would mean that the counting is wrong."""

NEVER = 10**9
"""So many calls a run never makes: they are only counted."""


class Worker:
    """The process that does the work, under the shim."""

    def __init__(self, shim: Shim) -> None:
        self.shim = shim
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.storage_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}", "PATH": "/usr/bin:/bin", **shim.environment},
            text=True,
        )

    def do(self, work: str, folder: Path) -> int:
        """Return the exit status of a child that did the work on the folder's files."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"work": work, "folder": str(folder)}) + "\n")
        stdin.flush()
        return int(stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The worker with its shim, compiled and imported once."""
    shim = Shim(tmp_path_factory.mktemp("shim"))
    with Worker(shim) as worker:
        yield worker
    shim.close()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a new store, to be copied for each run."""
    folder = tmp_path_factory.mktemp("fresh")
    SigningKey.generate().save(folder / "engine.key")
    Database(f"sqlite:///{folder / 'work.db'}").migrate()
    return folder


def _new_folder(fresh: Path, place: Path, *, work: str) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(fresh, place)
    if work == "outbox":
        for path in place.glob("work.db*"):
            path.unlink()
    return place


CASES = [
    (calls, kind)
    for calls in (Calls.WRITES, Calls.SYNCS)
    for kind in (Kind.EIO, Kind.ENOSPC, Kind.TORN, Kind.DIE)
    if not (calls is Calls.SYNCS and kind is Kind.TORN)
]


@pytest.mark.parametrize("most", [pytest.param(2, id="some"), pytest.param(MOST, id="every", marks=pytest.mark.long)])
@pytest.mark.parametrize("file", ["work.db", "work.db-wal"])
@pytest.mark.parametrize(("calls", "kind"), CASES, ids=lambda value: value.name.lower())
@pytest.mark.parametrize("work", ["outbox", "intake"])
def test_a_failing_disk_loses_nothing_that_was_acknowledged(
    worker: Worker, fresh: Path, tmp_path: Path, work: str, calls: Calls, kind: Kind, file: str, most: int
) -> None:
    check = check_outbox if work == "outbox" else check_store
    chance = seeded(f"{work} {file} {calls.name} {kind.name}")
    numbers = _numbers(worker, _new_folder(fresh, tmp_path / "run", work=work), work, calls, file)
    broken = 0
    for number in sorted(chance.sample(numbers, min(most, len(numbers)))):
        folder = _new_folder(fresh, tmp_path / "run", work=work)
        worker.shim.arm(file, calls=calls, kind=kind, after=number)
        status = worker.do(work, folder)
        fired = worker.shim.fired
        worker.shim.disarm()
        broken += fired
        dies = kind in {Kind.TORN, Kind.DIE} and fired
        assert status in ((KILLED,) if dies else (STORE_ERROR, 0)), f"call {number}"
        check(folder, complete=False)
        assert worker.do(work, folder) == 0, f"it goes on after call {number} failed"
        check(folder, complete=True)
    # A run does not make exactly as many calls as the one before: the last few may not come to pass.
    assert broken >= min(most, len(numbers)) - 3, f"{broken} of {len(numbers)} calls were broken"


def _numbers(worker: Worker, folder: Path, work: str, calls: Calls, file: str) -> range:
    """Return the numbers of the matching calls of an undisturbed run."""
    worker.shim.arm(file, calls=calls, kind=Kind.EIO, after=NEVER)
    assert worker.do(work, folder) == 0
    seen = worker.shim.seen
    worker.shim.disarm()
    assert 0 < seen < MOST
    return range(1, seen + 1)


@pytest.mark.parametrize("work", ["outbox", "intake"])
def test_a_disk_that_stays_full_is_said_and_everything_goes_on_when_there_is_room(
    worker: Worker, fresh: Path, tmp_path: Path, work: str
) -> None:
    folder = _new_folder(fresh, tmp_path / "run", work=work)
    worker.shim.arm("work.db-wal", calls=Calls.WRITES, kind=Kind.STAYING_ENOSPC, after=3)
    assert worker.do(work, folder) == STORE_ERROR
    assert worker.do(work, folder) == STORE_ERROR
    worker.shim.disarm()
    assert "full" in (folder / "errors").read_text()
    assert worker.do(work, folder) == 0
    (check_outbox if work == "outbox" else check_store)(folder, complete=True)


def _acknowledged(folder: Path) -> list[dict[str, Any]]:
    path = folder / "acknowledged"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@contextmanager
def _look(folder: Path) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Query a copy, so that looking does not recover the file before the product does; no table: no rows."""
    copy = folder.with_name("look")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in folder.glob("work.db*"):
        if not path.name.endswith(("-shm", ".lock")):
            shutil.copy(path, copy)
    with closing(sqlite3.connect(copy / "work.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}

        def rows(sql: str) -> list[tuple[Any, ...]]:
            known = sql.split(" FROM ")[1].split(maxsplit=1)[0] in tables
            return connection.execute(sql).fetchall() if known else []

        yield rows


def check_outbox(folder: Path, *, complete: bool) -> None:
    """Check that what was added is there until confirmed, and that a confirmed item is not."""
    entries = _acknowledged(folder)
    added = {uuid for entry in entries if entry["did"] == "add" for uuid in entry["uuids"]}
    confirmed = {uuid for entry in entries if entry["did"] == "confirm" for uuid in entry["uuids"]}
    with _look(folder) as rows:
        waiting = [uuid for _, uuid in rows("SELECT seq, uuid FROM item ORDER BY seq")]
        receipts = [text for (text,) in rows("SELECT text FROM receipt")]
    assert len(waiting) == len(set(waiting))
    assert not confirmed & set(waiting), "what was confirmed does not come back"
    lost = added - confirmed - set(waiting)
    if complete:
        assert len(added) == ITEMS
        assert not lost
        assert len(receipts) == 2, "a confirmation that is repeated counts once"
    else:
        assert len(set(waiting) - added) <= 2, "at most the batch that was being added"
        assert len(lost) <= 2, "at most the batch that was being confirmed"
        assert all(any(uuid in text for text in receipts) for uuid in lost), "and its receipt is kept"


def check_store(folder: Path, *, complete: bool) -> None:
    """Check that the log has no gap, that its head and roots are right, and that every acknowledgement holds."""
    with _look(folder) as rows:
        chains = rows("SELECT next_index, head FROM chain")
        items = rows("SELECT uuid, log_index, digest, statement FROM item ORDER BY log_index")
        batches = rows("SELECT first_index, last_index, statement, root, previous_root FROM batch ORDER BY number")
    head, heads, leaves = bytes(32), [], []
    for place, (_, index, _, statement) in enumerate(items):
        assert index == place
        leaves.append(hashlib.sha256(statement).digest())
        head = hashlib.sha256(head + leaves[-1]).digest()
        heads.append(head.hex())
    assert (chains or [(0, bytes(32))]) == [(len(items), head)]
    by_uuid = {uuid: (digest.hex(), index) for uuid, index, digest, _ in items}
    for entry in _acknowledged(folder):
        assert by_uuid[entry["uuid"]] == (entry["digest"], entry["index"])
        assert heads[entry["last"]] == entry["head"]
    _check_batches(batches, leaves)
    if complete:
        assert len(items) == ITEMS


def _check_batches(batches: list[tuple[Any, ...]], leaves: list[bytes]) -> None:
    first, previous = 0, None
    for start, last, statement, root, before in batches:
        assert (start, before) == (first, previous)
        assert HashTree([*leaves[start : last + 1], hashlib.sha256(statement).digest()]).root == root
        first, previous = last + 1, root
