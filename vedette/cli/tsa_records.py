"""What the commands about authorities read from the store and write into its audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from registry.audit import Audit, AuditEntry
from registry.authorities import AuthorityTokens, tokens_by_authority
from registry.database import Database
from vedette.cli.actor import command_line_actor
from vedette.cli.output import Exit, complain
from vedette.cli.store import open_store
from vedette.clock import SystemClock
from vedette.configuration.editing import EditError
from vedette.configuration.fleet import FleetPaths
from vedette.errors import VedetteError


def given_tokens(paths: FleetPaths) -> dict[str, AuthorityTokens]:
    """Return what each authority gave, by its name; nothing where there is no store yet.

    Raises:
        StoreError: the store cannot be read.
    """
    if not _has_store(paths):
        return {}
    with open_store(paths) as database:
        return asyncio.run(tokens_by_authority(database))


def record(paths: FleetPaths, *, action: str, name: str, detail: str) -> None:
    """Write what was done into the audit log; where there is no store yet there is none."""
    if not _has_store(paths):
        return
    by = command_line_actor()
    entry = AuditEntry(who=by.who, action=action, object=name, origin=by.origin, detail=detail)
    try:
        with open_store(paths) as database:
            asyncio.run(Audit(database=database, clock=SystemClock()).record(entry))
    except VedetteError as error:
        complain(f"done, but not in the audit log: {error}")


def refused_edit(error: EditError) -> typer.Exit:
    """Say why a configuration is not changed, and what to write into it instead."""
    first, *more = error.advice.splitlines()
    complain(f"{error}; {first}")
    for line in more:
        typer.echo(printable(line), err=True)
    return typer.Exit(Exit.USAGE)


def printable(text: str) -> str:
    """Return a line whose control characters, of hostile names, do not reach the terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _has_store(paths: FleetPaths) -> bool:
    database = Database(paths.store_url)
    return database.dialect != "sqlite" or Path(database.place).exists()
