"""Copies of a PostgreSQL store with PostgreSQL's own tools, so that they are of use without Vedette, too."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from registry.backup_manifest import BackupError

T = TypeVar("T")

SCHEMA = "public"
"""Where the store's tables are."""

_INSTALLED = Path("/usr/lib/postgresql")
_MAX_COMPLAINT = 2_000


def tool(name: str) -> str:
    """Return the path of one of PostgreSQL's tools.

    Raises:
        BackupError: it is not installed.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    versions = sorted(_INSTALLED.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise BackupError(f"{name} is not installed, and a PostgreSQL store needs it: install postgresql-client")
    return str(versions[-1])


def connection_environment(url: URL) -> dict[str, str]:
    """Return the environment in which PostgreSQL's tools find a database; a password never is an argument."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    names |= {
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
        "passfile": "PGPASSFILE",
        "service": "PGSERVICE",
    }
    given: dict[str, object] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    for key, value in url.query.items():
        if key not in names:
            raise BackupError(f"the store's URL has {key!r}, which the tools of PostgreSQL cannot be told")
        given[key] = value if isinstance(value, str) else ",".join(value)
    own = {name: str(given[key]) for key, name in names.items() if given.get(key)}
    return {**os.environ, **own, "PGCONNECT_TIMEOUT": "10"}


def dump_store(url: URL, target: Path, read: Callable[[Connection], T]) -> T:
    """Dump one state of a store that may be written meanwhile (custom format), and return what `read` finds in it.

    Raises:
        BackupError: a tool is missing or failed; no dump is left.
    """
    program = tool("pg_dump")
    engine = create_engine(url, isolation_level="REPEATABLE READ", connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            # The dump sees exactly what the facts are read from.
            snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            facts = read(connection)
            options = ["--format=custom", f"--schema={SCHEMA}", "--no-owner", "--no-privileges", "--no-password"]
            run_tool([program, *options, f"--snapshot={snapshot}", f"--file={target}"], connection_environment(url))
            target.chmod(0o600)
            return facts
    except (SQLAlchemyError, OSError) as error:
        raise BackupError(f"the store cannot be dumped: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()


def run_tool(command: Sequence[str], environment: Mapping[str, str], *, stdin: IO[bytes] | None = None) -> None:
    """Run one of PostgreSQL's tools to its end.

    Raises:
        BackupError: it cannot be started, or failed; has its own words.
    """
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise BackupError(f"{command[0]}: cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise BackupError(f"{Path(command[0]).name} failed: {_words(done.stderr)}")


@contextmanager
def script_of(dump: Path, *options: str) -> Iterator[IO[bytes]]:
    """Give what a dump holds as SQL, to be read to its end.

    Raises:
        BackupError: it is not a dump, or is damaged.
    """
    command = [
        tool("pg_restore"),
        "--no-owner",
        "--no-privileges",
        f"--schema={SCHEMA}",
        *options,
        "-f",
        "-",
        str(dump),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if process.stdout is None or process.stderr is None:
            raise BackupError(f"{dump}: cannot be read")
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        # What it complains of fits into the pipe: it stops at the first error.
        complaint = process.stderr.read()
    if process.returncode != 0:
        raise BackupError(f"{dump}: is not a whole dump: {_words(complaint)}")


def _words(data: bytes) -> str:
    lines = data[:_MAX_COMPLAINT].decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else "it said nothing"
