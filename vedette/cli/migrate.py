"""`vedette migrate`: bring the store's schema to this release's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from registry import migrations
from registry.audit import Audit, AuditEntry
from registry.database import Database
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock


def migrate(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Make the store if there is none, else migrate it; nothing else may use it meanwhile."""
    _, paths = open_fleet(config)
    paths.make()
    database = Database(paths.store_url)
    copy = database.migrate()
    _record(database)
    if as_json:
        print_json({"store": database.place, "current": True, "copy": str(copy) if copy is not None else None})
    else:
        if copy is not None:
            print_line(f"{copy}: the store as it was before")
        print_line(f"{database.place}: the schema is this release's")


def _record(database: Database) -> None:
    by = command_line_actor()
    detail = f"to revision {migrations.HEAD}"
    entry = AuditEntry(who=by.who, action="store.migrate", object="schema", origin=by.origin, detail=detail)
    with database:
        asyncio.run(Audit(database=database, clock=SystemClock()).record(entry))
