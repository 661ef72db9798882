"""The store behind PgBouncer in transaction mode: everything works but LISTEN, which goes around it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from registry.database import Database
from registry.export_memory import ExportMemory
from registry.graph import graph_database
from registry.intake import Intake
from registry.item_list import ItemList, ItemsWanted
from registry.notices import Notices, Topic
from tests.registry.a_graph import LINKS, NOW, THINGS, Graph, said
from tests.registry.conftest import ENGINE, Sender
from tests.registry.pool import DatabasePool
from tests.timing import PATIENCE
from vedette.cli.main import build
from vedette.clock import ManualClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.graph.port import VertexFilter


def vedette(*arguments: object) -> Result:
    """Run a command in this process."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(words), words)


@contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """Run a pooler with two connections in front of a database and give its URL; no port is opened."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not Path(program).exists():
        reason = "PgBouncer is not installed: apt-get install pgbouncer"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    behind = make_url(url)
    users, settings, log = folder / "users.txt", folder / "pgbouncer.ini", folder / "pgbouncer.log"
    users.write_text('"postgres" ""\n')
    settings.write_text(
        f"[databases]\n{behind.database} = host={behind.query['host']} dbname={behind.database}\n"
        f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\nauth_type = trust\n"
        f"auth_file = {users}\npool_mode = transaction\ndefault_pool_size = 2\nlogfile = {log}\n"
    )
    account = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if account:
        for place in (folder, users, settings):
            shutil.chown(place, "postgres", "postgres")
    command = ["setpriv", *account, "--pdeathsig=INT", "--", program, "-q", str(settings)]
    server = subprocess.Popen(command)
    try:
        words = f"host={folder} port=6432 user=postgres dbname={behind.database}"
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(words).close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
        yield f"postgresql+psycopg://postgres@/{behind.database}?host={folder}&port=6432"
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach."""
    with tempfile.TemporaryDirectory(prefix="vedette-pooler-") as folder:
        yield Path(folder)


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """A fleet whose store, and the graph in it, are behind a pooler."""

    file: Path
    paths: FleetPaths
    direct: str


@pytest.fixture
def pooled(postgres_stores: DatabasePool, open_folder: Path, tmp_path: Path) -> Iterator[Pooled]:
    """A fleet's configuration, over a migrated store."""
    with postgres_stores.lend() as direct, pgbouncer(direct, open_folder) as behind:
        file = tmp_path / "vedette.yml"
        file.write_text(yaml.safe_dump({"store": behind, "store_listen": direct}))
        yield Pooled(file=file, paths=load_fleet(file)[1], direct=direct)


# Often enough that a driver would have prepared its statements on both of the pooler's connections.
OFTEN = range(12)


async def test_commits_and_reads_go_through_a_pooler(pooled: Pooled, sender: Sender, clock: ManualClock) -> None:
    heard = asyncio.Event()
    url = pooled.paths.direct_store_url
    notices = Notices(url, heard=lambda topic: heard.set() if topic is Topic.ITEMS else None)
    with Database(pooled.paths.store_url, readers=3) as database:
        intake = Intake(database=database, engine=ENGINE, clock=clock)
        await intake.open()
        notices.start()
        try:
            async with asyncio.timeout(PATIENCE):
                await notices.listening.wait()
            heard.clear()
            for _ in OFTEN:
                (answer,) = await intake.commit([sender.deliver(count=3)])
                assert len(answer.committed) == 3
            async with asyncio.timeout(PATIENCE):
                await heard.wait()
        finally:
            await notices.stop()
        lists = ItemList(database=database)
        pages = await asyncio.gather(*(lists.page(wanted=ItemsWanted(), limit=50) for _ in range(20)))
        assert [len(page.rows) for page in pages] == [36] * 20


async def test_the_graph_and_what_exporters_remember_go_through_it(pooled: Pooled) -> None:
    graph_database(pooled.paths.graph_url).migrate()
    with graph_database(pooled.paths.graph_url) as opened, Database(pooled.paths.store_url) as store:
        graph = Graph.over(opened)
        memory = ExportMemory(database=store, destination="misp")
        for number in OFTEN:
            await graph.write.merge([said(number, THINGS, LINKS, at=NOW + number)])
            await memory.remember({f"event:{number}": "sent", "last": str(number)})
        reads = (graph.read.find(VertexFilter(name="Zeus")) for _ in range(30))
        counts = (graph.read.counts() for _ in range(30))
        recalls = (memory.recall([f"event:{number}" for number in OFTEN]) for _ in range(30))
        found, counted, recalled = await asyncio.gather(
            asyncio.gather(*reads), asyncio.gather(*counts), asyncio.gather(*recalls)
        )
    assert {len(one.vertices) for one in found} == {1}
    assert {one.origins for one in counted} == {len(OFTEN)}
    assert {len(one) for one in recalled} == {len(OFTEN)}


def test_commands_go_through_it_and_copies_around_it(pooled: Pooled, tmp_path: Path) -> None:
    pooled.paths.make()
    copied = vedette("backup", tmp_path / "copy", "-c", pooled.file)
    assert copied.exit_code == 0, copied.output
    listed = vedette("audit", "list", "-c", pooled.file, "--json")
    assert [entry["action"] for entry in json.loads(listed.stdout)["entries"]] == ["store.backup"]
