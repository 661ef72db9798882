"""Dumps of a store as a release leaves it: `python -m tests.registry.schema_dumps FOLDER` makes this release's."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg

from registry import migrations
from registry.backup_postgres import connection_environment, tool
from registry.database import Database
from registry.engines import is_sqlite, parse_url
from registry.proofs import Proofs
from tests.registry.backing_up import ENGINE, Filled
from tests.registry.postgresql import postgres_sql, postgres_url, running_postgres
from vedette.evidence.authority.local import LocalAuthority


def dump(url: str, folder: Path) -> Path:
    """Write schema and data of a store as SQL that needs nothing but a driver to load."""
    parsed = parse_url(url)
    file = folder / f"{migrations.HEAD}.{parsed.get_backend_name()}.sql"
    if is_sqlite(parsed):
        with closing(sqlite3.connect(str(parsed.database))) as store:
            file.write_text("\n".join(store.iterdump()) + "\n")
        return file
    options = ["--inserts", "--no-owner", "--no-privileges", "--schema=public"]
    command = [tool("pg_dump"), *options]
    done = subprocess.run(command, env=connection_environment(parsed), capture_output=True, text=True, check=True)
    # Commands of psql itself, such as \restrict, are for psql alone.
    kept = [line for line in done.stdout.splitlines() if not line.startswith(("\\", "CREATE SCHEMA public"))]
    file.write_text("\n".join(kept) + "\n")
    return file


def load(file: Path, url: str) -> None:
    """Make a store from a dump."""
    parsed = parse_url(url)
    if is_sqlite(parsed):
        with closing(sqlite3.connect(str(parsed.database))) as store:
            store.executescript(file.read_text())
        return
    with psycopg.connect(str(parsed.set(drivername="postgresql")), autocommit=True) as connection:
        connection.execute(file.read_text().encode())


async def fill(url: str, folder: Path) -> None:
    """Put something of everything that matters into a store: items, documents, batches, tokens."""
    filled = Filled(url=url, folder=folder)
    await filled.open()
    await filled.commit(40)
    await filled.put(b"a document")
    gone = await filled.put(b"a document that was deleted")
    await filled.documents.delete(gone.sha256, by="test", reason="to leave a tombstone")
    proofs = Proofs(database=filled.database, engine=ENGINE, clock=filled.clock)
    authority = LocalAuthority.open(folder / "tsa", clock=filled.clock, create=True)
    while (batch := await proofs.close_batch(max_items=15)) is not None:
        token = await authority.stamp(batch.root)
        await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
    filled.close()


def make(url: str, folder: Path, target: Path) -> Path:
    """Make a store of this release and dump it."""
    database = Database(url)
    database.migrate()
    database.close()
    asyncio.run(fill(url, folder))
    return dump(url, target)


def main() -> None:
    """Make this release's dumps."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch, running_postgres() as postgres:
        postgres_sql(postgres, "CREATE DATABASE dump")
        for name, url in (("one", f"sqlite:///{scratch}/store.db"), ("two", postgres_url(postgres, "dump"))):
            (Path(scratch) / name).mkdir()
            sys.stdout.write(f"{make(url, Path(scratch) / name, target)}\n")


if __name__ == "__main__":
    main()
