"""Opening the fleet's store for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.database import Database
from vedette.cli.enrolment import default_fleet_file
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet


def open_fleet(file: Path | None) -> tuple[FleetConfiguration, FleetPaths]:
    """Return the configuration that a command works on.

    Raises:
        ConfigurationError: there is none, or it is wrong.
    """
    return load_fleet(default_fleet_file(file))


@contextmanager
def open_store(paths: FleetPaths) -> Iterator[Database]:
    """Open the store for the time of a command.

    Raises:
        StoreError: it does not exist, is not current, or cannot be reached.
    """
    with Database(paths.store_url) as database:
        yield database
