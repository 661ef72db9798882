"""Making a fleet's databases, in a process of its own: the tools for that are 16 MB that a fleet shall not carry."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from registry.database import Database
from registry.graph import graph_database
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.errors import StoreError, VedetteError


async def make_databases(paths: FleetPaths) -> None:
    """Make a fleet's store and graph where there is none; an older one is migrated by `vedette migrate` only.

    Raises:
        StoreError: one cannot be made; says why.
    """
    if not missing(paths):
        return
    argv = [sys.executable, "-m", "vedette.cli.making", str(paths.file)]
    process = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE)
    try:
        said, _ = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise StoreError(said.decode(errors="replace").strip() or "the databases cannot be made; the log says why")


def missing(paths: FleetPaths) -> list[Database]:
    """Return which databases are not there; a server's are made by `vedette migrate` alone."""
    both = (Database(paths.store_url), graph_database(paths.graph_url))
    return [one for one in both if one.dialect == "sqlite" and not Path(one.place).exists()]


def make(file: Path) -> None:
    """Make what is missing, in this process.

    Raises:
        VedetteError: it cannot be made.
    """
    _, paths = load_fleet(file)
    for database in missing(paths):
        database.migrate()


def main() -> int:
    """Make what the argument's fleet needs; returns the exit code, the reason is printed."""
    try:
        make(Path(sys.argv[1]))
    except VedetteError as error:
        sys.stdout.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
