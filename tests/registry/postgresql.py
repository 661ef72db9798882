"""A PostgreSQL server of our own, started by the tests that ask for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.timing import PATIENCE

# Its data need not outlive it. Without autovacuum a table's figures are only those that a test asked for.
_SETTINGS = (
    "listen_addresses=",
    "max_connections=50",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
)


def programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def as_postgres(*command: str) -> list[str]:
    """The command for an account that is not root, which ends with the tests even if they are killed."""
    account = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    return ["setpriv", *account, "--pdeathsig=INT", "--", *command]


def wait_for_server(server: subprocess.Popen[bytes], admin: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(admin).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {log.read_text()}")
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """The socket's folder of a running server."""
    with running_postgres() as folder:
        yield folder


@contextmanager
def running_postgres(*settings: str) -> Iterator[Path]:
    """Run a server, with more settings or others, and give its socket's folder; no port is opened."""
    binaries = programs()
    if binaries is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="vedette-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = str(folder / "data")
    initdb = as_postgres(str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    server = start_server(folder, *settings)
    try:
        wait_for_server(server, f"host={folder} user=postgres dbname=postgres", folder / "log")
        yield folder
    finally:
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for a connection that a failed test left.
        server.send_signal(signal.SIGINT)
        server.wait(timeout=PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def start_server(folder: Path, *settings: str) -> subprocess.Popen[bytes]:
    """Start the server whose data are in a folder, where its socket is, too."""
    binaries = programs()
    assert binaries is not None
    options = ["-k", str(folder), *(word for setting in (*_SETTINGS, *settings) for word in ("-c", setting))]
    with (folder / "log").open("ab") as output:
        command = as_postgres(str(binaries / "postgres"), "-D", str(folder / "data"), *options)
        return subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """Make a database that nobody migrated, and give its URL; it goes with the block."""
    name = f"t{uuid4().hex}"
    postgres_sql(folder, f"CREATE DATABASE {name}")
    try:
        yield postgres_url(folder, name)
    finally:
        postgres_sql(folder, f"DROP DATABASE {name} WITH (FORCE)")


def postgres_url(folder: Path, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


def postgres_sql(folder: Path, statement: str) -> None:
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
