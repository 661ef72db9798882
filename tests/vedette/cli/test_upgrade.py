"""From one release to the next while agents of the one before keep sending: real processes of two source trees.

The release before is the source as of an earlier commit, the next one this source with one more step of the schema.
"""

from __future__ import annotations

import io
import json
import shutil
import socket
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.registry.postgresql import empty_database
from tests.vedette.cli.commands import ROOT, complaint, running, until, vedette
from tests.vedette.cli.fleet_store import check_logs, numbers_of

BEFORE = "64cc5a15bf4edca05eb1300bdb9edded9f031844"
"""The commit that stands for the release before."""

PROBES = ("probe1", "probe2", "probe3")

COLLECTOR = "follower"
"""It follows a log that is written all the time."""

SENDERS = (*PROBES, COLLECTOR)
"""All agents of the release before that go on."""

PACKAGES = ("vedette", "registry", "web", "behaviours", "agents", "ejabberd")

NEXT = "0002"

_STEP = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "0001"

def upgrade():
    op.create_table("extra", sa.Column("name", sa.String(), primary_key=True))
    op.add_column("item", sa.Column("noted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_item_noted", "item", ["noted"])
"""


def source_before(folder: Path) -> Path:
    """Return the source of the release before; skip where the repository has no history."""
    command = ["git", "archive", BEFORE, *PACKAGES]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.skip(f"the history has no commit {BEFORE}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def source_after(folder: Path) -> Path:
    """Return this source with one more step of the schema."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "registry" / "migrations"
    (migrations / "versions" / f"v{NEXT}_next.py").write_text(_STEP)
    file = migrations / "__init__.py"
    words = file.read_text()
    assert 'HEAD = "0001"' in words, "the schema has a second step: take that one here"
    file.write_text(words.replace('HEAD = "0001"', f'HEAD = "{NEXT}"'))
    return folder


@pytest.fixture
def url(postgres_folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(postgres_folder) as url:
        yield url


@pytest.fixture
def fleet_folder(tmp_path: Path, url: str) -> Path:
    """A folder with the configuration of hub, second engine and three probes that run apart."""
    folder = tmp_path / "fleet"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = {
        "store": url,
        "batch": {"seconds": 0.2},
        "engines": [{"name": "engine-2"}],
        "xmpp": {"server": "embedded", "port": port},
        "jobs": {"agents": 0},
    }
    (folder / "vedette.yml").write_text(json.dumps(configuration))
    for name in PROBES:
        probe = {"command": ["echo", name], "credentials": f"var/credentials/{name}.json", "period": 0.3}
        (folder / f"{name}.json").write_text(json.dumps(probe))
    source = {"type": "FOLLOW", "source-name": "log", "source-URI": "written.log", "now-collect": "new"}
    (folder / "sources.json").write_text(json.dumps({"all": {"collectors": [source]}}))
    (folder / f"{COLLECTOR}.json").write_text(json.dumps({"name": COLLECTOR, "sources": "sources.json"}))
    return folder


class Written:
    """A log that somebody writes, a numbered line after another."""

    def __init__(self, file: Path) -> None:
        self.lines = 0
        """How many there are; whoever ended it knows how many there will be."""
        self._file = file
        self._enough = threading.Event()
        self._writer = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let it be enough; harmless when it is."""
        self._enough.set()
        self._writer.join()

    def _write(self) -> None:
        with self._file.open("a") as log:
            while not self._enough.wait(0.1):
                log.write(f"{self.lines}\n")
                log.flush()
                self.lines += 1


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """A connection to the store, whatever its schema is."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def numbers(url: str) -> dict[str, list[int]]:
    with reading(url) as connection:
        return numbers_of(connection)


def followed(url: str) -> list[int]:
    """Return the lines of the log that are stored, sorted."""
    query = text(
        "SELECT payload FROM item_payload JOIN item USING (received_at, chain_id, log_index) WHERE agent = :agent"
    )
    with reading(url) as connection:
        payloads = connection.execute(query, {"agent": f"{COLLECTOR}@localhost"}).scalars()
        return sorted(int(line) for payload in payloads for line in bytes(payload).splitlines())


def grown(now: dict[str, list[int]], before: dict[str, list[int]]) -> int:
    """Return by how many items the log grew, of the agent with the fewest new ones."""
    return min(len(now[jid]) - len(there) for jid, there in before.items())


def waiting(folder: Path, name: str) -> list[int]:
    """Return the numbers of the items that an agent's outbox holds."""
    return [int(number) for (number,) in _asked(folder, name, "SELECT seq FROM item")]


def made(folder: Path, name: str) -> int:
    """Return how many items an agent made."""
    ((number,),) = _asked(folder, name, "SELECT value FROM fact WHERE name = 'next_seq'")
    return int(number)


def _asked(folder: Path, name: str, query: str) -> list[tuple[int]]:
    file = folder / "var" / "outbox" / f"{name}.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.long
def test_the_fleet_is_upgraded_while_agents_of_the_release_before_keep_sending(
    tmp_path: Path, fleet_folder: Path, url: str
) -> None:
    before, after = source_before(tmp_path / "before"), source_after(tmp_path / "after")
    folder = fleet_folder
    assert vedette("migrate", folder=folder, source=before).returncode == 0
    with ExitStack() as senders:
        log = senders.enter_context(Written(folder / "written.log"))
        with running("up", folder=folder, name="before", source=before) as hub:
            hub.until_said("The fleet is up")
            for name in SENDERS:
                role = "collector" if name == COLLECTOR else "probe"
                assert vedette("enroll", name, "--role", role, folder=folder, source=before).returncode == 0
                command = ("agent", role, "-c", f"{name}.json", "--log-level", "info")
                senders.enter_context(running(*command, folder=folder, name=name, source=before))
            until(lambda: len(numbers(url)) == len(SENDERS), what=hub.complained)
            assert hub.end() == 0
        stored = numbers(url)
        # The hub is away; its agents are not.
        until(lambda: all(len(waiting(folder, name)) >= 3 for name in SENDERS))
        assert "vedette migrate" in complaint(vedette("up", folder=folder, source=after))
        # An impatient operator: two at once, while what waits keeps growing.
        with ThreadPoolExecutor() as two:
            done = list(two.map(lambda _: vedette("migrate", folder=folder, source=after), range(2)))
        assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
        with reading(url) as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == NEXT
        # Who comes late with the release before is sent away: whoever reads, and an engine that would write.
        engine = ("agent", "aggregation", "-c", "vedette.yml", "--name", "engine-2")
        for command in (("items", "list"), engine):
            old = vedette(*command, folder=folder, source=before)
            assert (old.returncode, "newer" in complaint(old)) == (2, True), old.stderr
        assert numbers(url) == stored
        with running("up", folder=folder, name="after", source=after) as hub:
            hub.until_said("The fleet is up")
            until(lambda: grown(numbers(url), stored) >= 6, what=hub.complained)
            log.end()
            until(lambda: len(followed(url)) >= log.lines, what=hub.complained)
            assert followed(url) == list(range(log.lines))
            senders.close()
            # What an agent had not got rid of when it ended stays in its outbox; everything else is here, once.
            for jid, there in numbers(url).items():
                name = jid.partition("@")[0]
                assert len(set(there)) == len(there), jid
                assert {*there, *waiting(folder, name)} == set(range(made(folder, name))), jid
            status = json.loads(vedette("status", "--json", folder=folder, source=after).stdout)
            assert {agent["jid"] for agent in status} >= {f"{name}@localhost" for name in SENDERS}
            assert hub.end() == 0
        with reading(url) as connection:
            check_logs(connection)
