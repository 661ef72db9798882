"""`vedette migrate`: bring the schemas of store and graph to this release's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from registry import graph_migrations, migrations
from registry.audit import Audit, AuditEntry
from registry.database import Database
from registry.graph import graph_database
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock


def migrate(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Make store and graph if there are none, else migrate them; nothing else may use them meanwhile."""
    _, paths = open_fleet(config)
    paths.make()
    database, graph = Database(paths.store_url), graph_database(paths.graph_url)
    copies = {"store": database.migrate(), "graph": graph.migrate()}
    _record(database)
    if as_json:
        said = {name: None if copy is None else str(copy) for name, copy in copies.items()}
        print_json(
            {
                "store": database.place,
                "graph": graph.place,
                "current": True,
                "copy": said["store"],
                "graph_copy": said["graph"],
            }
        )
        return
    for name, copy in copies.items():
        if copy is not None:
            print_line(f"{copy}: the {name} as it was before")
    print_line(f"{database.place}: the schema is this release's")
    print_line(f"{graph.place}: the schema of the graph is this release's")


def _record(database: Database) -> None:
    by = command_line_actor()
    detail = f"to revision {migrations.HEAD}, the graph to {graph_migrations.HEAD}"
    entry = AuditEntry(who=by.who, action="store.migrate", object="schema", origin=by.origin, detail=detail)
    with database:
        asyncio.run(Audit(database=database, clock=SystemClock()).record(entry))
