"""`vedette migrate`: bring the store's schema to this release's."""

from __future__ import annotations

from pathlib import Path

from registry.database import Database
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.store import open_fleet


def migrate(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Make the store if there is none, else migrate it; nothing else may use it meanwhile."""
    _, paths = open_fleet(config)
    paths.make()
    database = Database(paths.store_url)
    database.migrate()
    if as_json:
        print_json({"store": database.place, "current": True})
    else:
        print_line(f"{database.place}: the schema is this release's")
