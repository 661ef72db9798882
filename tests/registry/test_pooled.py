"""The store behind PgBouncer in transaction mode: everything works but LISTEN, which goes around it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from registry.database import Database
from registry.intake import Intake
from registry.item_list import ItemList, ItemsWanted
from registry.notices import Notices, Topic
from tests.registry.conftest import ENGINE, Sender
from tests.registry.pool import DatabasePool
from tests.timing import PATIENCE
from vedette.clock import ManualClock


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


async def test_commits_and_reads_go_through_a_pooler(
    postgres_stores: DatabasePool, open_folder: Path, sender: Sender, clock: ManualClock
) -> None:
    with postgres_stores.lend() as url, pgbouncer(url, open_folder) as pooled:
        heard = asyncio.Event()
        notices = Notices(url, heard=lambda topic: heard.set() if topic is Topic.ITEMS else None)
        with Database(pooled, readers=3, pooled=True) as database:
            intake = Intake(database=database, engine=ENGINE, clock=clock)
            await intake.open()
            notices.start()
            try:
                async with asyncio.timeout(PATIENCE):
                    await notices.listening.wait()
                heard.clear()
                # Often enough that a driver would have prepared its statements.
                for _ in range(12):
                    (answer,) = await intake.commit([sender.deliver(count=3)])
                    assert len(answer.committed) == 3
                async with asyncio.timeout(PATIENCE):
                    await heard.wait()
            finally:
                await notices.stop()
            lists = ItemList(database=database)
            pages = await asyncio.gather(*(lists.page(wanted=ItemsWanted(), limit=50) for _ in range(20)))
            assert [len(page.rows) for page in pages] == [36] * 20
